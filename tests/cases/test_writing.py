"""What may be written and what not: bad input, keys, concurrent writers, the record of it all."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from guanjia.cases import service
from guanjia.cases.seeding import seed_cases
from guanjia.cases.states import State
from guanjia.graph.errors import Refusal


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("title", "长" * 101, "BAD_USER_INPUT"),
        ("title", "名" * 10_000, "BAD_USER_INPUT"),
        ("title", "空\x00白", "BAD_USER_INPUT"),
        ("title", "半\ud83d", "BAD_USER_INPUT"),
        ("title", " \u3000", "MISSING_DATA"),
        ("description", "字" * 2001, "BAD_USER_INPUT"),
        ("location", "", "MISSING_DATA"),
        ("no_photo_reason", None, "MISSING_DATA"),
        ("contact_phone", "打电话", "BAD_USER_INPUT"),
        ("component", "消力池", "BAD_USER_INPUT"),
        ("component_count", 2, "BAD_USER_INPUT"),
    ],
)
async def test_bad_input_writes_nothing(town: Any, field: str, value: Any, code: str) -> None:
    refusal = await town.refused(code, town.report(**{field: value}))
    assert any("\u4e00" <= c <= "\u9fff" for c in refusal.message)
    async with town.open() as transaction:
        assert await transaction.connection.fetchval("select count(*) from cases") == 0


async def test_good_input_is_kept(town: Any) -> None:
    case = await town.report(
        title="垃圾🙂", contact_phone="139 0000-0000", description="第一行\n第二行",
        component=" 消力池", component_count=2,
    )  # fmt: skip
    assert (case.component, case.component_count) == ("消力池", 2)
    assert case.title == "垃圾🙂"
    assert case.description == "第一行\n第二行"
    async with town.open() as transaction:
        grams = await transaction.connection.fetch("select gram from case_grams")
        masked = await transaction.connection.fetchval("select phone_mask from case_contacts")
    assert masked == "139****0000"
    assert {"垃圾", "三号", "35"} & {row["gram"] for row in grams} >= {"垃圾", "三号"}


async def test_the_same_key_gives_the_same_case(town: Any) -> None:
    one = await town.report(idempotency_key="k1")
    assert (await town.report(idempotency_key="k1")).id == one.id
    assert (await town.report("grid_two", idempotency_key="k1")).id != one.id


async def test_drafts_are_their_reporters(town: Any) -> None:
    draft = await town.report(draft=True, no_photo_reason=None)
    assert (draft.state, draft.reported_at) == ("DRAFT", None)
    await town.refused("NOT_FOUND", town.do("grid_two", "submit_case", draft, no_photo_reason="无"))
    await town.refused("MISSING_DATA", town.do("grid", "submit_case", draft))
    sent = await town.do("grid", "submit_case", draft, no_photo_reason="无相机")
    assert (sent.state, sent.no_photo_reason) == ("REPORTED", "无相机")


async def test_a_case_lies_where_its_reporter_may_report(town: Any) -> None:
    far = town.tenant.regions["south1grid"].id
    await town.refused("NOT_FOUND", town.report(region_id=far))
    street = town.tenant.regions["north"].id
    await town.refused("BAD_USER_INPUT", town.report("street", region_id=street))


async def test_two_at_once_are_one_after_the_other(town: Any) -> None:
    cases = await asyncio.gather(*(town.report() for _ in range(6)))
    assert {c.number[-6:] for c in cases} == {f"{n:06}" for n in range(1, 7)}
    tries = (town.do("clerk", "file_case", cases[0], version=2) for _ in range(2))
    filed, late = sorted(
        await asyncio.gather(*tries, return_exceptions=True), key=lambda r: isinstance(r, Refusal)
    )
    assert filed.state == State.FILED
    assert late.code == "CONFLICT"
    assert len(await town.rows(cases[0])) == 2


@pytest.mark.parametrize("change", ["update case_events set note = 'x'", "delete from case_events"])
async def test_the_timeline_is_append_only(town: Any, change: str) -> None:
    await town.report()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with town.open() as transaction:
            await transaction.connection.execute(change)


async def test_every_write_is_audited(town: Any, admin: Any) -> None:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    rows = await admin.fetch(
        "select action, actor_name, object_id, region_path from audit_records"
        " where tenant_id = $1 order by seq",
        town.tenant.id,
    )
    assert [tuple(r) for r in rows] == [
        ("report_case", "grid", case.id, case.region_path),
        ("file_case", "clerk", case.id, case.region_path),
    ]


async def test_seeding_twice_changes_nothing(town: Any) -> None:
    async with town.open() as transaction:
        connection = transaction.connection
        await connection.execute("update case_categories set name = '自定' where code = 'P-01'")
        await seed_cases(connection)
        kept = await connection.fetchval("select name from case_categories where code = 'P-01'")
        limits = await connection.fetchval("select count(*) from case_category_limits")
    assert (kept, limits) == ("自定", 15)


async def test_categories_are_the_tenants(town: Any) -> None:
    person = town.people["system"]
    scope = person.scope("category:manage")
    given = {
        "name": "楼道堆物", "group_name": "物业服务", "kind": "EVENT", "limit_value": 1,
        "limit_unit": "WORK_DAY", "lead_kind": "PROPERTY_COMPANY", "lead_name": "物业服务企业",
        "source": "本区规定", "now": town.now,
    }  # fmt: skip

    async def create(code: str) -> Any:
        async with town.open() as transaction:
            return await service.create_category(transaction, person, scope, code=code, **given)

    async def change(**changes: Any) -> Any:
        async with town.open() as transaction:
            return await service.change_category(
                transaction, person, scope, id=made.id, now=town.now, **changes
            )

    made = await create("P-09")
    await town.refused("CONFLICT", create("P-09"))
    await town.refused("BAD_USER_INPUT", create("物业"))
    assert (await change(version=1, limit_value=2)).version == 2
    await town.refused("CONFLICT", change(version=1, limit_value=3))
    await town.refused("BAD_USER_INPUT", change(version=2, limit_value=0))
    await change(version=2, active=False)
    await town.refused("NOT_FOUND", town.report(category_id=made.id))
