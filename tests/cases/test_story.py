"""Cases from report to archive, and what is refused on the way."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import asyncpg
import pytest

from guanjia.cases import service
from guanjia.cases.calendar import CHINA
from guanjia.cases.chain import chain_fault
from guanjia.cases.facts import replay
from guanjia.cases.reasons import DeclineReason, Satisfaction, Source, SuspensionReason
from guanjia.cases.seeding import seed_cases
from guanjia.cases.states import State
from guanjia.graph.errors import Denied, Refusal


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"2026-{text}").replace(tzinfo=CHINA)


async def refused(code: str, step: Any) -> Refusal:
    with pytest.raises(Refusal) as found:
        await step
    assert found.value.code == code, found.value.message
    return found.value


async def denied(step: Any) -> None:
    with pytest.raises(Denied) as found:
        await step
    assert found.value.code == "FORBIDDEN"


async def test_from_report_to_archive(town: Any) -> None:
    case = await town.report()
    assert case.number == "990101-2026-000001"
    assert (case.state, case.level, case.street_path) == (
        "REPORTED", "COMMUNITY", town.tenant.regions["north"].path,
    )  # fmt: skip
    await town.to_feedback(case)
    town.later(hours=1)
    await town.do("clerk", "check_case", case, passed=True)
    closed = await town.do("clerk", "close_case", case, callback="电话告知", affected_households=2)
    assert closed.state == State.EVALUATING
    for household in ("3栋501", "3栋502"):
        await town.do(
            "second_clerk", "evaluate_case", case,
            choice=Satisfaction.SATISFIED, household=household,
        )  # fmt: skip
    done = await town.do("clerk", "finish_evaluation", case)
    assert (done.state, done.answer_count, done.dissatisfied_count) == ("EVALUATED", 2, 0)
    await refused("TOO_EARLY", town.do("auditor", "archive_case", case))
    town.later(days=8)
    archived = await town.do("auditor", "archive_case", case)
    assert (archived.state, archived.stage) == ("ARCHIVED", "ARCHIVING")

    rows = await town.rows(case)
    assert [r["code"] for r in rows] == [
        "T1", "T3", "T5", "T6", "T9", "T13", "T14", "CHECK_PASSED", "T17", "T19",
        "ANSWERED", "ANSWERED", "T20", "T22",
    ]  # fmt: skip
    assert chain_fault(rows) is None
    assert chain_fault([{**rows[0], "note": "x"}, *rows[1:]]) == 1
    assert chain_fault([rows[0], *rows[2:]]) == 2
    assert replay(await town.events(case)) == await town.facts(case)
    assert {r["actor_role"] for r in rows if r["code"] in ("T14", "T19")} == {"SYSTEM"}


async def test_deadlines_of_a_dispatch(town: Any) -> None:
    case = await town.report()
    assert case.step_due_at == at("03-02 11:00")
    await town.do("clerk", "file_case", case)
    sent = await town.do(
        "clerk", "dispatch_case", case, organisation_id=town.organisations["company"]
    )
    assert (sent.limit_value, sent.limit_unit) == (4, "WORK_HOUR")
    assert sent.due_at == sent.first_due_at == at("03-02 15:30")
    assert not sent.due_provisional


async def test_urgent_by_its_kind(town: Any) -> None:
    case = await town.report(category_id=town.categories["P-02"])
    assert case.urgent
    assert case.step_due_at == at("03-02 09:30")


async def test_resident_reports_are_verified_first(town: Any) -> None:
    case = await town.report("resident", source=Source.RESIDENT)
    await refused("NOT_VERIFIED", town.do("clerk", "file_case", case))
    resident = town.people["resident"].membership_id
    await refused(
        "VERIFIER_IS_REPORTER", town.do("grid", "verify_case", case, verifier_id=resident)
    )
    await town.do("grid", "verify_case", case, note="到场查看")
    assert (await town.do("clerk", "file_case", case)).state == State.FILED


async def test_declined_with_an_answer(town: Any) -> None:
    case = await town.report()
    await refused(
        "MISSING_DATA",
        town.do("clerk", "decline_case", case, reason=DeclineReason.UNCLEAR, answer=" "),
    )
    await town.do("clerk", "decline_case", case, reason=DeclineReason.UNCLEAR, answer="请补充地点")
    await refused("ILLEGAL_TRANSITION", town.do("clerk", "file_case", case))


async def test_who_may_reach_a_case(town: Any) -> None:
    case = await town.report()
    await refused("NOT_FOUND", town.do("stranger", "file_case", case))
    await refused("NOT_FOUND", town.do("worker", "accept_case", case))
    # In reach, but not the level in charge.
    await denied(town.do("street", "file_case", case))
    await denied(town.do("dispatcher", "file_case", case))
    await refused("CONFLICT", town.do("clerk", "file_case", case, version=99))
    assert [e.code for e in await town.events(case)] == ["T1"]


async def test_the_street_dispatches_for_its_communities(town: Any) -> None:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    sent = await town.do(
        "street", "dispatch_case", case, organisation_id=town.organisations["office"]
    )
    assert sent.dispatched_level == "STREET"


async def test_escalated_to_the_district(town: Any) -> None:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    bureau = town.organisations["bureau"]
    await refused(
        "HANDLER_NOT_ALLOWED", town.do("clerk", "dispatch_case", case, organisation_id=bureau)
    )
    await town.do("clerk", "escalate_case", case, reason="社区解决不了")
    await town.do("street", "escalate_case", case, reason="需要执法")
    sent = await town.do(
        "dispatcher", "dispatch_case", case, organisation_id=bureau,
        assistant_ids=[town.organisations["builder"], town.organisations["helper"]],
        limit_value=10, limit_unit="WORK_DAY",
    )  # fmt: skip
    assert (sent.level, sent.state) == ("DISTRICT", "DISPATCHED")
    await town.do("official", "accept_case", case)
    await refused("MISSING_DATA", town.do("official", "start_case", case))
    await town.do("official", "start_case", case, plan="先检测,后整改")
    feedback = {"result": "完成", "no_photo_reason": "无"}
    await refused("PARTS_OPEN", town.do("official", "give_feedback", case, **feedback))
    await town.do("assistant", "complete_part", case, note="已配合")
    await denied(
        town.do(
            "assistant", "complete_part", case, note="代办",
            organisation_id=town.organisations["builder"],
        )
    )  # fmt: skip
    await town.do(
        "official", "complete_part", case, note="建设单位已改造",
        organisation_id=town.organisations["builder"],
    )  # fmt: skip
    checking = await town.do("official", "give_feedback", case, **feedback)
    assert checking.state == State.CHECKING
    assert replay(await town.events(case)) == await town.facts(case)


async def test_the_checker_is_independent(town: Any) -> None:
    case = await town.report()
    await town.to_feedback(case)
    await refused("CHECKER_NOT_INDEPENDENT", town.do("grid", "check_case", case, passed=True))
    await denied(town.do("street", "check_case", case, passed=True))
    await refused("NOT_CHECKED", town.do("clerk", "close_case", case, callback="无"))
    await town.do("grid_two", "check_case", case, passed=True)
    await refused("CONFLICT", town.do("clerk", "check_case", case, passed=True))


async def test_a_handler_never_checks(town: Any) -> None:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    await town.do(
        "clerk", "dispatch_case", case, organisation_id=town.organisations["company"],
        assistant_ids=[town.organisations["committee"]],
    )  # fmt: skip
    await town.do("worker", "accept_case", case)
    await town.do("worker", "start_case", case)
    await town.do("committee_clerk", "complete_part", case, note="已协助")
    await town.feedback(case)
    await refused(
        "CHECKER_NOT_INDEPENDENT", town.do("committee_clerk", "check_case", case, passed=True)
    )


async def test_rework_keeps_the_first_deadline(town: Any) -> None:
    case = await town.report()
    before = await town.to_feedback(case, limit_value=7, limit_unit="WORK_DAY")
    await refused("MISSING_DATA", town.do("clerk", "check_case", case, passed=False))
    town.now = at("03-04 10:00")
    failed = await town.do("clerk", "check_case", case, passed=False, failed_item="残留垃圾")
    assert (failed.state, failed.rework_count, failed.clock_value) == ("REWORK", 1, 4)
    assert failed.first_due_at == before.first_due_at == at("03-11 17:30")
    assert failed.due_at == at("03-10 17:30")
    await town.do("worker", "start_case", case)
    await town.feedback(case)
    assert replay(await town.events(case)) == await town.facts(case)


async def test_a_suspension_stops_the_clock(town: Any) -> None:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    await town.do(
        "clerk", "dispatch_case", case, organisation_id=town.organisations["company"],
        limit_value=5, limit_unit="WORK_DAY",
    )  # fmt: skip
    await town.do("worker", "accept_case", case)
    await town.do("worker", "start_case", case, plan="表决后施工")
    ask = {"reason": SuspensionReason.OWNERS_DECISION, "plan": "业主表决"}
    late = town.now + dt.timedelta(days=31)
    await refused(
        "BAD_USER_INPUT", town.do("worker", "request_suspension", case, review_at=late, **ask)
    )
    await refused("NOTHING_REQUESTED", town.do("street_lead", "approve_suspension", case))
    review = town.now + dt.timedelta(days=20)
    await town.do("worker", "request_suspension", case, review_at=review, **ask)
    await refused(
        "CONFLICT", town.do("worker", "request_suspension", case, review_at=review, **ask)
    )
    await denied(town.do("supervisor", "approve_suspension", case))
    held = await town.do("street_lead", "approve_suspension", case)
    assert (held.state, held.suspended_at) == ("SUSPENDED", town.now)
    town.later(days=3)
    back = await town.do("worker", "resume_case", case)
    assert (back.state, back.suspended_at) == ("IN_PROGRESS", None)
    assert back.due_at == back.first_due_at == at("03-12 17:30")
    assert replay(await town.events(case)) == await town.facts(case)


async def test_extensions_are_two_and_bounded(town: Any) -> None:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    await town.do(
        "clerk", "dispatch_case", case, organisation_id=town.organisations["company"],
        limit_value=3, limit_unit="WORK_DAY",
    )  # fmt: skip
    await town.do("worker", "accept_case", case)
    ask = {"reason": "材料未到"}
    await refused("BAD_USER_INPUT", town.do("worker", "request_extension", case, value=4, **ask))
    for _ in range(2):
        await town.do("worker", "request_extension", case, value=2, **ask)
        await denied(town.do("dispatcher", "approve_extension", case))
        moved = await town.do("street", "approve_extension", case)
    assert (moved.extension_count, moved.due_at) == (2, at("03-11 17:30"))
    await refused(
        "TOO_MANY_EXTENSIONS", town.do("worker", "request_extension", case, value=1, **ask)
    )
    assert replay(await town.events(case)) == await town.facts(case)


async def test_returns_and_rulings(town: Any) -> None:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    company = town.organisations["company"]
    await town.do("clerk", "dispatch_case", case, organisation_id=company)
    back = {"reason": "不属本单位", "evidence": "产权证明"}
    for n in (1, 2):
        returned = await town.do("worker", "return_case", case, **back)
        assert returned.return_count == n
        due = returned.due_at
        ruled = await town.do("clerk", "rule_return", case, accepted=False, reason="应由你单位处置")
        assert (ruled.state, ruled.due_at) == ("DISPATCHED", due)
    await town.do("worker", "return_case", case, **back)
    await denied(town.do("clerk", "rule_return", case, accepted=True, reason="同意"))
    town.later(hours=1)
    ruled = await town.do(
        "street_lead", "rule_return", case, accepted=True, reason="同意",
        organisation_id=town.organisations["helper"],
    )  # fmt: skip
    assert (ruled.handler_id, ruled.dispatched_at) == (town.organisations["helper"], town.now)
    await refused("NOT_FOUND", town.do("worker", "accept_case", case))
    town.later(days=1)
    await refused("RETURN_TOO_LATE", town.do("assistant", "return_case", case, **back))
    assert replay(await town.events(case)) == await town.facts(case)


async def test_dissatisfied_households_reopen_once(town: Any) -> None:
    case = await town.report("resident", source=Source.COMMUNITY)
    await town.to_feedback(case)
    for turn in (1, 2):
        await town.do("grid", "check_case", case, passed=True)
        await town.do("clerk", "close_case", case, callback="当面告知", affected_households=2)
        await town.do("resident", "evaluate_case", case, choice=Satisfaction.DISSATISFIED)
        await refused(
            "CONFLICT", town.do("resident", "evaluate_case", case, choice=Satisfaction.SATISFIED)
        )
        await refused("TOO_EARLY", town.do("clerk", "finish_evaluation", case))
        ask = {"choice": Satisfaction.DISSATISFIED, "household": "3栋 501"}
        await town.do("clerk", "evaluate_case", case, **ask)
        ask["household"] = "3栋502"
        await refused("ALL_ANSWERED", town.do("clerk", "evaluate_case", case, **ask))
        await town.do("clerk", "finish_evaluation", case)
        if turn == 1:
            again = await town.do("street", "reopen_case", case, reason="过半不满意")
            assert (again.state, again.rework_count, again.closed_at) == ("CHECKING", 1, None)
    await refused("ALREADY_REOPENED", town.do("street", "reopen_case", case, reason="再查"))
    assert replay(await town.events(case)) == await town.facts(case)


async def test_duplicates_count_once_and_keep_both_reporters(town: Any) -> None:
    original = await town.report()
    second = await town.report("resident", title="垃圾又堆了")
    other = await town.report(category_id=town.categories["P-07"])
    await refused(
        "DIFFERENT_CATEGORY", town.do("clerk", "link_duplicate", other, original_id=original.id)
    )
    await refused(
        "BAD_USER_INPUT", town.do("clerk", "link_duplicate", second, original_id=second.id)
    )
    linked = await town.do("clerk", "link_duplicate", second, original_id=original.id)
    assert (linked.state, linked.duplicate_of_id) == ("NOT_FILED", original.id)
    assert linked.reporter_id == town.people["resident"].membership_id
    assert (await town.stored(original.id))["joined_count"] == 1
    third = await town.report()
    await refused(
        "ILLEGAL_TRANSITION", town.do("clerk", "link_duplicate", third, original_id=second.id)
    )
    assert replay(await town.events(original)) == await town.facts(original)


async def test_only_the_district_supervisor_voids(town: Any) -> None:
    case = await town.report()
    await town.do("supervisor", "void_case", case, reason="误报")
    await refused("ILLEGAL_TRANSITION", town.do("supervisor", "void_case", case, reason="误报"))


async def test_a_year_is_loaded_and_deadlines_move(town: Any) -> None:
    town.now = at("12-31 09:00")
    case = await town.report()
    await town.do("clerk", "file_case", case)
    sent = await town.do(
        "clerk", "dispatch_case", case, organisation_id=town.organisations["company"],
        limit_value=2, limit_unit="WORK_DAY",
    )  # fmt: skip
    assert sent.due_provisional
    year = {"year": 2027, "source": "测试用的安排", "days_on": []}
    fixed = [dt.date(2027, m, d) for m, d in ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))]
    await refused(
        "BAD_USER_INPUT", town._do("system", "load_calendar_year", {**year, "days_off": fixed[1:]})
    )
    days_off = [*fixed, dt.date(2027, 1, 4)]
    loaded = await town._do("system", "load_calendar_year", {**year, "days_off": days_off})
    assert loaded.recomputed == 1
    moved = await town.stored(case.id)
    assert not moved["due_provisional"]
    assert moved["due_at"] == sent.due_at + dt.timedelta(days=1)
    assert (await town.events(case))[-1].code == "DUE_RECOMPUTED"
    assert replay(await town.events(case)) == await town.facts(case)


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
    ],
)
async def test_bad_input_writes_nothing(town: Any, field: str, value: Any, code: str) -> None:
    refusal = await refused(code, town.report(**{field: value}))
    assert any("\u4e00" <= c <= "\u9fff" for c in refusal.message)
    async with town.open() as transaction:
        assert await transaction.connection.fetchval("select count(*) from cases") == 0


async def test_good_input_is_kept(town: Any) -> None:
    case = await town.report(
        title="垃圾🙂", contact_phone="138 0000-0000", description="第一行\n第二行"
    )
    assert (case.title, case.contact_phone) == ("垃圾🙂", "13800000000")
    assert case.description == "第一行\n第二行"
    async with town.open() as transaction:
        grams = await transaction.connection.fetch("select gram from case_grams")
    assert {"垃圾", "三号", "35"} & {row["gram"] for row in grams} >= {"垃圾", "三号"}


async def test_the_same_key_gives_the_same_case(town: Any) -> None:
    one = await town.report(idempotency_key="k1")
    assert (await town.report(idempotency_key="k1")).id == one.id
    assert (await town.report("grid_two", idempotency_key="k1")).id != one.id


async def test_drafts_are_their_reporters(town: Any) -> None:
    draft = await town.report(draft=True, no_photo_reason=None)
    assert (draft.state, draft.reported_at) == ("DRAFT", None)
    await denied(town.do("grid_two", "submit_case", draft, no_photo_reason="无"))
    await refused("MISSING_DATA", town.do("grid", "submit_case", draft))
    sent = await town.do("grid", "submit_case", draft, no_photo_reason="无相机")
    assert (sent.state, sent.no_photo_reason) == ("REPORTED", "无相机")


async def test_a_case_lies_where_its_reporter_may_report(town: Any) -> None:
    far = town.tenant.regions["south1grid"].id
    await refused("NOT_FOUND", town.report(region_id=far))
    street = town.tenant.regions["north"].id
    await refused("BAD_USER_INPUT", town.report("street", region_id=street))


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


async def test_resumed_at_review_by_the_system(town: Any) -> None:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    await town.do("clerk", "dispatch_case", case, organisation_id=town.organisations["company"])
    await town.do("worker", "accept_case", case)
    await town.do("worker", "start_case", case)
    await town.do(
        "worker", "request_suspension", case, reason=SuspensionReason.FORCE_MAJEURE, plan="待雨停",
        review_at=town.now + dt.timedelta(days=2),
    )  # fmt: skip
    await town.do("street_lead", "approve_suspension", case)
    scope = town.people["supervisor"].scope("case:read")

    async def resume() -> Any:
        async with town.open() as transaction:
            return await service.resume_at_review(transaction, scope, id=case.id, now=town.now)

    await refused("TOO_EARLY", resume())
    town.later(days=2)
    back = await resume()
    assert back.state == State.IN_PROGRESS
    last = (await town.rows(case))[-1]
    assert (last["actor_id"], last["actor_name"]) == (None, "系统")
    assert replay(await town.events(case)) == await town.facts(case)


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
    await refused("CONFLICT", create("P-09"))
    await refused("BAD_USER_INPUT", create("物业"))
    assert (await change(version=1, limit_value=2)).version == 2
    await refused("CONFLICT", change(version=1, limit_value=3))
    await refused("BAD_USER_INPUT", change(version=2, limit_value=0))
    await change(version=2, active=False)
    await refused("NOT_FOUND", town.report(category_id=made.id))
