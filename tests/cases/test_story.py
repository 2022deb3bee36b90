"""Cases from report to archive, and what is refused on the way."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from guanjia.cases.chain import chain_fault
from guanjia.cases.facts import replay
from guanjia.cases.reasons import DeclineReason, Satisfaction, Source, SuspensionReason
from guanjia.cases.states import State
from guanjia.graph.times import CHINA


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"2026-{text}").replace(tzinfo=CHINA)


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
    await town.refused("TOO_EARLY", town.do("auditor", "archive_case", case))
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
    await town.refused("NOT_VERIFIED", town.do("clerk", "file_case", case))
    resident = town.people["resident"].membership_id
    await town.refused(
        "VERIFIER_IS_REPORTER", town.do("grid", "verify_case", case, verifier_id=resident)
    )
    await town.do("grid", "verify_case", case, note="到场查看")
    assert (await town.do("clerk", "file_case", case)).state == State.FILED


async def test_declined_with_an_answer(town: Any) -> None:
    case = await town.report()
    await town.refused(
        "MISSING_DATA",
        town.do("clerk", "decline_case", case, reason=DeclineReason.UNCLEAR, answer=" "),
    )
    await town.do("clerk", "decline_case", case, reason=DeclineReason.UNCLEAR, answer="请补充地点")
    await town.refused("ILLEGAL_TRANSITION", town.do("clerk", "file_case", case))


async def test_who_may_reach_a_case(town: Any) -> None:
    case = await town.report()
    await town.refused("NOT_FOUND", town.do("stranger", "file_case", case))
    await town.refused("NOT_FOUND", town.do("worker", "accept_case", case))
    # In reach, but not the level in charge.
    await town.denied(town.do("street", "file_case", case))
    await town.denied(town.do("dispatcher", "file_case", case))
    await town.refused("CONFLICT", town.do("clerk", "file_case", case, version=99))
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
    await town.refused(
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
    await town.refused("MISSING_DATA", town.do("official", "start_case", case))
    await town.do("official", "start_case", case, plan="先检测,后整改")
    feedback = {"result": "完成", "no_photo_reason": "无"}
    open_parts = await town.refused(
        "PARTS_OPEN", town.do("official", "give_feedback", case, **feedback)
    )
    assert open_parts.message == "协办单位builder、helper的任务还没有完成。"
    await town.do("assistant", "complete_part", case, note="已配合")
    await town.denied(
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
    await town.refused("CHECKER_NOT_INDEPENDENT", town.do("grid", "check_case", case, passed=True))
    await town.denied(town.do("street", "check_case", case, passed=True))
    await town.refused("NOT_CHECKED", town.do("clerk", "close_case", case, callback="无"))
    await town.do("grid_two", "check_case", case, passed=True)
    await town.refused("CONFLICT", town.do("clerk", "check_case", case, passed=True))


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
    await town.refused(
        "CHECKER_NOT_INDEPENDENT", town.do("committee_clerk", "check_case", case, passed=True)
    )


async def test_who_handled_and_left_never_checks(town: Any) -> None:
    case = await town.report()
    await town.to_feedback(case)
    worker, clerk = town.people["worker"], town.people["clerk"]
    town.people["former"] = replace(worker, grants=clerk.grants, organisation_ids=())
    await town.refused(
        "CHECKER_NOT_INDEPENDENT", town.do("former", "check_case", case, passed=True)
    )
    assert (await town.facts(case)).checked_at is None


async def test_rework_keeps_the_first_deadline(town: Any) -> None:
    case = await town.report()
    before = await town.to_feedback(case, limit_value=7, limit_unit="WORK_DAY")
    await town.refused("MISSING_DATA", town.do("clerk", "check_case", case, passed=False))
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
    await town.refused(
        "BAD_USER_INPUT", town.do("worker", "request_suspension", case, review_at=late, **ask)
    )
    await town.refused("NOTHING_REQUESTED", town.do("street_lead", "approve_suspension", case))
    review = town.now + dt.timedelta(days=20)
    await town.do("worker", "request_suspension", case, review_at=review, **ask)
    await town.refused(
        "CONFLICT", town.do("worker", "request_suspension", case, review_at=review, **ask)
    )
    await town.denied(town.do("supervisor", "approve_suspension", case))
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
    await town.refused(
        "BAD_USER_INPUT", town.do("worker", "request_extension", case, value=4, **ask)
    )
    for _ in range(2):
        await town.do("worker", "request_extension", case, value=2, **ask)
        await town.denied(town.do("dispatcher", "approve_extension", case))
        moved = await town.do("street", "approve_extension", case)
    assert (moved.extension_count, moved.due_at) == (2, at("03-11 17:30"))
    await town.refused(
        "TOO_MANY_EXTENSIONS", town.do("worker", "request_extension", case, value=1, **ask)
    )
    assert replay(await town.events(case)) == await town.facts(case)


async def test_returns_and_rulings(town: Any) -> None:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    company = town.organisations["company"]
    await town.do("clerk", "dispatch_case", case, organisation_id=company)
    back = {"reason": "不属本单位", "evidence": "产权证明"}
    await town.refused("MISSING_DATA", town.do("worker", "return_case", case, **back))
    await town.refused(
        "BAD_USER_INPUT", town.do("worker", "return_case", case, suggested_id=company, **back)
    )
    back["suggested_id"] = town.organisations["committee"]
    for n in (1, 2):
        returned = await town.do("worker", "return_case", case, **back)
        assert returned.return_count == n
        due = returned.due_at
        ruled = await town.do("clerk", "rule_return", case, accepted=False, reason="应由你单位处置")
        assert (ruled.state, ruled.due_at) == ("DISPATCHED", due)
    await town.do("worker", "return_case", case, **back)
    await town.denied(town.do("clerk", "rule_return", case, accepted=True, reason="同意"))
    town.later(hours=1)
    ruled = await town.do(
        "street_lead", "rule_return", case, accepted=True, reason="同意",
        organisation_id=town.organisations["helper"],
    )  # fmt: skip
    assert (ruled.handler_id, ruled.dispatched_at) == (town.organisations["helper"], town.now)
    await town.refused("NOT_FOUND", town.do("worker", "accept_case", case))
    town.later(days=1)
    await town.refused("RETURN_TOO_LATE", town.do("assistant", "return_case", case, **back))
    assert replay(await town.events(case)) == await town.facts(case)


async def test_dissatisfied_households_reopen_once(town: Any) -> None:
    case = await town.report("resident", source=Source.COMMUNITY)
    await town.to_feedback(case)
    for turn in (1, 2):
        await town.do("grid", "check_case", case, passed=True)
        await town.do("clerk", "close_case", case, callback="当面告知", affected_households=2)
        await town.do("resident", "evaluate_case", case, choice=Satisfaction.DISSATISFIED)
        await town.refused(
            "CONFLICT", town.do("resident", "evaluate_case", case, choice=Satisfaction.SATISFIED)
        )
        await town.refused("TOO_EARLY", town.do("clerk", "finish_evaluation", case))
        ask = {"choice": Satisfaction.DISSATISFIED, "household": "3栋 501"}
        await town.do("clerk", "evaluate_case", case, **ask)
        ask["household"] = "3栋502"
        await town.refused("ALL_ANSWERED", town.do("clerk", "evaluate_case", case, **ask))
        await town.do("clerk", "finish_evaluation", case)
        if turn == 1:
            again = await town.do("street", "reopen_case", case, reason="过半不满意")
            assert (again.state, again.rework_count, again.closed_at) == ("CHECKING", 1, None)
    await town.refused("ALREADY_REOPENED", town.do("street", "reopen_case", case, reason="再查"))
    assert replay(await town.events(case)) == await town.facts(case)


async def test_duplicates_count_once_and_keep_both_reporters(town: Any) -> None:
    original = await town.report()
    second = await town.report("resident", title="垃圾又堆了")
    other = await town.report(category_id=town.categories["P-07"])
    await town.refused(
        "DIFFERENT_CATEGORY", town.do("clerk", "link_duplicate", other, original_id=original.id)
    )
    await town.refused(
        "BAD_USER_INPUT", town.do("clerk", "link_duplicate", second, original_id=second.id)
    )
    linked = await town.do("clerk", "link_duplicate", second, original_id=original.id)
    assert (linked.state, linked.duplicate_of_id) == ("NOT_FILED", original.id)
    assert linked.reporter_id == town.people["resident"].membership_id
    assert (await town.stored(original.id))["joined_count"] == 1
    third = await town.report()
    await town.refused(
        "ILLEGAL_TRANSITION", town.do("clerk", "link_duplicate", third, original_id=second.id)
    )
    assert replay(await town.events(original)) == await town.facts(original)


async def test_only_the_district_supervisor_voids(town: Any) -> None:
    case = await town.report()
    await town.do("supervisor", "void_case", case, reason="误报")
    await town.refused(
        "ILLEGAL_TRANSITION", town.do("supervisor", "void_case", case, reason="误报")
    )


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
    await town.refused(
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
