"""The limits of whistles and escalations: they stand still with their case, and end with it."""

from __future__ import annotations

from guanjia.cases.facts import Payload
from guanjia.cases.service.casefile import CaseFile
from guanjia.graph.times import local_date
from guanjia.whistles.marks import moved
from guanjia.whistles.rules import limit
from guanjia.whistles.service.opening import system_step
from guanjia.whistles.service.outcomes import keep_outcomes
from guanjia.whistles.states import OPEN, WhistleState

ENDED_WITH_CASE = "案件已办结"


async def move_limits(case: CaseFile) -> None:
    """What was suspended is added to the limits that ran meanwhile; a year that was loaded since
    counts. Urgent attendance is due around the clock and does not wait."""
    connection, key = case.transaction.connection, (case.transaction.tenant_id, case.id)
    rows = await connection.fetch(
        "select id, sounded_at, urgent from whistles"
        " where tenant_id = $1 and case_id = $2 and state = any($3)",
        *key,
        sorted(OPEN),
    )
    for row in rows:
        start, day = row["sounded_at"], local_date(row["sounded_at"])
        attend = limit("ATTEND_URGENT" if row["urgent"] else "ATTEND", day)
        answer = limit("RESULT", day)
        pauses = () if row["urgent"] else case.adjustments
        come = moved(case.calendar, start, attend.value, attend.unit, pauses)
        done = moved(case.calendar, start, answer.value, answer.unit, case.adjustments)
        await connection.execute(
            "update whistles set attend_by = $3, answer_by = $4, limits_provisional = $5,"
            " version = version + 1 where tenant_id = $1 and id = $2"
            " and (attend_by, answer_by, limits_provisional) is distinct from ($3, $4, $5)",
            key[0],
            row["id"],
            come.at,
            done.at,
            not (come.complete and done.complete),
        )
    await keep_outcomes(case.transaction, [row["id"] for row in rows], case.now)
    rows = await connection.fetch(
        "select id, level, raised_at from escalations where tenant_id = $1 and case_id = $2"
        " and state = 'OPEN' and whistle_id is null",
        *key,
    )
    for row in rows:
        allowed = limit(f"{row['level']}_RESPONSE", local_date(row["raised_at"]))
        due = moved(case.calendar, row["raised_at"], allowed.value, allowed.unit, case.adjustments)
        await connection.execute(
            "update escalations set answer_by = $3, limit_provisional = $4, version = version + 1"
            " where tenant_id = $1 and id = $2"
            " and (answer_by, limit_provisional) is distinct from ($3, $4)",
            key[0],
            row["id"],
            due.at,
            not due.complete,
        )


async def expire(case: CaseFile) -> None:
    """Whistles that nobody has answered yet are over with their case."""
    rows = await case.transaction.connection.fetch(
        "update whistles set state = 'EXPIRED', state_since = $3, ended_reason = $4,"
        " version = version + 1 where tenant_id = $1 and case_id = $2"
        " and state in ('SOUNDED', 'ATTENDED') returning number",
        case.transaction.tenant_id,
        case.id,
        case.now,
        ENDED_WITH_CASE,
    )
    for row in rows:
        step = system_step("expire_whistle", WhistleState.SOUNDED)
        await case.annotate(step, Payload(note=f"{row['number']} {ENDED_WITH_CASE}"))
