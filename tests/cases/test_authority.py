"""Who is near enough to a case for a step, where T1–T22 draw the line."""

from __future__ import annotations

from typing import Any

from guanjia.cases.chain import chain_fault, event_hash
from guanjia.cases.facts import replay
from guanjia.cases.reasons import Source
from guanjia.surveys.models import Satisfaction


async def test_a_resident_is_verified_whatever_channel_they_name(town: Any) -> None:
    for source in (Source.COMMUNITY, Source.GRID_PATROL, Source.RESIDENT):
        case = await town.report("resident", source=source)
        await town.refused("NOT_VERIFIED", town.do("clerk", "file_case", case))
    for who in ("grid", "worker", "street"):
        case = await town.report(who)
        assert (await town.do("street" if who == "street" else "clerk", "file_case", case)).filed_at


async def test_who_verifies_looks_after_the_place(town: Any) -> None:
    case = await town.report("resident", source=Source.RESIDENT)
    for other in ("stranger", "neighbour", "official", "auditor"):
        member = town.people[other].membership_id
        await town.refused("NOT_FOUND", town.do("clerk", "verify_case", case, verifier_id=member))
    # The community's case is not the street's to verify, until it is escalated.
    await town.denied(town.do("street", "verify_case", case))
    await town.do("clerk", "escalate_case", case, reason="须街道出面")
    grid = town.people["grid"].membership_id
    await town.do("street", "verify_case", case, verifier_id=grid)
    assert (await town.facts(case)).verifier_id == grid


async def test_one_level_above_the_dispatcher_gives_time(town: Any) -> None:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    await town.do(
        "street", "dispatch_case", case, organisation_id=town.organisations["company"],
        limit_value=3, limit_unit="WORK_DAY",
    )  # fmt: skip
    await town.do("worker", "accept_case", case)
    await town.do("worker", "request_extension", case, value=1, reason="材料未到")
    await town.denied(town.do("street", "approve_extension", case))
    moved = await town.do("dispatcher", "approve_extension", case)
    assert moved.extension_count == 1


async def test_organisations_work_where_the_case_lies(town: Any) -> None:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    await town.do("clerk", "escalate_case", case, reason="须街道出面")
    await town.do("street", "escalate_case", case, reason="须区级出面")
    far, bureau = town.organisations["far"], town.organisations["bureau"]
    refused = await town.refused(
        "NOT_FOUND", town.do("dispatcher", "dispatch_case", case, organisation_id=far)
    )
    assert refused.field == ("organisationId",)
    refused = await town.refused(
        "NOT_FOUND",
        town.do("dispatcher", "dispatch_case", case, organisation_id=bureau, assistant_ids=[far]),
    )
    assert refused.field == ("assistantIds",)
    near = [town.organisations[name] for name in ("helper", "office", "builder")]
    sent = await town.do(
        "dispatcher", "dispatch_case", case, organisation_id=bureau, assistant_ids=near
    )
    assert sent.handler_id == bureau


async def test_what_is_to_be_archived_is_not_reopened(town: Any) -> None:
    case = await town.report()
    await town.to_feedback(case)
    await town.do("grid_two", "check_case", case, passed=True)
    homes = {"affected_house_unit_ids": town.homes[:2]}
    await town.do("clerk", "close_case", case, callback="当面告知", **homes)
    for home in (0, 1):
        await town.answer(case, home, Satisfaction.DISSATISFIED)
    await town.do("clerk", "finish_evaluation", case)
    town.later(days=8)
    await town.refused("TOO_LATE", town.do("street", "reopen_case", case, reason="过半不满意"))
    assert replay(await town.events(case)) == await town.facts(case)


async def test_old_events_keep_their_hash(town: Any) -> None:
    """What was hashed before the younger columns existed is hashed the same with them empty."""
    case = await town.report()
    [row] = await town.rows(case)
    young = {"not_duplicate_of", "answer_by", "current_path"}
    old = {name: value for name, value in row.items() if name not in young}
    assert event_hash(row["prev_hash"], old) == bytes(row["hash"])
    assert chain_fault([{**row, "current_path": "elsewhere"}]) is None
    assert chain_fault([{**row, "answer_by": town.now}]) == 1
    assert chain_fault([{**row, "not_duplicate_of": ()}]) == 1
