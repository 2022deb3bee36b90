"""Out of the inbox: files, a webhook and a text message gateway that are really there."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from tests.api.test_subscriptions import until
from tests.people.test_canaries import overheard as overheard

from guanjia import settings
from guanjia.jobs import kinds
from guanjia.jobs.queue import Outcome, drain
from guanjia.notifications import channels, notices
from guanjia.notifications.delivery import after_quiet_hours
from guanjia.notifications.gateways import DeliveryFailed, Gateway, signature
from guanjia.notifications.models import DELIVER, NoticeChannel
from guanjia.notifications.notices import NoticeKind, register, tell
from guanjia.settings import Settings

NOON = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
KEY = "k" * 32
PHONE = "13900000001"
GREETING = NoticeKind("test.greeting", "测试通知", "{name}有一件事。", facts=("name",))
SENT = "{ notifications { nodes { id deliveries { channel state dueAt sentAt } } } }"


@dataclass
class Receiver:
    """A server on the loopback that keeps what it is sent, and answers as it is told."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 200
    answer: str = '{"code":"0"}'
    cookie: str = ""

    async def take(self, request: Request) -> Response:
        self.got.append((dict(request.headers), await request.body()))
        headers = {"location": "http://127.0.0.1:1/elsewhere"}
        headers |= {"set-cookie": self.cookie} if self.cookie else {}
        return PlainTextResponse(self.answer, self.status, headers)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = Starlette(routes=[Route("/take", made.take, methods=["POST"])])
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, lifespan="off", log_level="error", access_log=False)
    )
    running = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/take"
    yield made
    server.should_exit = True
    await running


@pytest.fixture
def greeting() -> Iterator[NoticeKind]:
    notices.load_kinds()
    register(GREETING)
    yield GREETING
    del notices._KINDS[GREETING.code]


@dataclass
class District:
    """A town that offers every channel, and what the operator configured."""

    town: Any
    settings: Settings

    async def tell(self, *people: Any, key: str = "k", now: dt.datetime = NOON) -> None:
        async with self.town.api.world.database.tenant_transaction(self.town.tenant.id) as opened:
            await tell(
                opened, GREETING.code, recipients=[each.membership for each in people],
                facts={"name": "社区"}, key=key, now=now,
            )  # fmt: skip

    async def work(self, now: dt.datetime = NOON) -> dict[Outcome, int]:
        kind = next(each for each in kinds.load_kinds() if each.code == DELIVER)
        tried = await drain(
            self.town.api.world.database, self.town.tenant.id, [kind], self.settings, now
        )
        return {outcome: count for (_, outcome), count in tried.items()}

    async def states(self, person: Any) -> dict[str, str]:
        nodes = (await person.data(SENT))["notifications"]["nodes"]
        return {each["channel"]: each["state"] for node in nodes for each in node["deliveries"]}


def written(folder: Path) -> list[str]:
    """What the file channel wrote."""
    return [path.read_text() for path in folder.rglob("*.json")]


@pytest.fixture
async def district(town: Any, receiver: Receiver, greeting: NoticeKind, tmp_path: Path) -> District:
    system = await town.person("SYS")
    ways = {"quietFrom": "21:00", "quietUntil": "08:00", "keepDays": 365}
    await system.done("setNoticeSettings", version=0, channels=["FILE", "WEBHOOK", "SMS"], **ways)
    assert await system.refused("setNoticeSettings", version=0, channels=[], **ways) == "CONFLICT"
    chosen = settings.load().model_copy(
        update={
            "outbox_dir": tmp_path, "webhook_url": receiver.url, "webhook_key": KEY,
            "sms_url": receiver.url, "sms_key": KEY, "sms_accepted": '"code":"0"',
            "sms_body": '{"to": ["{phone}"], "text": "【测试】{text}", "kind": 1}',
        }
    )  # fmt: skip
    return District(town, chosen)


async def resident(town: Any) -> Any:
    """A member who is a registered person with a telephone."""
    clerk, member = await town.person("COMM", "north1"), await town.person("RES", "north1")
    person = (await town.registered(clerk, "north1", phones=[PHONE]))["person"]
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "update persons set membership_id = $2 where id = $1",
            UUID(person["id"]), member.membership,
        )  # fmt: skip
    return member


