"""Resident households: who moves into a home, and out of it."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.compounds.models import HouseholdRelation, Occupancy
from guanjia.compounds.models.households import HOUSEHOLD_REACH
from guanjia.compounds.service.homes import open_home
from guanjia.compounds.service.opening import open_row, past_day, record_write, store
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal
from guanjia.people.models import PERSON_REACH

MOST_MEMBERS = 30


async def create_household(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    people: Scope,
    *,
    house_unit_id: UUID,
    occupancy: Occupancy,
    members: list[tuple[UUID, HouseholdRelation]],
    since: dt.date | None,
    now: dt.datetime,
) -> UUID:
    """The household lives in the home from `since`, one of its members at its head; its id. The
    members are persons that `people` reaches."""
    home = await open_home(transaction, scope, house_unit_id)
    since = past_day(since, now, "validFrom")
    if not 1 <= len(members) <= MOST_MEMBERS:
        raise Refusal(BAD_USER_INPUT, f"居住户须有 1 到 {MOST_MEMBERS} 名成员。", ("members",))
    if [relation for _, relation in members].count(HouseholdRelation.HEAD) != 1:
        raise Refusal(BAD_USER_INPUT, "居住户须有且只有一名户主。", ("members",))
    if len({person_id for person_id, _ in members}) != len(members):
        raise Refusal(BAD_USER_INPUT, "同一人不能在一户中出现两次。", ("members",))
    household_id = new_id()
    await transaction.connection.execute(
        "insert into resident_households (id, house_unit_id, building_id, region_path, occupancy,"
        " valid_from) values ($1, $2, $3, $4, $5, $6)",
        household_id, house_unit_id, home["building_id"], home["region_path"], occupancy, since,
    )  # fmt: skip
    for person_id, relation in members:
        await known_person(transaction, people, person_id, "members")
        await _add(transaction, household_id, person_id, relation, since)
    await record_write(
        transaction, actor, scope, "household.create", household_id, home["region_path"],
        members=len(members), occupancy=occupancy,
    )  # fmt: skip
    return household_id


async def add_household_member(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    people: Scope,
    *,
    id: UUID,
    version: int,
    person_id: UUID,
    relation: HouseholdRelation,
    since: dt.date | None,
    now: dt.datetime,
) -> None:
    """The person belongs to the household from `since`."""
    household = await open_row(
        transaction, scope, "resident_households", HOUSEHOLD_REACH, id, "居住户", version=version
    )
    if household["valid_to"] is not None:
        raise Refusal(CONFLICT, "该居住户已迁出。", ("id",))
    await known_person(transaction, people, person_id, "personId")
    if relation is HouseholdRelation.HEAD:
        raise Refusal(CONFLICT, "该居住户已有户主。", ("relation",))
    if await transaction.connection.fetchval(
        "select exists (select 1 from household_members where tenant_id = $1"
        " and household_id = $2 and person_id = $3 and valid_to is null)",
        transaction.tenant_id,
        id,
        person_id,
    ):
        raise Refusal(CONFLICT, "此人已是该户成员。", ("personId",))
    await _add(transaction, id, person_id, relation, past_day(since, now, "validFrom"))
    await store(transaction, "resident_households", id, {})
    await record_write(
        transaction, actor, scope, "household.add_member", id, household["region_path"],
        person=person_id,
    )  # fmt: skip


async def close_household(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    until: dt.date | None,
    now: dt.datetime,
) -> None:
    """The household has moved out, with all its members; that they lived there stays on record."""
    household = await open_row(
        transaction, scope, "resident_households", HOUSEHOLD_REACH, id, "居住户", version=version
    )
    if household["valid_to"] is not None:
        raise Refusal(CONFLICT, "该居住户已迁出。", ("id",))
    until = past_day(until, now, "validTo")
    if until < household["valid_from"]:
        raise Refusal(BAD_USER_INPUT, "迁出日期不能早于迁入日期。", ("validTo",))
    await store(transaction, "resident_households", id, {"valid_to": until})
    await transaction.connection.execute(
        "update household_members set valid_to = greatest($3, valid_from)"
        " where tenant_id = $1 and household_id = $2 and valid_to is null",
        transaction.tenant_id,
        id,
        until,
    )
    await record_write(transaction, actor, scope, "household.close", id, household["region_path"])


async def known_person(
    transaction: Transaction, people: Scope, person_id: UUID, field: str
) -> None:
    """NOT_FOUND unless the scope reaches the person; CONFLICT for a row merged or erased."""
    person = await open_row(
        transaction, people, "persons", PERSON_REACH, person_id, "自然人", field
    )
    if person["merged_into_id"] is not None or person["erased_at"] is not None:
        raise Refusal(CONFLICT, "该登记已合并或已删除,不能再办理。", (field,))


async def _add(
    transaction: Transaction,
    household_id: UUID,
    person_id: UUID,
    relation: HouseholdRelation,
    since: dt.date,
) -> None:
    await transaction.connection.execute(
        "insert into household_members (id, household_id, person_id, relation, valid_from)"
        " values ($1, $2, $3, $4, $5)",
        new_id(), household_id, person_id, relation, since,
    )  # fmt: skip
