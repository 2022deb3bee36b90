"""A tenant's own gateways for what leaves the inbox; without one the operator's is used.

The key that signs what is sent lies sealed under the tenant's keys. It is told to nobody, and is
opened for the moment of sending.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.db.seals import Holder, StoredKey, sealing
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, UNAVAILABLE, Refusal
from guanjia.notifications.channels import Channel, SmsChannel, WebhookChannel, channels_of
from guanjia.notifications.gateways import DeliveryFailed, Gateway
from guanjia.notifications.models import GATEWAYS, NoticeChannel
from guanjia.notifications.wording import CHANGED
from guanjia.settings import Settings, SettingsError

TABLE, PLACE = "notice_gateways", "secret_cipher"
URL_LENGTH, BODY_LENGTH, ACCEPTED_LENGTH = 300, 2_000, 100
SHORTEST_KEY, LONGEST_KEY = 32, 200
_OWN = f"select * from {TABLE} where tenant_id = $1 and channel = $2"
_STORE = (
    f"insert into {TABLE} (id, channel, version, url, body, accepted, secret_cipher, sealed_key,"
    " key_version, changed_at, changed_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    " on conflict (tenant_id, channel) do update set version = excluded.version,"
    " url = excluded.url, body = excluded.body, accepted = excluded.accepted,"
    " secret_cipher = excluded.secret_cipher, sealed_key = excluded.sealed_key,"
    " key_version = excluded.key_version, changed_at = excluded.changed_at,"
    " changed_by = excluded.changed_by"
)


@dataclass(frozen=True, slots=True)
class OwnGateway:
    """What a tenant sets of a gateway. With `url` None it goes back to the operator's; with `key`
    None the key that is there stays."""

    channel: NoticeChannel
    url: str | None
    key: str | None = None
    body: str | None = None
    accepted: str | None = None


async def gateways_of(connection: Any, tenant_id: UUID) -> dict[NoticeChannel, Mapping[str, Any]]:
    """The tenant's own gateways by channel, without what opens them."""
    rows = await connection.fetch(
        f"select channel, version, url, body, accepted, changed_at from {TABLE}"
        " where tenant_id = $1",
        tenant_id,
    )
    return {NoticeChannel(row["channel"]): row for row in rows}


async def channel_of(
    transaction: Transaction, settings: Settings, channel: NoticeChannel
) -> Channel | None:
    """The channel as the tenant has it, or else the operator; None where neither has."""
    row = await transaction.connection.fetchrow(_OWN, transaction.tenant_id, channel)
    if row is None:
        return channels_of(settings).get(channel)
    gateway = Gateway.of_tenant(settings, row["url"], await _opened(transaction, settings, row))
    if channel is NoticeChannel.SMS:
        return SmsChannel(gateway, json.loads(row["body"]), row["accepted"])
    return WebhookChannel(gateway)


async def set_gateway(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    settings: Settings,
    given: OwnGateway,
    *,
    version: int,
    now: dt.datetime,
) -> None:
    """The tenant's messages go there from now on; CONFLICT when `version` is not the one in force,
    0 before there was any."""
    if given.channel not in GATEWAYS:
        raise Refusal(BAD_USER_INPUT, "该通道没有网关。", ("channel",))
    row = await transaction.connection.fetchrow(
        f"{_OWN} for update", transaction.tenant_id, given.channel
    )
    if (row["version"] if row else 0) != version:
        raise Refusal(CONFLICT, f"该网关{CHANGED}", ("version",))
    if given.url is None:
        await transaction.connection.execute(
            f"delete from {TABLE} where tenant_id = $1 and channel = $2",
            transaction.tenant_id,
            given.channel,
        )
        host = None
    else:
        _check(settings, given, keyed=row is not None)
        await _store(transaction, actor, settings, given, row, version + 1, now)
        host = urlsplit(given.url).hostname
    await record(
        transaction, actor=actor, action="notice.set_gateway", permission=scope.permission,
        object_type="NoticeGateway",
        detail={"channel": given.channel, "host": host, "new_key": given.key is not None},
    )  # fmt: skip


