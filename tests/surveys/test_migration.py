"""The answers that were kept with the cases are surveys now, and could be again what they were."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tests.surveys.conftest import RATE, Street

MOVED = import_module("guanjia.cases.migrations.0012_surveys")
KEPT = (
    "select s.subject_id, s.round, s.state, s.title, s.opened_at, s.closes_at, s.closed_at,"
    " s.answered, s.satisfied, s.partly, s.dissatisfied, s.excluded_organisation_ids,"
    " (select array_agg((a.choice, a.comment, a.channel, a.answered_at)::text order by a.choice)"
    " from survey_answers a where a.survey_id = s.id) from surveys s where s.tenant_id = $1"
    " order by 1, 2"
)


async def test_old_answers_become_surveys(street: Street, admin: Any) -> None:
    case = await street.handled(street.owners[1])
    survey = await street.closed(case, affectedHouseUnitIds=street.homes[:3])
    for owner, choice in zip(street.owners[:2], ("SATISFIED", "DISSATISFIED"), strict=True):
        await street.answered(owner, survey, choice, comment="见上")
    # Kept as households, they were all asked at their doors.
    await admin.execute(
        "update survey_answers set channel = 'DOOR', respondent_id = null where tenant_id = $1",
        street.town.tenant.id,
    )
    before = await admin.fetch(KEPT, street.town.tenant.id)
    change = admin.transaction()
    await change.start()
    for statement in (
        *MOVED.EVALUATIONS.sql,
        MOVED.BACK,
        "delete from survey_answers",
        "delete from survey_targets",
        "delete from surveys",
        MOVED.OPENED,
        MOVED.ASKED,
        MOVED.REPORTERS,
        MOVED.ANSWERED,
    ):
        await admin.execute(statement)
    assert await admin.fetch(KEPT, street.town.tenant.id) == before
    [asked] = await admin.fetch("select * from surveys where tenant_id = $1", street.town.tenant.id)
    assert (asked["asked"], set(RATE.split()) - set(dict(asked))) == (3, {"rate", "lowerBound"})
    targets = await admin.fetch(
        "select label, membership_id from survey_targets where tenant_id = $1 order by label",
        street.town.tenant.id,
    )
    assert [target["label"] for target in targets] == ["1幢101", "1幢2单元501", "上报人"]
    assert targets[-1]["membership_id"] == street.owners[1].membership
    await change.rollback()