async def test_a_notice_goes_out_on_every_channel_once(
    district: District, receiver: Receiver, overheard: Any, tmp_path: Path
) -> None:
    town = district.town
    member, officer = await resident(town), await town.person("SCMD", "north")
    await district.tell(member, officer)
    assert await district.states(member) == dict.fromkeys(("FILE", "SMS", "WEBHOOK"), "QUEUED")
    assert await district.work() == {Outcome.DONE: 6}
    assert await district.work() == {}
    assert await district.states(member) == dict.fromkeys(("FILE", "SMS", "WEBHOOK"), "SENT")
    # Somebody without a telephone gets no text message, and the rest all the same.
    assert await district.states(officer) == {
        "FILE": "SENT", "WEBHOOK": "SENT", "SMS": "DROPPED",
    }  # fmt: skip
    files = written(tmp_path)
    assert [line.count("\n") for line in files] == [1, 1]
    assert {json.loads(line)["recipient"] for line in files} == {
        str(member.membership), str(officer.membership),
    }  # fmt: skip
    texts = [json.loads(body) for _, body in receiver.got]
    assert [text for text in texts if "to" in text] == [
        {"to": [PHONE], "text": "【测试】社区有一件事。", "kind": 1}
    ]
    assert [text["text"] for text in texts if "to" not in text] == ["社区有一件事。"] * 2
    for headers, body in receiver.got:
        at = int(headers["x-guanjia-timestamp"])
        assert headers["x-guanjia-signature"] == f"sha256={signature(KEY, at, body)}"
    assert len({headers["idempotency-key"] for headers, _ in receiver.got}) == 3
    # The number was in the gateway's message and nowhere else; its use is on record.
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        rows = [
            str(await transaction.connection.fetch(f"select * from {table}"))
            for table in ("notifications", "notification_deliveries", "jobs")
        ]
    assert not [text for text in (*rows, *files, *overheard.lines) if PHONE in text]
    auditor = await town.person("AUD")
    found = await auditor.data("{ auditRecords(first: 20) { nodes { action result detail } } }")
    assert {"action": "person.message", "result": "READ", "detail": {"field": "PHONE"}} in [
        {**each, "detail": json.loads(each["detail"])
         if isinstance(each["detail"], str) else each["detail"]}
        for each in found["auditRecords"]["nodes"]
    ]  # fmt: skip


async def test_a_failing_channel_is_tried_again_and_holds_up_nobody(
    district: District, receiver: Receiver
) -> None:
    member, receiver.status = await resident(district.town), 503
    await district.tell(member)
    assert await district.work() == {Outcome.DONE: 1, Outcome.FAILED: 2}
    assert await district.states(member) == {"FILE": "SENT", "WEBHOOK": "QUEUED", "SMS": "QUEUED"}
    # It took the message and said so in other words: not accepted, and never elsewhere.
    receiver.status, receiver.answer = 200, "余额不足"
    soon = NOON + dt.timedelta(minutes=1)
    assert await district.work(soon) == {Outcome.DONE: 1, Outcome.FAILED: 1}
    receiver.status = 307
    now = soon
    for _ in range(6):
        now += dt.timedelta(hours=2)
        last = await district.work(now)
    assert last == {Outcome.DEAD: 1}
    assert await district.states(member) == {"FILE": "SENT", "WEBHOOK": "SENT", "SMS": "FAILED"}
    system = await district.town.person("SYS")
    jobs = await system.data(
        "{ jobs(filter: { state: { in: [DEAD] } }) { nodes { kind errorCode errorMessage } } }"
    )
    assert jobs["jobs"]["nodes"] == [
        {"kind": DELIVER, "errorCode": "DELIVERY_FAILED", "errorMessage": "消息通道返回 307。"}
    ]
    keys = [headers["idempotency-key"] for headers, body in receiver.got if b'"to"' in body]
    assert len(keys) == 8
    assert len(set(keys)) == 1