def _check(settings: Settings, given: OwnGateway, *, keyed: bool) -> None:
    url = given.url or ""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        named = False
    if not named or parts.scheme != "https" or set("@?#") & set(url):
        # Tokens are often put into a query; here they would lie in clear.
        raise Refusal(
            BAD_USER_INPUT, "网关地址应以 https:// 开头,不含账号、参数(?)和片段(#)。", ("url",)
        )
    if len(url) > URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        raise Refusal(
            BAD_USER_INPUT, f"网关地址最长{URL_LENGTH}个字符,只含可见的英文字符。", ("url",)
        )
    try:
        Gateway.of_tenant(settings, url, "").refuse_inside()
    except DeliveryFailed as inside:
        raise Refusal(BAD_USER_INPUT, inside.message, ("url",)) from None
    if given.key is None and not keyed:
        raise Refusal(BAD_USER_INPUT, "请给出签名密钥。", ("key",))
    if given.key is not None and not (
        SHORTEST_KEY <= len(given.key) <= LONGEST_KEY
        and given.key.isascii()
        and given.key.isprintable()
    ):
        raise Refusal(
            BAD_USER_INPUT,
            f"签名密钥须为{SHORTEST_KEY}到{LONGEST_KEY}个可见的英文字符。",
            ("key",),
        )
    if given.channel is not NoticeChannel.SMS:
        if given.body is not None or given.accepted is not None:
            raise Refusal(BAD_USER_INPUT, "只有短信网关有请求内容和接受标志。", ("body",))
        return
    if given.body is None or len(given.body) > BODY_LENGTH or not _is_template(given.body):
        raise Refusal(
            BAD_USER_INPUT,
            f"请求内容须为最长{BODY_LENGTH}个字的 JSON 对象,其文字中含 {{phone}} 和 {{text}}。",
            ("body",),
        )
    if not given.accepted or len(given.accepted) > ACCEPTED_LENGTH:
        raise Refusal(
            BAD_USER_INPUT,
            f"请给出网关接受消息时答复中所含的文字,最长{ACCEPTED_LENGTH}个字。",
            ("accepted",),
        )


def _is_template(body: str) -> bool:
    """A JSON object in whose texts the number and the words are filled in."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return False
    texts = "\n".join(_texts(found))
    return isinstance(found, dict) and "{phone}" in texts and "{text}" in texts


def _texts(part: Any) -> list[str]:
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list):
        return [text for inner in part for text in _texts(inner)]
    return [part] if isinstance(part, str) else []


async def _store(
    transaction: Transaction,
    actor: Actor,
    settings: Settings,
    given: OwnGateway,
    row: Any,
    version: int,
    now: dt.datetime,
) -> None:
    made = row["id"] if row else new_id()
    if given.key is None:
        sealed = (row["secret_cipher"], row["sealed_key"], row["key_version"])
    else:
        provider = sealing(settings)
        if provider is None:
            raise Refusal(UNAVAILABLE, "此服务不能保存密钥。", ("key",))
        seal, stored = await provider.new(
            transaction.connection, transaction.tenant_id, Holder(TABLE, made, TABLE)
        )
        sealed = (seal.seal(given.key.encode(), PLACE), stored.sealed, stored.version)
    await transaction.connection.execute(
        _STORE, made, given.channel, version, given.url, given.body, given.accepted, *sealed, now,
        actor.membership_id,
    )  # fmt: skip


async def _opened(transaction: Transaction, settings: Settings, row: Any) -> str:
    """The key in clear; DeliveryFailed where this process has not what opens it."""
    try:
        provider = sealing(settings)
        assert provider is not None, "a key was sealed by it"
        seal = await provider.existing(
            transaction.connection,
            transaction.tenant_id,
            Holder(TABLE, row["id"], TABLE),
            StoredKey(bytes(row["sealed_key"]), row["key_version"]),
        )
    except SettingsError:
        raise DeliveryFailed("后台任务没有主密钥,不能使用本租户的网关,请联系平台运维。") from None
    return seal.open(bytes(row["secret_cipher"]), PLACE).decode()
