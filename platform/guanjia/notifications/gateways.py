"""Posting to somebody else's server: over TLS, to an address that was looked at, never elsewhere.

The name is resolved once and the connection goes to what was found then, so that no second answer
of the name server leads inside. Private networks are closed but for those that the operator names;
no redirect is followed, and little of the answer is read.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urlsplit

import httpx

from guanjia.graph.errors import Refusal
from guanjia.settings import Settings, networks

TIMEOUT_SECONDS = 5.0
MAX_BYTES = 64 * 1024
FAILED = "DELIVERY_FAILED"
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_TRANSLATED_INSIDE = ipaddress.IPv6Network("64:ff9b:1::/48")
"""NAT64 (RFC 6052), and its use inside of a network (RFC 8215)."""
_INSIDE = "消息通道的地址在内部网络中,未被允许。"


class DeliveryFailed(Refusal):
    """The message was not taken; the sentence names neither the recipient nor the text."""

    def __init__(self, sentence: str) -> None:
        super().__init__(FAILED, sentence)


@dataclass(frozen=True)
class Gateway:
    """A server that takes messages, and the key that signs what is sent to it."""

    url: str
    key: str = field(repr=False)
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    plain_loopback: bool = False

    @staticmethod
    def of_operator(settings: Settings, url: str, key: str) -> Gateway:
        plain = settings.environment == "development"
        return Gateway(url, key, networks(settings.gateway_networks), plain)

    @staticmethod
    def of_tenant(settings: Settings, url: str, key: str) -> Gateway:
        """What a tenant names is somebody else's word: it reaches into no network that the operator
        did not open for tenants, and goes over TLS everywhere."""
        return Gateway(url, key, networks(settings.tenant_gateway_networks))

    def refuse_inside(self) -> None:
        """DeliveryFailed for an address that says by itself that it leads inside; a name is looked
        up when something is sent."""
        try:
            place = ipaddress.ip_address((urlsplit(self.url).hostname or "").rstrip("."))
        except ValueError:
            return
        if not self._open(place):
            raise DeliveryFailed(_INSIDE)

    async def post(self, body: bytes, key: str, at: int) -> str:
        """The server took the body, once for this idempotency key; what it answered.
        DeliveryFailed when it did not, in five seconds, or may not be asked at all."""
        parts = urlsplit(self.url)
        headers = {
            "content-type": "application/json",
            "host": parts.netloc.rpartition("@")[2],
            "idempotency-key": key,
            "x-guanjia-timestamp": str(at),
            "x-guanjia-signature": f"sha256={signature(self.key, at, body)}",
        }
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                address = await self._address()
                return await _posted(address, parts.hostname or "", body, headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, ValueError) as fault:
            # Not the library's words: they may repeat what was sent.
            raise DeliveryFailed(f"消息通道无法连接({_why(fault)})。") from None

    async def _address(self) -> str:
        """The address with the name's place taken by what it was resolved to."""
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        places = [ipaddress.ip_address(each[4][0]) for each in found]
        if not places or not all(map(self._open, places)):
            raise DeliveryFailed(_INSIDE)
        loopback = self.plain_loopback and all(place.is_loopback for place in places)
        if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
            raise DeliveryFailed("消息通道的地址应以 https:// 开头。")
        place = f"[{places[0]}]" if places[0].version == 6 else str(places[0])
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{place}:{port}{parts.path or '/'}{query}"

    def _open(self, place: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        inner = _carried(place) or place
        if any(inner in network for network in self.networks):
            return True
        if inner.is_loopback:
            return self.plain_loopback
        # Of these two the library says that they are global.
        local = inner.version == 6 and (inner.is_site_local or inner in _TRANSLATED_INSIDE)
        return inner.is_global and not inner.is_multicast and not local


def _carried(
    place: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | None:
    """The address of version 4 that one of version 6 stands for: a translator on the way takes the
    message there."""
    if isinstance(place, ipaddress.IPv4Address) or place.is_loopback:
        return None
    if place in _TRANSLATED or int(place) >> 32 == 0:
        return ipaddress.IPv4Address(int(place) & 0xFFFFFFFF)
    return place.ipv4_mapped or place.sixtofour


def _why(fault: Exception) -> str:
    if isinstance(fault, socket.gaierror):
        return "域名无法解析"
    if isinstance(fault, TimeoutError | httpx.TimeoutException):
        return "超时"
    if isinstance(fault, httpx.ConnectError | OSError):
        return "连接失败或证书不符"
    return "地址或答复无效"


def signature(key: str, at: int, body: bytes) -> str:
    """HMAC-SHA-256 over the timestamp, a full stop and the body, in hexadecimal."""
    return hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


@cache
def _transport() -> httpx.AsyncHTTPTransport:
    """One for the process: reading the trusted roots takes longer than sending. Beneath the client,
    which would carry one gateway's cookies to another; and no connection is kept, because two
    gateways may share an address, and each proves its own name."""
    return httpx.AsyncHTTPTransport(
        verify=ssl.create_default_context(),
        trust_env=False,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


async def _posted(address: str, name: str, body: bytes, headers: Mapping[str, str]) -> str:
    asked = httpx.Request(
        "POST",
        address,
        content=body,
        headers=headers,
        extensions={
            "sni_hostname": name,
            "timeout": httpx.Timeout(TIMEOUT_SECONDS).as_dict(),
        },
    )
    got = await _transport().handle_async_request(asked)
    try:
        if not got.is_success:
            raise DeliveryFailed(f"消息通道返回 {got.status_code}。")
        answer = b""
        async for chunk in got.aiter_bytes():
            answer += chunk
            if len(answer) > MAX_BYTES:
                raise DeliveryFailed("消息通道的答复过长。")
    finally:
        await got.aclose()
    return answer.decode("utf-8", "replace")
