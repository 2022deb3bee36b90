"""The ways out of the inbox, behind one interface. No message holds a protected field; the
telephone number of a text message is known to its channel alone, and only while it is sent."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from guanjia.notifications.gateways import DeliveryFailed, Gateway
from guanjia.notifications.models import NoticeChannel
from guanjia.settings import Settings


@dataclass(frozen=True, slots=True)
class Message:
    """One notice on its way to one member. `key` is the same at each attempt."""

    key: str
    tenant: str
    recipient: UUID
    kind: str
    title: str
    text: str
    told_at: dt.datetime
    sent_at: dt.datetime
    phone: str | None = field(default=None, repr=False)

    def described(self) -> dict[str, Any]:
        """What a receiver gets to know: ids, words, times."""
        return {
            "key": self.key, "tenant": self.tenant, "recipient": str(self.recipient),
            "kind": self.kind, "title": self.title, "text": self.text,
            "toldAt": self.told_at.isoformat(),
        }  # fmt: skip


class Channel(Protocol):
    """Takes a message, once for its key as far as it can know; DeliveryFailed when it did not.

    needs_phone: the message must carry its recipient's number."""

    @property
    def needs_phone(self) -> bool: ...

    async def send(self, message: Message) -> None: ...


@dataclass(frozen=True)
class FileChannel:
    """One file a message, one line of JSON in it: exactly once, whoever is killed when."""

    folder: Path
    needs_phone = False

    async def send(self, message: Message) -> None:
        try:
            await asyncio.to_thread(self._write, message)
        except OSError as fault:
            raise DeliveryFailed(f"消息文件无法写入({type(fault).__name__})。") from None

    def _write(self, message: Message) -> None:
        folder = self.folder / message.tenant
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = json.dumps(message.described(), ensure_ascii=False, sort_keys=True) + "\n"
        handle, unfinished = tempfile.mkstemp(dir=folder, prefix=".unfinished.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(line)
        os.replace(unfinished, folder / f"{message.key}.json")


@dataclass(frozen=True)
class WebhookChannel:
    """The district's own message platform, which knows members by their ids."""

    gateway: Gateway
    needs_phone = False

    async def send(self, message: Message) -> None:
        body = json.dumps(message.described(), ensure_ascii=False, sort_keys=True).encode()
        await self.gateway.post(body, message.key, int(message.sent_at.timestamp()))


@dataclass(frozen=True)
class SmsChannel:
    """A text message gateway. `body` is its JSON, in whose texts {phone}, {text} and {key} are
    filled in; `accepted` is what its answer contains when it took the message."""

    gateway: Gateway
    body: Mapping[str, Any]
    accepted: str
    needs_phone = True

    async def send(self, message: Message) -> None:
        given = {"{phone}": message.phone or "", "{text}": message.text, "{key}": message.key}
        body = json.dumps(_filled(self.body, given), ensure_ascii=False).encode()
        answer = await self.gateway.post(body, message.key, int(message.sent_at.timestamp()))
        if self.accepted not in answer:
            raise DeliveryFailed("短信网关没有接受该消息。")


def channels_of(settings: Settings) -> dict[NoticeChannel, Channel]:
    """The channels that the operator has configured, for tenants without a gateway of their own."""
    found: dict[NoticeChannel, Channel] = {}
    folder = settings.outbox_folder()
    if folder is not None:
        found[NoticeChannel.FILE] = FileChannel(folder)
    if settings.webhook_url and settings.webhook_key:
        gateway = Gateway.of_operator(settings, settings.webhook_url, settings.webhook_key)
        found[NoticeChannel.WEBHOOK] = WebhookChannel(gateway)
    if settings.sms_url and settings.sms_key:
        gateway = Gateway.of_operator(settings, settings.sms_url, settings.sms_key)
        body = json.loads(settings.sms_body)
        found[NoticeChannel.SMS] = SmsChannel(gateway, body, settings.sms_accepted)
    return found


def _filled(part: Any, given: Mapping[str, str]) -> Any:
    if isinstance(part, Mapping):
        return {name: _filled(inner, given) for name, inner in part.items()}
    if isinstance(part, list):
        return [_filled(inner, given) for inner in part]
    if not isinstance(part, str):
        return part
    # The values are put in side by side: what one holds is no place for another.
    for place, value in given.items():
        head, found, tail = part.partition(place)
        if found:
            return _filled(head, given) + value + _filled(tail, given)
    return part
