"""What members are told: once, in declared words, in their own inbox, and nothing protected."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from guanjia.db.ids import new_id
from guanjia.notifications import notices
from guanjia.notifications.masking import HIDDEN, is_clean, masked
from guanjia.notifications.notices import (
    BODY_LENGTH,
    BadTemplate,
    Fact,
    Form,
    NoticeKind,
    WrongFacts,
    register,
    rendered,
    tell,
)

NOON = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
DUE = NoticeKind(
    "test.due",
    "测试提醒",
    "案件{number}已用去时限的{percent}%,{at}到期。",
    facts=("number", Fact("percent", Form.COUNT), Fact("at", Form.TIME)),
)
FACTS: dict[str, Any] = {"number": "990101-2026-000001", "percent": 80, "at": NOON}
INBOX = "{ notifications { totalCount nodes { id kind title body unread readAt } } }"
MARK = "markNotificationsRead"


@pytest.fixture
def due() -> Iterator[NoticeKind]:
    notices.load_kinds()
    register(DUE)
    yield DUE
    del notices._KINDS[DUE.code]


async def told(town: Any, *people: Any, key: str = "k", **facts: Any) -> int:
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        return await tell(
            transaction, DUE.code, recipients=[each.membership for each in people],
            facts={**FACTS, **facts}, subject=("Case", new_id()), key=key, now=NOON,
        )  # fmt: skip


async def test_each_is_told_once_in_their_own_inbox(town: Any, due: NoticeKind) -> None:
    clerk, other = await town.person("COMM", "north1"), await town.person("SCMD", "north")
    gone = await town.person("GRID", "north1grid")
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "update memberships set active = false where id = $1", gone.membership
        )
    assert [await told(town, clerk, other, gone), await told(town, clerk, clerk, other)] == [2, 0]
    assert await told(town, clerk, key="another") == 1
    inbox = (await clerk.data(INBOX))["notifications"]
    assert inbox["totalCount"] == 2
    note = inbox["nodes"][0]
    wanted = "案件990101-2026-000001已用去时限的80%,2026年3月2日12:00到期。"
    assert (note["kind"], note["title"], note["body"]) == ("test.due", "测试提醒", wanted)
    assert (note["unread"], note["readAt"]) == (True, None)
    theirs = (await other.data(INBOX))["notifications"]["nodes"]
    assert len(theirs) == 1
    # Another's notice is neither read nor marked; what is out of reach does not exist.
    query = f'{{ notification(id: "{theirs[0]["id"]}") {{ id }} }}'
    assert (await other.data(query))["notification"] is not None
    assert (await clerk.data(query))["notification"] is None
    ids = [node["id"] for node in inbox["nodes"]]
    assert await clerk.refused(MARK, ids=[ids[0], theirs[0]["id"]]) == "NOT_FOUND"
    marked = await clerk.done(MARK, "marked", ids=ids[:1])
    assert marked["marked"] == 1
    unread = "{ notifications(filter: { unread: true }) { totalCount } }"
    assert (await other.data(unread))["notifications"]["totalCount"] == 1
    assert (await clerk.data(unread))["notifications"]["totalCount"] == 1
    now = dt.datetime.now(dt.UTC).isoformat()
    assert [(await clerk.done(MARK, "marked", until=now))["marked"] for _ in "12"] == [1, 0]
    assert await clerk.refused(MARK) == "BAD_USER_INPUT"
    assert await clerk.refused(MARK, ids=ids, until=now) == "BAD_USER_INPUT"


async def test_a_notice_happens_with_what_it_tells_of_or_not_at_all(
    town: Any, due: NoticeKind
) -> None:
    clerk = await town.person("COMM", "north1")

    async def tell_and_fail() -> None:
        async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
            await tell(
                transaction, DUE.code, recipients=[clerk.membership], facts=FACTS, key="k", now=NOON
            )
            raise RuntimeError("afterwards")

    with pytest.raises(RuntimeError, match="afterwards"):
        await tell_and_fail()
    assert (await clerk.data(INBOX))["notifications"]["totalCount"] == 0
    assert await told(town, clerk) == 1


@pytest.mark.parametrize(
    "facts",
    [
        {}, {**FACTS, "name": "张三"}, {**FACTS, "percent": "80"}, {**FACTS, "percent": True},
        {**FACTS, "number": None}, {**FACTS, "number": b"sealed"}, {**FACTS, "number": {"x": 1}},
        {**FACTS, "number": new_id()}, {**FACTS, "at": NOON.date()},
    ],
)  # fmt: skip
def test_only_declared_facts_of_their_form_are_told(facts: dict[str, Any]) -> None:
    with pytest.raises(WrongFacts):
        rendered(DUE, DUE.template, facts)


def wide(number: str) -> str:
    """As an input method for Chinese writes it."""
    return "".join(chr(ord(each) + 0xFEE0) for each in number)


PROTECTED = [
    "99010119900101001X", "990101199001010011", "990101900101001", "99010119900101001143",
    "990101 19900101 001X", "990101-19900101-0011", wide("99010119900101001X"),
    wide("13900000001"), "139 0000 0001", "139-0000-0001", "+86 13900000001", "13900000001",
    "0599-8000001", "(0599)8000001", "6222020000000000000", "6222 0200 0000 0000 000",
]  # fmt: skip


@pytest.mark.parametrize("number", PROTECTED)
def test_what_looks_like_a_protected_number_is_hidden(number: str) -> None:
    assert not is_clean(f"联系{number}。")
    assert masked(f"联系{number}。") == f"联系{HIDDEN}。"
    body = rendered(DUE, DUE.template, {**FACTS, "number": f"王{number}"})
    assert body.startswith(f"案件王{HIDDEN}已用去")
    with pytest.raises(BadTemplate, match="不能写"):
        NoticeKind("test.bad", "坏", f"请拨{number}。")


@pytest.mark.parametrize(
    "text",
    ["990101-2026-000001", "第12条", "2026年3月2日12:00", "91350702MA00000001", "3幢2单元501室"],
)
def test_what_is_no_protected_number_stands(text: str) -> None:
    assert masked(text) == text


def test_words_are_one_line_of_bounded_length() -> None:
    body = rendered(DUE, DUE.template, {**FACTS, "number": "甲\n乙\u202e\x00" + "长" * 100})
    assert body.startswith("案件甲乙长")
    assert body.count("长") == 57
    assert "…已用去" in body
    many = NoticeKind("test.many", "多", "{name}" * 40, facts=("name",))
    assert len(rendered(many, many.template, {"name": "长" * 60})) == BODY_LENGTH


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("", "不能为空"), ("长" * 301, "最长"), ("{name}", "不是该通知的内容"),
        ("{number.__class__}", "花括号"), ("{{number}}", "花括号"), ("{number", "花括号"),
        ("{number!r}", "花括号"),
    ],
)  # fmt: skip
def test_a_template_names_declared_facts_only(template: str, why: str) -> None:
    with pytest.raises(BadTemplate, match=why):
        notices.check_template(DUE, template)


def test_every_kind_of_every_module_can_be_told() -> None:
    for kind in notices.load_kinds():
        sample = {name: fact.sample for name, fact in kind.declared.items()}
        assert rendered(kind, kind.template, sample), kind.code
