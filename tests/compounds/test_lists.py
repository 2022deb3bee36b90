"""Lists of a compound: written, published, withdrawn, read by residents, kept from strangers."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any
from uuid import uuid4

import pytest
from tests.compounds.conftest import Lists, make_compound

from guanjia.compounds.models.lists import content_hash

TOMORROW = dt.timedelta(days=1)


def codes(made: dict[str, Any]) -> list[str]:
    return [item["code"] for item in made["items"]["nodes"]]


# operations


async def test_a_list_is_written_item_by_item(lists: Lists) -> None:
    made = await lists.draft(start="EMPTY")
    assert (made["state"], made["edition"], codes(made)) == ("DRAFT", 1, [])
    for code in ("A", "B", "C"):
        made = await lists.do(
            lists.clerk, "addListItem", listId=made["id"], version=made["version"], code=code,
            title=f"第{code}项", standard="每日", weight=50,
        )  # fmt: skip
    assert [i["position"] for i in made["items"]["nodes"]] == [1, 2, 3]
    a, b, c = (item["id"] for item in made["items"]["nodes"])
    made = await lists.do(
        lists.clerk, "reorderListItems", listId=made["id"], version=made["version"],
        itemIds=[c, a, b],
    )  # fmt: skip
    assert codes(made) == ["C", "A", "B"]
    made = await lists.do(lists.clerk, "removeListItem", id=c, version=made["version"])
    assert [(i["position"], i["code"]) for i in made["items"]["nodes"]] == [(1, "A"), (2, "B")]
    made = await lists.do(
        lists.clerk, "changeListItem", id=a, version=made["version"], standard=" 每 周 ",
        weight=None,
    )  # fmt: skip
    changed = made["items"]["nodes"][0]
    assert (changed["standard"], changed["weight"], changed["title"]) == ("每 周", None, "第A项")
    code, said = await lists.refused(
        lists.secretary, "publishList", id=made["id"], version=made["version"],
        validFrom=lists.today.isoformat(),
    )  # fmt: skip
    assert (code, said) == ("LIST_INCOMPLETE", "以下各项没有填写权重:A。")


@pytest.mark.parametrize(
    ("given_values", "code", "said"),
    [
        ({"code": "  "}, "BAD_USER_INPUT", "请填写编号"),
        ({"title": ""}, "BAD_USER_INPUT", "请填写名称"),
        ({"code": "S-01"}, "CONFLICT", "编号S-01已经使用"),
        ({"standard": "长" * 501}, "BAD_USER_INPUT", "标准最长500个字"),
        ({"standard": "坏\u0000"}, "BAD_USER_INPUT", "控制字符"),
        ({"limitValue": 3}, "BAD_USER_INPUT", "数值和单位须一并"),
        ({"limitValue": 0, "limitUnit": "WORK_DAY"}, "BAD_USER_INPUT", "时限须在1到10000"),
        ({"weight": 101}, "BAD_USER_INPUT", "权重须在0到100"),
        ({"weight": -1}, "BAD_USER_INPUT", "权重须在0到100"),
        ({"ownerSeat": "BUILDING_GRID"}, "BAD_USER_INPUT", "不分席位"),
        ({"basisFrom": "2026-01-01"}, "BAD_USER_INPUT", "请同时填写依据"),
        (
            {"basis": "某法", "basisFrom": "2026-01-01", "basisTo": "2025-01-01"},
            "BAD_USER_INPUT",
            "失效日须晚于",
        ),
    ],
)
async def test_a_bad_item_is_refused_and_nothing_is_written(
    lists: Lists, given_values: dict[str, Any], code: str, said: str
) -> None:
    made = await lists.draft()
    values = {"code": "X", "title": "某项", **given_values}
    refusal = await lists.refused(
        lists.clerk, "addListItem", listId=made["id"], version=made["version"], **values
    )
    assert refusal[0] == code
    assert said in refusal[1]
    data = await lists.clerk.data(
        "query ($id: ID!) { compoundList(id: $id) { version items { totalCount } } }",
        {"id": made["id"]},
    )
    assert data["compoundList"] == {"version": made["version"], "items": {"totalCount": 8}}


async def test_a_duty_has_seats_and_no_weight(lists: Lists) -> None:
    made = await lists.draft("COMMITTEE_DUTY_LIST")
    at = {"listId": made["id"], "version": made["version"], "code": "X", "title": "某项"}
    assert await lists.refused(lists.clerk, "addListItem", **at, weight=5) == (
        "BAD_USER_INPUT",
        "权责清单的各项没有权重。",
    )
    seats = {"ownerSeat": "OWNERS_COMMITTEE", "coSeats": ["OWNERS_COMMITTEE"]}
    _, said = await lists.refused(lists.clerk, "addListItem", **at, **seats)
    assert said == "牵头席位不能同时是配合席位。"


async def test_an_old_version_is_a_conflict(lists: Lists) -> None:
    made = await lists.draft()
    first = made["items"]["nodes"][0]["id"]
    await lists.do(lists.clerk, "changeListItem", id=first, version=made["version"], title="甲")
    for name, given_values in (
        ("changeListItem", {"id": first, "title": "乙"}),
        ("removeListItem", {"id": first}),
        ("reorderListItems", {"listId": made["id"], "itemIds": [first]}),
        ("addListItem", {"listId": made["id"], "code": "X", "title": "某项"}),
        ("discardList", {"id": made["id"], "reason": "重写"}),
    ):
        code, _ = await lists.refused(lists.clerk, name, version=made["version"], **given_values)
        assert code == "CONFLICT", name


async def test_an_order_names_each_item_once(lists: Lists) -> None:
    made = await lists.draft()
    ids = [item["id"] for item in made["items"]["nodes"]]
    for wrong in (ids[1:], [*ids, ids[0]], [*ids[1:], str(uuid4())], [ids[0], *ids[:-1]]):
        code, _ = await lists.refused(
            lists.clerk, "reorderListItems", listId=made["id"], version=made["version"],
            itemIds=wrong,
        )  # fmt: skip
        assert code == "BAD_USER_INPUT"


async def test_there_is_one_draft_of_a_kind(lists: Lists) -> None:
    made = await lists.draft()
    again = {"compoundId": str(lists.compound), "kind": "SERVICE_LIST", "start": "EMPTY"}
    code, said = await lists.refused(lists.clerk, "createList", **again)
    assert (code, said) == (
        "CONFLICT",
        "该小区的物业服务清单已有草稿(第1版),请继续编辑或先弃用。",
    )
    await lists.draft("BUTLER_DUTY_LIST")
    gone = await lists.do(
        lists.clerk, "discardList", id=made["id"], version=made["version"], reason="重写"
    )
    assert gone["state"] == "WITHDRAWN"
    assert (await lists.do(lists.clerk, "createList", **again))["edition"] == 2


async def test_a_list_can_start_from_the_edition_in_force(lists: Lists) -> None:
    start = {"compoundId": str(lists.compound), "kind": "SERVICE_LIST", "start": "IN_FORCE"}
    code, said = await lists.refused(lists.clerk, "createList", **start)
    assert (code, said) == ("NOTHING_IN_FORCE", "该小区没有现行的物业服务清单,请选择模板。")
    first = await lists.published()
    second = await lists.do(lists.clerk, "createList", **start)
    assert (second["edition"], codes(second)) == (2, codes(first))
    assert not {i["id"] for i in second["items"]["nodes"]} & {
        i["id"] for i in first["items"]["nodes"]
    }


async def test_an_idempotency_key_makes_one_draft_and_one_publication(lists: Lists) -> None:
    start = {
        "compoundId": str(lists.compound), "kind": "SERVICE_LIST", "start": "TEMPLATE",
        "idempotencyKey": "k-1",
    }  # fmt: skip
    first, second = await asyncio.gather(
        lists.do(lists.clerk, "createList", **start), lists.do(lists.clerk, "createList", **start)
    )
    assert first == second
    code, _ = await lists.refused(lists.clerk, "createList", **{**start, "start": "EMPTY"})
    assert code == "IDEMPOTENCY_KEY_REUSED"
    publish = {
        "id": first["id"], "version": first["version"], "validFrom": lists.today.isoformat(),
        "idempotencyKey": "k-2",
    }  # fmt: skip
    done = await lists.do(lists.secretary, "publishList", **publish)
    assert await lists.do(lists.secretary, "publishList", **publish) == done


async def test_publishing_freezes_hashes_and_ends_the_edition_before(lists: Lists) -> None:
    first = await lists.published()
    assert (first["state"], first["validTo"]) == ("PUBLISHED", None)
    draft = await lists.draft(start="IN_FORCE")
    item = draft["items"]["nodes"][0]["id"]
    draft = await lists.do(
        lists.clerk, "changeListItem", id=item, version=draft["version"], standard="每日两次"
    )
    day = lists.today + TOMORROW
    second = await lists.published(draft, day)
    assert second["contentHash"] != first["contentHash"]
    data = await lists.clerk.data(
        "query ($d: Date!) { compoundLists { nodes { edition state validTo } }"
        " tomorrow: compoundLists(filter: { asOf: $d }) { nodes { edition } } }",
        {"d": day.isoformat()},
    )
    assert data["compoundLists"]["nodes"] == [
        {"edition": 2, "state": "PUBLISHED", "validTo": None},
        {"edition": 1, "state": "SUPERSEDED", "validTo": day.isoformat()},
    ]
    assert data["tomorrow"]["nodes"] == [{"edition": 2}]
    assert [row["edition"] for row in await lists.in_force(lists.clerk)] == [1]
    words = await lists.clerk.data(
        "query ($a: ID!, $b: ID!) { listDifference(fromId: $a, toId: $b)"
        " { kind code field words } }",
        {"a": first["id"], "b": second["id"]},
    )
    old = first["items"]["nodes"][0]["standard"]
    assert words["listDifference"] == [
        {
            "kind": "CHANGED",
            "code": "S-01",
            "field": "standard",
            "words": f"S-01 保洁:标准由“{old}”改为“每日两次”",
        }
    ]


async def test_the_hash_is_of_what_was_published(lists: Lists) -> None:
    first = await lists.published()
    async with lists.town.api.world.database.tenant_transaction(lists.town.tenant.id) as open_:
        rows = await open_.connection.fetch(
            "select * from list_items where list_id = $1 order by position", first["id"]
        )
    assert content_hash("SERVICE_LIST", rows) == first["contentHash"]
    spoiled = [{**rows[0], "standard": "随意"}, *rows[1:]]
    assert content_hash("SERVICE_LIST", spoiled) != first["contentHash"]
    assert content_hash("SERVICE_LIST", rows[::-1]) != first["contentHash"]


async def test_the_writer_may_not_publish_and_yesterday_has_passed(lists: Lists) -> None:
    made = await lists.draft()
    step = {"id": made["id"], "version": made["version"], "validFrom": lists.today.isoformat()}
    assert await lists.clerk.code(
        "mutation ($i: PublishListInput!) { publishList(input: $i) { list { id } } }", {"i": step}
    ) == "FORBIDDEN"  # fmt: skip
    past = {**step, "validFrom": (lists.today - TOMORROW).isoformat()}
    assert (await lists.refused(lists.secretary, "publishList", **past))[0] == "BAD_USER_INPUT"
    item = made["items"]["nodes"][0]["id"]
    made = await lists.do(
        lists.secretary, "changeListItem", id=item, version=made["version"], title="保洁服务"
    )
    code, said = await lists.refused(
        lists.secretary, "publishList", **{**step, "version": made["version"]}
    )
    assert code == "NOT_INDEPENDENT"
    assert "没有参与编写" in said
    other = await lists.town.person("CSEC", "north1")
    published = await lists.do(other, "publishList", **{**step, "version": made["version"]})
    assert published["state"] == "PUBLISHED"


async def test_a_publication_goes_after_the_one_that_waits(lists: Lists) -> None:
    await lists.published(day=lists.today + 5 * TOMORROW)
    draft = await lists.draft()
    code, said = await lists.refused(
        lists.secretary, "publishList", id=draft["id"], version=draft["version"],
        validFrom=lists.today.isoformat(),
    )  # fmt: skip
    assert code == "CONFLICT"
    assert said.startswith("第1版自")


async def test_withdrawing_before_its_day_brings_the_edition_before_back(lists: Lists) -> None:
    first = await lists.published()
    second = await lists.published(await lists.draft(), lists.today + TOMORROW)
    code, _ = await lists.refused(
        lists.secretary, "withdrawList", id=first["id"], version=first["version"] + 1, reason="错"
    )
    assert code == "CONFLICT"
    step = {"id": second["id"], "version": second["version"]}
    code, _ = await lists.refused(lists.secretary, "withdrawList", **step, reason=" ")
    assert code == "BAD_USER_INPUT"
    await lists.do(lists.secretary, "withdrawList", **step, reason="条款有误")
    data = await lists.clerk.data(
        "{ compoundLists { nodes { edition state validTo withdrawnReason } } }"
    )
    assert data["compoundLists"]["nodes"] == [
        {
            "edition": 2,
            "state": "WITHDRAWN",
            "validTo": (lists.today + TOMORROW).isoformat(),
            "withdrawnReason": "条款有误",
        },
        {"edition": 1, "state": "PUBLISHED", "validTo": None, "withdrawnReason": None},
    ]


async def test_withdrawing_what_was_in_force_leaves_none(lists: Lists, admin: Any) -> None:
    first = await lists.published()
    async with admin.transaction():
        await admin.execute("alter table compound_lists disable trigger frozen_list")
        await admin.execute(
            "update compound_lists set valid_from = valid_from - 30 where id = $1", first["id"]
        )
        await admin.execute("alter table compound_lists enable trigger frozen_list")
    gone = await lists.do(
        lists.secretary, "withdrawList", id=first["id"], version=first["version"], reason="合同终止"
    )
    assert (gone["state"], gone["validTo"]) == ("WITHDRAWN", lists.today.isoformat())
    assert await lists.in_force(lists.clerk) == []
    yesterday = {"d": (lists.today - TOMORROW).isoformat()}
    was = await lists.clerk.data(
        "query ($d: Date!) { compoundLists(filter: { asOf: $d }) { nodes { edition } } }", yesterday
    )
    assert was["compoundLists"]["nodes"] == [{"edition": 1}]


async def test_every_step_is_in_the_record(lists: Lists) -> None:
    await lists.published()
    auditor = await lists.town.person("AUD")
    data = await auditor.data(
        "{ auditRecords(first: 9) { nodes { action permission objectType result } } }"
    )
    said = [n for n in data["auditRecords"]["nodes"] if n["objectType"] == "CompoundList"]
    assert sorted((n["action"], n["permission"], n["result"]) for n in said) == [
        ("list.create", "list:manage", "OK"),
        ("list.publish", "list:publish", "OK"),
    ]


# walls


async def test_residents_read_the_public_items_of_the_edition_in_force(lists: Lists) -> None:
    resident = await lists.town.person("RES", "north1")
    draft = await lists.draft()
    assert await lists.in_force(resident) == []
    secret = draft["items"]["nodes"][3]
    draft = await lists.do(
        lists.clerk, "changeListItem", id=secret["id"], version=draft["version"], public=False
    )
    await lists.published(draft)
    await lists.draft(start="IN_FORCE")
    [seen] = await lists.in_force(resident)
    assert (seen["edition"], seen["compound"]["name"]) == (1, "碧桂园·珑樾台")
    assert [i["code"] for i in seen["items"]["nodes"]] == [
        c for c in codes(draft) if c != secret["code"]
    ]
    for query in (
        "{ compoundLists { totalCount } }",
        '{ listDifference(fromId: "x", toId: "y") { words } }',
    ):
        assert await resident.code(query) == "FORBIDDEN"
    for place in ("north2", "south1"):
        assert await lists.in_force(await lists.town.person("RES", place)) == []


async def test_another_community_neither_reads_nor_writes(lists: Lists) -> None:
    draft = await lists.draft()
    stranger = await lists.town.person("CSEC", "south1")
    theirs = await make_compound(lists.town, "south1", "南小区")
    other = await lists.do(
        stranger, "createList", compoundId=str(theirs), kind="SERVICE_LIST", start="TEMPLATE"
    )
    data = await stranger.data("{ compoundLists { nodes { id } } }")
    assert data["compoundLists"]["nodes"] == [{"id": other["id"]}]
    assert await stranger.data(
        "query ($a: ID!, $b: ID!) { listDifference(fromId: $a, toId: $b) { words } }",
        {"a": other["id"], "b": draft["id"]},
    ) == {"listDifference": None}
    item = draft["items"]["nodes"][0]["id"]
    at = {"version": draft["version"]}
    for name, given_values in (
        ("createList", {"compoundId": str(lists.compound), "kind": "SERVICE_LIST",
                        "start": "EMPTY"}),
        ("changeListItem", {"id": item, **at, "title": "乙"}),
        ("removeListItem", {"id": item, **at}),
        ("addListItem", {"listId": draft["id"], **at, "code": "X", "title": "某项"}),
        ("publishList", {"id": draft["id"], **at, "validFrom": lists.today.isoformat()}),
        ("withdrawList", {"id": draft["id"], **at, "reason": "错"}),
    ):  # fmt: skip
        assert (await lists.refused(stranger, name, **given_values))[0] == "NOT_FOUND", name
