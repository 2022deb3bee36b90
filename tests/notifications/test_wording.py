"""What a tenant says in its own words, and how long it keeps what it said."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from guanjia import settings
from guanjia.jobs import kinds
from guanjia.jobs.queue import Outcome, drain
from guanjia.notifications import notices
from guanjia.notifications.notices import NoticeKind, register, tell

NOW = dt.datetime.now(dt.UTC)
CALL = NoticeKind("test.call", "测试召集", "{name}请您到会。", facts=("name",))
TOLD = "{ notifications(orderBy: OLDEST) { nodes { body subject { type id } } } }"
PREVIEW = (
    "query ($k: String!, $t: String!) { previewNotice(kind: $k, template: $t)"
    " { text characters smsParts problem } }"
)


@pytest.fixture
def call() -> Iterator[NoticeKind]:
    notices.load_kinds()
    register(CALL)
    yield CALL
    del notices._KINDS[CALL.code]


async def told(town: Any, person: Any, key: str, now: dt.datetime = NOW, about: Any = None) -> None:
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await tell(
            transaction, CALL.code, recipients=[person.membership], facts={"name": "甲社区"},
            subject=about, key=key, now=now,
        )  # fmt: skip


async def test_a_tenants_own_words_are_used_until_it_goes_back(town: Any, call: NoticeKind) -> None:
    system, clerk = await town.person("SYS"), await town.person("COMM", "north1")
    await told(town, clerk, "1")
    wanted = "noticeKind { template defaultTemplate version }"
    kind = {"kind": CALL.code}
    made = await system.done(
        "setNoticeTemplate", wanted, **kind, version=0, template="请到{name}。"
    )
    assert made["noticeKind"] == {
        "template": "请到{name}。", "defaultTemplate": CALL.template, "version": 1,
    }  # fmt: skip
    await told(town, clerk, "2")
    again = {**kind, "version": 0, "template": "晚了{name}"}
    assert await system.refused("setNoticeTemplate", again) == "CONFLICT"
    for bad in ("{phone}", "请拨13900000001", "{name", "", "长" * 301):
        given = {**kind, "version": 1, "template": bad}
        assert await system.refused("setNoticeTemplate", given) == "BAD_USER_INPUT", bad
    assert (
        await clerk.code(
            'mutation { setNoticeTemplate(input: { kind: "test.call", version: 1 })'
            " { userErrors { code } } }"
        )
        == "FORBIDDEN"
    )
    back = await system.done("setNoticeTemplate", wanted, **kind, version=1)
    assert (back["noticeKind"]["template"], back["noticeKind"]["version"]) == (CALL.template, 2)
    await told(town, clerk, "3")
    nodes = (await clerk.data(TOLD))["notifications"]["nodes"]
    assert [each["body"] for each in nodes] == [
        "甲社区请您到会。", "请到甲社区。", "甲社区请您到会。",
    ]  # fmt: skip
    shown = await system.data(PREVIEW, {"k": CALL.code, "t": "请到{name}" + "。" * 67})
    assert shown["previewNotice"] == {
        "text": "请到示例" + "。" * 67, "characters": 71, "smsParts": 2, "problem": None,
    }  # fmt: skip
    wrong = (await system.data(PREVIEW, {"k": CALL.code, "t": "{home}"}))["previewNotice"]
    assert wrong["text"] is None
    assert "{home} 不是该通知的内容;可用:name" in wrong["problem"]


async def test_what_it_is_about_is_shown_to_who_may_read_it(town: Any, call: NoticeKind) -> None:
    clerk, other = await town.person("COMM", "north1"), await town.person("COMM", "south1")
    nobody = await town.person("SYS")
    case = await town.opened(clerk, "north1")
    for person in (clerk, other, nobody):
        await told(town, person, "1", about=("Case", case["id"]))
    subjects = [
        (await person.data(TOLD))["notifications"]["nodes"][0]["subject"]
        for person in (clerk, other, nobody)
    ]
    assert subjects == [{"type": "Case", "id": case["id"]}, None, None]


async def test_old_notices_go_when_the_tenant_keeps_them_no_longer(
    town: Any, call: NoticeKind
) -> None:
    system, clerk = await town.person("SYS"), await town.person("COMM", "north1")
    ways = {"channels": ["FILE"], "quietFrom": "21:00", "quietUntil": "08:00"}
    assert (
        await system.refused("setNoticeSettings", version=0, **ways, keepDays=29)
        == "BAD_USER_INPUT"
    )
    await system.done("setNoticeSettings", version=0, **ways, keepDays=30)
    await told(town, clerk, "old", NOW - dt.timedelta(days=31))
    await told(town, clerk, "young", NOW - dt.timedelta(days=29))
    kind = next(each for each in kinds.load_kinds() if each.code == "notice.sweep")
    tried = await drain(town.api.world.database, town.tenant.id, [kind], settings.load(), NOW)
    assert tried["notice.sweep", Outcome.DONE] == 1
    assert len((await clerk.data(TOLD))["notifications"]["nodes"]) == 1


async def test_a_page_of_subjects_takes_a_few_statements(
    town: Any, call: NoticeKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk, far = await town.person("COMM", "north1"), await town.person("COMM", "south1")
    cases = [await town.opened(who, place)
             for who, place in ((clerk, "north1"), (far, "south1")) * 4]  # fmt: skip
    for number, case in enumerate(cases):
        await told(town, clerk, str(number), about=("Case", case["id"]))
    await told(town, clerk, "nothing")
    statements = []

    def counting(name: str) -> Any:
        plain = getattr(asyncpg.Connection, name)

        async def counted(self: Any, statement: str, *given: Any, **more: Any) -> Any:
            statements.append(statement)
            return await plain(self, statement, *given, **more)

        return counted

    for name in ("fetch", "fetchrow", "fetchval"):
        monkeypatch.setattr(asyncpg.Connection, name, counting(name))
    nodes = (await clerk.data(TOLD))["notifications"]["nodes"]
    monkeypatch.undo()
    shown = [each["subject"] and each["subject"]["id"] for each in nodes]
    mine = [case["id"] for case in cases[::2]]
    assert shown == [each for case in mine for each in (case, None)] + [None]
    reading = [each for each in statements if "notifications" in each or "cases" in each]
    assert len(reading) == 3, reading
