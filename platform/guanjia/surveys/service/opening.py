"""A survey opens with whom it asks, frozen, and closes with what was answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.audit.service import record
from guanjia.compounds.models.estates import HOUSE_REACH
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, NOT_FOUND, Refusal
from guanjia.notifications.notices import tell
from guanjia.surveys.kinds import UPLOAD_HOURS
from guanjia.surveys.models import WAY, SurveyState
from guanjia.surveys.notices import OPENED

MOST_TARGETS = 5_000
READ_HOMES = "house:read"
PERSONAL = "上报人"
_HOME_OF = (
    "select h.id, h.label from persons p join house_bindings b on b.tenant_id = $1"
    " and b.person_id = p.id and b.valid_to is null join house_units h on h.tenant_id = $1"
    " and h.id = b.house_unit_id and h.valid_to is null where p.tenant_id = $1"
    " and p.membership_id = $2 order by left(h.region_path, 15) <> left($3, 15), b.valid_from, b.id"
    " limit 1"
)
_ASKED_BEFORE = (
    "select t.house_unit_id, t.membership_id, coalesce(h.label, t.label) as label"
    " from survey_targets t join surveys s on s.tenant_id = $1 and s.id = t.survey_id"
    " left join house_units h on h.tenant_id = $1 and h.id = t.house_unit_id"
    " where t.tenant_id = $1 and s.kind = $2 and s.subject_id = $3 and h.valid_to is null"
    " and num_nonnulls(t.house_unit_id, t.membership_id) = 1 and s.round = (select max(r.round)"
    " from surveys r where r.tenant_id = $1 and r.kind = $2 and r.subject_id = $3)"
)


_MEMBERS_ASKED = (
    "select m.membership_id from (select t.membership_id from survey_targets t"
    " where t.tenant_id = $1 and t.survey_id = $2 union select p.membership_id"
    " from survey_targets t join house_bindings b on b.tenant_id = $1"
    " and b.house_unit_id = t.house_unit_id and b.valid_to is null join persons p"
    " on p.tenant_id = $1 and p.id = b.person_id where t.tenant_id = $1 and t.survey_id = $2) m"
    " where m.membership_id is not null and not m.membership_id = any($3)"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A home that is asked, or a member who has none."""

    house_unit_id: UUID | None
    membership_id: UUID | None
    label: str


@dataclass(frozen=True, slots=True)
class Opening:
    """What a survey is about, where that lies, and who is to keep away from it."""

    kind: str
    subject_id: UUID
    round: int
    title: str
    region_id: UUID
    region_path: str
    closes_at: dt.datetime
    organisation_ids: Iterable[UUID]
    membership_ids: Iterable[UUID]


async def homes_in(
    transaction: Transaction,
    actor: Actor | None,
    building_ids: Sequence[UUID],
    house_unit_ids: Sequence[UUID],
) -> list[Asked]:
    """The homes in force of these buildings and these homes besides, each once. Refusal unless the
    actor may read them all; without an actor somebody who may has named them, and those that are no
    more are left out."""
    arguments: list[Any] = [transaction.tenant_id, list(building_ids), list(house_unit_ids)]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    readable = actor.scope(READ_HOMES).predicate(HOUSE_REACH, "h", "$1", bind) if actor else "true"
    rows = await transaction.connection.fetch(
        f"select h.id, h.building_id, h.label, {readable} as readable from house_units h"
        " where h.tenant_id = $1 and h.valid_to is null"
        " and (h.building_id = any($2) or h.id = any($3))"
        f" order by h.label, h.id limit {MOST_TARGETS + 1}",
        *arguments,
    )
    if len(rows) > MOST_TARGETS:
        raise Refusal(BAD_USER_INPUT, f"一次调查最多 {MOST_TARGETS} 户。", ("affectedBuildingIds",))
    if actor is None:
        return [Asked(row["id"], None, row["label"]) for row in rows]
    # Who may read some homes of a building does not name the building.
    hidden = {row["building_id"] for row in rows if not row["readable"]}
    if not set(building_ids) <= {row["building_id"] for row in rows} - hidden:
        raise Refusal(NOT_FOUND, "找不到该楼栋,或其中没有房屋。", ("affectedBuildingIds",))
    if not set(house_unit_ids) <= {row["id"] for row in rows if row["readable"]}:
        raise Refusal(NOT_FOUND, "找不到该房屋。", ("affectedHouseUnitIds",))
    return [Asked(row["id"], None, row["label"]) for row in rows]


async def household_of(transaction: Transaction, membership_id: UUID, path: str) -> Asked | None:
    """The home that the member is bound to, before others one of the community of the place."""
    row = await transaction.connection.fetchrow(
        _HOME_OF, transaction.tenant_id, membership_id, path
    )
    return Asked(row["id"], None, row["label"]) if row else None


