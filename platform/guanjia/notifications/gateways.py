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
from urllib.parse import urlsplit

import httpx

from guanjia.graph.errors import Refusal
from guanjia.settings import Settings

TIMEOUT_SECONDS = 5.0
MAX_BYTES = 64 * 1024
FAILED = "DELIVERY_FAILED"


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
    def of(settings: Settings, url: str, key: str) -> Gateway:
        return Gateway(url, key, settings.networks(), settings.environment == "development")

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
            raise DeliveryFailed(f"消息通道无法连接({type(fault).__name__})。") from None

    async def _address(self) -> str:
        """The address with the name's place taken by what it was resolved to."""
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        places = [ipaddress.ip_address(each[4][0]) for each in found]
        if not places or not all(map(self._open, places)):
            raise DeliveryFailed("消息通道的地址在内部网络中,未被允许。")
        loopback = self.plain_loopback and all(place.is_loopback for place in places)
        if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
            raise DeliveryFailed("消息通道的地址应以 https:// 开头。")
        place = f"[{places[0]}]" if places[0].version == 6 else str(places[0])
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{place}:{port}{parts.path or '/'}{query}"

    def _open(self, place: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        inner = getattr(place, "ipv4_mapped", None) or place
        if any(inner in network for network in self.networks):
            return True
        if inner.is_loopback:
            return self.plain_loopback
        return inner.is_global and not inner.is_multicast


def signature(key: str, at: int, body: bytes) -> str:
    """HMAC-SHA-256 over the timestamp, a full stop and the body, in hexadecimal."""
    return hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


async def _posted(address: str, name: str, body: bytes, headers: Mapping[str, str]) -> str:
    async with httpx.AsyncClient(
        verify=ssl.create_default_context(), trust_env=False, follow_redirects=False,
        timeout=TIMEOUT_SECONDS,
    ) as client:  # fmt: skip
        async with client.stream(
            "POST", address, content=body, headers=headers, extensions={"sni_hostname": name}
        ) as got:
            if not got.is_success:
                raise DeliveryFailed(f"消息通道返回 {got.status_code}。")
            answer = b""
            async for chunk in got.aiter_bytes():
                answer += chunk
                if len(answer) > MAX_BYTES:
                    raise DeliveryFailed("消息通道的答复过长。")
    return answer.decode("utf-8", "replace")