async def test_a_worker_that_is_killed_sends_again_under_the_same_key(
    district: District, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer = await district.town.person("SCMD", "north")
    await district.tell(officer)
    sends = {kind: kind.send for kind in (channels.FileChannel, channels.WebhookChannel)}

    def dying(kind: Any) -> Any:
        async def send(self: Any, message: Any) -> None:
            await sends[kind](self, message)
            raise SystemExit

        return send

    for kind in sends:
        monkeypatch.setattr(kind, "send", dying(kind))
    for n in range(3):
        try:
            await district.work(NOON + n * dt.timedelta(seconds=11))
        except SystemExit:
            continue
    monkeypatch.undo()
    assert await district.work(NOON + dt.timedelta(hours=1)) == {Outcome.DONE: 2}
    assert await district.states(officer) == {
        "FILE": "SENT", "WEBHOOK": "SENT", "SMS": "DROPPED",
    }  # fmt: skip
    assert len(written(tmp_path)) == 1
    assert len(receiver.got) == 2
    assert len({headers["idempotency-key"] for headers, _ in receiver.got}) == 1


async def test_members_choose_and_quiet_hours_wait(district: District) -> None:
    town = district.town
    officer, other = await town.person("SCMD", "north"), await town.person("SCMD", "north")
    made = await officer.done(
        "setNoticePreference", "noticeKind { code myChannels }", kind=GREETING.code,
        channels=["WEBHOOK"],
    )  # fmt: skip
    assert made["noticeKind"]["myChannels"] == ["WEBHOOK"]
    night = NOON + dt.timedelta(hours=11)  # 23:00
    await district.tell(officer, other, now=night)
    assert await district.states(officer) == {"WEBHOOK": "QUEUED"}
    assert await district.work(night) == {Outcome.DONE: 1}, "the file of the other"
    morning = dt.datetime(2026, 3, 3, 0, tzinfo=dt.UTC)
    assert await district.work(morning - dt.timedelta(seconds=1)) == {}
    assert await district.work(morning) == {Outcome.DONE: 3}
    assert await officer.refused("setNoticePreference", kind="no.such", channels=[]) == (
        "BAD_USER_INPUT"
    )


@pytest.mark.parametrize(
    ("now", "begin", "end", "then"),
    [
        ("12:00", "21:00", "08:00", "12:00"), ("21:00", "21:00", "08:00", "08:00+1"),
        ("07:59", "21:00", "08:00", "08:00"), ("08:00", "21:00", "08:00", "08:00"),
        ("12:30", "12:00", "14:00", "14:00"), ("14:00", "12:00", "14:00", "14:00"),
        ("00:00", "00:00", "00:00", "00:00"),
    ],
)  # fmt: skip
def test_quiet_hours(now: str, begin: str, end: str, then: str) -> None:
    day = dt.datetime.fromisoformat("2026-03-02T00:00+08:00")

    def at(text: str) -> dt.datetime:
        clock, _, days = text.partition("+")
        hour, minute = map(int, clock.split(":"))
        return day + dt.timedelta(days=int(days or 0), hours=hour, minutes=minute)

    begins, ends = (dt.time.fromisoformat(text) for text in (begin, end))
    assert after_quiet_hours(at(now), begins, ends) == at(then)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/latest",
        "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://localhost/", "https://0.0.0.0/",
        "https://100.64.0.1/", "https://192.168.1.1:8443/", "http://127.0.0.1/",
        "https://224.0.0.1/", "https://2130706433/", "https://user@10.0.0.1/",
        "https://[64:ff9b::7f00:1]/", "https://[2002:a00:1::]/", "https://[::10.0.0.1]/",
        "https://[fec0::1]/", "https://[64:ff9b:1::a00:1]/",
    ],
)  # fmt: skip
async def test_no_message_goes_inside(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(DeliveryFailed, match="内部网络"):
        await Gateway(url, KEY).post(b"{}", "key", 0)
    assert "HTTP Request" not in caplog.text


@pytest.mark.parametrize("url", ["http://1.1.1.1/", "ftp://1.1.1.1/"])
async def test_no_message_goes_in_clear(url: str) -> None:
    with pytest.raises(DeliveryFailed, match="https"):
        await Gateway(url, KEY).post(b"{}", "key", 0)


@pytest.mark.parametrize(
    "place", ["1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101", "2002:101:101::"]
)
def test_what_lies_outside_is_open(place: str) -> None:
    Gateway(f"https://[{place}]/" if ":" in place else f"https://{place}/", KEY).refuse_inside()


async def test_the_operator_opens_a_network(receiver: Receiver) -> None:
    given = settings.load().model_copy(update={"environment": "production"})
    closed = Gateway.of_operator(given, receiver.url, KEY)
    with pytest.raises(DeliveryFailed, match="内部网络"):
        await closed.post(b"{}", "key", 0)
    opened = given.model_copy(update={"gateway_networks": "127.0.0.0/8, 10.0.0.0/8"})
    with pytest.raises(DeliveryFailed, match="https"):
        await Gateway.of_operator(opened, receiver.url, KEY).post(b"{}", "key", 0)
    assert receiver.got == []


async def test_what_is_filled_in_is_no_place_for_another(receiver: Receiver) -> None:
    sms = channels.SmsChannel(
        Gateway(receiver.url, KEY, plain_loopback=True), {"a": ["{text}-{phone}"]}, ""
    )
    message = channels.Message(
        "key", "t", UUID(int=1), "k", "t", "{phone}{key}", NOON, NOON, phone=PHONE
    )
    assert PHONE not in repr(message)
    await sms.send(message)
    assert json.loads(receiver.got[0][1]) == {"a": [f"{{phone}}{{key}}-{PHONE}"]}


def test_channels_are_what_the_operator_configured(tmp_path: Path) -> None:
    half = settings.load().model_copy(update={"sms_url": "https://sms.example/"})
    with pytest.raises(settings.SettingsError, match="须同时设置"):
        half.check_for_working()
    given = settings.load().model_copy(update={"environment": "production"})
    assert channels.channels_of(given) == {}
    assert channels.channels_of(given.model_copy(update={"outbox_dir": tmp_path})).keys() == {
        NoticeChannel.FILE
    }