async def asked_before(transaction: Transaction, kind: str, subject_id: UUID) -> list[Asked]:
    """Whom the last survey about the subject asked, as far as they are still there."""
    rows = await transaction.connection.fetch(
        _ASKED_BEFORE, transaction.tenant_id, kind, subject_id
    )
    return [Asked(**row) for row in rows]


async def open_survey(
    transaction: Transaction,
    actor: Actor | None,
    scope: Scope,
    opening: Opening,
    targets: Sequence[Asked],
    now: dt.datetime,
) -> UUID:
    """The survey asks exactly these from now on; its id. What was answered within its window is
    taken for so many hours more as the tenant's kind of survey says."""
    survey_id = new_id()
    hours = await transaction.connection.fetchval(
        "select upload_hours from survey_kinds where tenant_id = $1 and code = $2",
        transaction.tenant_id,
        opening.kind,
    )
    grace = dt.timedelta(hours=UPLOAD_HOURS if hours is None else hours)
    await transaction.connection.execute(
        "insert into surveys (id, kind, subject_id, round, title, region_id, region_path, state,"
        " opened_at, closes_at, uploads_until, asked, excluded_organisation_ids,"
        " excluded_membership_ids) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
        " $14)",
        survey_id, opening.kind, opening.subject_id, opening.round, opening.title,
        opening.region_id, opening.region_path, SurveyState.OPEN, now, opening.closes_at,
        opening.closes_at + grace, len(targets), list(opening.organisation_ids),
        list(opening.membership_ids),
    )  # fmt: skip
    await transaction.connection.execute(
        "insert into survey_targets (id, survey_id, house_unit_id, membership_id, label, way)"
        f" select u.i, $1, u.h, u.m, u.l, coalesce({WAY}, '1') from unnest($2::uuid[], $3::uuid[],"
        " $4::uuid[], $5::text[]) u(i, h, m, l) left join house_units h on h.tenant_id = $6"
        " and h.id = u.h left join buildings b on b.tenant_id = $6 and b.id = h.building_id"
        " left join compounds c on c.tenant_id = $6 and c.id = h.compound_id",
        survey_id,
        [new_id() for _ in targets],
        [target.house_unit_id for target in targets],
        [target.membership_id for target in targets],
        [target.label for target in targets],
        transaction.tenant_id,
    )
    await _invite(transaction, survey_id, opening, now)
    await _record(transaction, actor, scope, "survey.open", survey_id, opening.region_path,
                  asked=len(targets))  # fmt: skip
    return survey_id


async def _invite(
    transaction: Transaction, survey_id: UUID, opening: Opening, now: dt.datetime
) -> None:
    """Whoever has an account and is asked, or is bound to a home that is, has it in their inbox."""
    members = await transaction.connection.fetch(
        _MEMBERS_ASKED, transaction.tenant_id, survey_id, list(opening.membership_ids)
    )
    await tell(
        transaction,
        OPENED,
        recipients=[row["membership_id"] for row in members],
        facts={"title": opening.title, "until": opening.closes_at},
        subject=("Survey", survey_id),
        key=str(survey_id),
        now=now,
    )


async def close_survey(
    transaction: Transaction, actor: Actor | None, scope: Scope, kind: str, subject_id: UUID,
    now: dt.datetime,
) -> None:  # fmt: skip
    """The survey that is open about the subject, if any, takes no answers any more."""
    closed = await transaction.connection.fetchrow(
        "update surveys set state = $4, closed_at = $5, version = version + 1"
        " where tenant_id = $1 and kind = $2 and subject_id = $3 and closed_at is null"
        " returning id, region_path, asked, answered",
        transaction.tenant_id, kind, subject_id, SurveyState.CLOSED, now,
    )  # fmt: skip
    if closed is not None:
        await _record(
            transaction, actor, scope, "survey.close", closed["id"], closed["region_path"],
            asked=closed["asked"], answered=closed["answered"],
        )  # fmt: skip


async def follow_subjects(transaction: Transaction, kind: str, subjects: str) -> None:
    """Surveys lie where their subjects do: rows of the table `subjects`, with their region."""
    await transaction.connection.execute(
        "update surveys s set region_id = x.region_id, region_path = x.region_path"
        f" from {subjects} x where s.tenant_id = $1 and s.kind = $2 and x.tenant_id = $1"
        " and x.id = s.subject_id and x.region_path <> s.region_path",
        transaction.tenant_id,
        kind,
    )


async def _record(
    transaction: Transaction, actor: Actor | None, scope: Scope, action: str, survey_id: UUID,
    path: str, **detail: Any,
) -> None:  # fmt: skip
    await record(
        transaction,
        action=action,
        actor=actor,
        permission=scope.permission if actor else None,
        object_type="Survey",
        object_id=survey_id,
        region_path=path,
        detail=detail,
    )
