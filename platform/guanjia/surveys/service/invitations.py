"""Who is asked: their open surveys, and the codes by which a home at its door is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.compounds.codes import made, shown
from guanjia.compounds.service.opening import open_row, record_write, store
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, NOT_FOUND, Refusal
from guanjia.surveys.models import KIND_REACH, SURVEY_REACH, TARGET_REACH, SurveyState
from guanjia.surveys.service.answering import code_hash

MOST_LETTERS = 1_000
LONGEST_UPLOAD_HOURS = 720
_OPEN_TO = (
    "select s.id from surveys s where s.tenant_id = $1 and s.state = 'OPEN'"
    f" and {(SURVEY_REACH.own or '').format(row='s', tenant='$1', me='$2')}"
    " order by s.opened_at desc, s.id desc"
)


@dataclass(frozen=True, slots=True)
class Letter:
    """What a home is told on paper: its code for whoever comes to ask."""

    house_unit_id: UUID
    label: str
    code: str


async def open_to(connection: Any, tenant_id: UUID, membership_id: UUID) -> list[UUID]:
    """The open surveys that ask the member's home, or them in person, newest first."""
    rows = await connection.fetch(_OPEN_TO, tenant_id, membership_id)
    return [row["id"] for row in rows]


async def issue_survey_codes(
    transaction: Transaction,
    secret: bytes,
    actor: Actor,
    scope: Scope,
    *,
    survey_id: UUID,
    house_unit_ids: Sequence[UUID],
    now: dt.datetime,
) -> list[Letter]:
    """New codes for these homes, or for those that have none and have not answered; from door to
    door. An older code of a home is void. Whoever issued a code cannot collect with it."""
    survey = await open_row(
        transaction, scope, "surveys", SURVEY_REACH, survey_id, "调查", "surveyId"
    )
    if survey["state"] != SurveyState.OPEN:
        raise Refusal(CONFLICT, "调查已结束。", ("surveyId",))
    arguments: list[Any] = [transaction.tenant_id, survey_id, list(house_unit_ids)]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    rows = await transaction.connection.fetch(
        "select t.id, t.house_unit_id, t.label from survey_targets t where t.tenant_id = $1"
        " and t.survey_id = $2 and t.house_unit_id is not null and not exists (select 1"
        " from survey_answers a where a.tenant_id = $1 and a.target_id = t.id)"
        " and case when $3 = '{}'::uuid[] then t.code_hash is null"
        " else t.house_unit_id = any($3) end"
        f" and {scope.predicate(TARGET_REACH, 't', '$1', bind)}"
        f" order by t.way, t.id limit {MOST_LETTERS + 1}",
        *arguments,
    )
    if not set(house_unit_ids) <= {row["house_unit_id"] for row in rows}:
        raise Refusal(NOT_FOUND, "找不到该房屋,或该户已答。", ("houseUnitIds",))
    if len(rows) > MOST_LETTERS:
        raise Refusal(BAD_USER_INPUT, f"一次最多发出 {MOST_LETTERS} 户。", ("houseUnitIds",))
    codes = [made() for _ in rows]
    await transaction.connection.execute(
        "update survey_targets t set code_hash = u.hash, code_issued_by = $2, code_issued_at = $3"
        " from unnest($4::uuid[], $5::bytea[]) u(id, hash) where t.tenant_id = $1 and t.id = u.id",
        transaction.tenant_id,
        actor.membership_id,
        now,
        [row["id"] for row in rows],
        [code_hash(secret, row["id"], code) for row, code in zip(rows, codes, strict=True)],
    )
    await record_write(
        transaction, actor, scope, "survey.issue_codes", survey_id, survey["region_path"],
        homes=len(rows),
    )  # fmt: skip
    return [
        Letter(row["house_unit_id"], row["label"], shown(code))
        for row, code in zip(rows, codes, strict=True)
    ]


async def change_survey_kind(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    upload_hours: int,
    now: dt.datetime,
) -> UUID:
    """Surveys of the kind that open from now on take late uploads for so many hours; its id."""
    row = await open_row(
        transaction, scope, "survey_kinds", KIND_REACH, id, "调查种类", version=version
    )
    if not 0 <= upload_hours <= LONGEST_UPLOAD_HOURS:
        raise Refusal(
            BAD_USER_INPUT, f"补传时间须为 0 到 {LONGEST_UPLOAD_HOURS} 小时。", ("uploadHours",)
        )
    await store(transaction, "survey_kinds", id, {"upload_hours": upload_hours})
    return await record_write(
        transaction, actor, scope, "survey_kind.change", row["id"], None, upload_hours=upload_hours
    )
