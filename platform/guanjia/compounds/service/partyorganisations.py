"""Party organisations are founded, changed and dissolved; posts are filled and end."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded
from guanjia.compounds.models.partyorganisations import INDEPENDENT, PartyKind, PartyPostKind
from guanjia.compounds.rules import rule
from guanjia.compounds.service import tenures
from guanjia.compounds.service.crossappointments import end_with_party
from guanjia.compounds.service.opening import (
    in_order,
    known_person,
    local_day,
    open_compound,
    record_write,
    same_version,
)
from guanjia.compounds.service.tenures import Tenure
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.graph.texts import line

POSTS = Tenure(
    table="party_posts",
    body="party_organisation_id",
    post="post",
    noun="党内职务",
    object_type="PartyPost",
    place="(select r.path from party_organisations o join regions r"
    " on r.tenant_id = o.tenant_id and r.id = o.region_id"
    " where o.tenant_id = t.tenant_id and o.id = t.party_organisation_id)",
    single=(PartyPostKind.SECRETARY,),
)
_LEVELS = {
    PartyKind.COMMUNITY_COMMITTEE: ("COMMUNITY",),
    PartyKind.GRID_BRANCH: ("GRID",),
}
_ANY_LEVEL = ("COMMUNITY", "GRID")
_TREE = "select pg_advisory_xact_lock(hashtextextended($1, 0))"


async def found_party_organisation(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    kind: PartyKind,
    name: str,
    region_id: UUID,
    full_members: int,
    established_on: dt.date,
    now: dt.datetime,
    probationary_members: int = 0,
    parent_id: UUID | None = None,
    company_id: UUID | None = None,
    compound_id: UUID | None = None,
) -> UUID:
    """The party organisation exists at a community or grid of the scope, below its parent.

    A branch of its own needs the full members of the rule; fewer form a joint branch (联合党支部)
    or are looked after by an instructor (党建指导员). Returns its id.
    """
    region = await _region(transaction, scope, region_id, kind)
    called = line(name, "名称", "name", 60)
    if not called:
        raise Refusal(BAD_USER_INPUT, "请填写名称。", ("name",))
    if established_on > local_day(now):
        raise Refusal(BAD_USER_INPUT, "成立日期不能在今天之后。", ("establishedOn",))
    _enough(kind, full_members, probationary_members, established_on)
    await _belongs(transaction, scope, kind, parent_id, company_id, compound_id)
    await _refuse_same(transaction, kind, called, region_id)
    made = new_id()
    await transaction.connection.execute(
        "insert into party_organisations (id, kind, name, region_id, parent_id, company_id,"
        " compound_id, full_members, probationary_members, established_on)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        made, kind, called, region_id, parent_id, company_id, compound_id, full_members,
        probationary_members, established_on,
    )  # fmt: skip
    return await record_write(
        transaction,
        actor,
        scope,
        "party.found",
        made,
        region["path"],
        of="PartyOrganisation",
        kind=kind,
    )


async def change_party_organisation(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: dt.datetime,
    full_members: int | None = None,
    probationary_members: int | None = None,
    **moved: Any,
) -> UUID:
    """The members are counted anew, and the organisation stands below the given parent."""
    row = await _organisation(transaction, scope, id)
    same_version(row, version)
    full = row["full_members"] if full_members is None else full_members
    probationary = (
        row["probationary_members"] if probationary_members is None else probationary_members
    )
    _enough(row["kind"], full, probationary, local_day(now))
    parent_id = moved.get("parent_id", row["parent_id"])
    if parent_id != row["parent_id"]:
        await _parent(transaction, scope, row["kind"], parent_id, below=id)
    await transaction.connection.execute(
        "update party_organisations set full_members = $3, probationary_members = $4,"
        " parent_id = $5, version = version + 1 where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        id,
        full,
        probationary,
        parent_id,
    )
    return await record_write(
        transaction, actor, scope, "party.change", id, row["region_path"], of="PartyOrganisation"
    )


async def dissolve_party_organisation(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    on: dt.date,
    now: dt.datetime,
) -> UUID:
    """The organisation and the posts in it end on this day. What stands below it must go first."""
    row = await _organisation(transaction, scope, id)
    same_version(row, version)
    in_order(row["established_on"], on, "on")
    await _lock_tree(transaction)
    if await transaction.connection.fetchval(
        "select exists (select 1 from party_organisations where tenant_id = $1 and parent_id = $2"
        " and dissolved_on is null)",
        transaction.tenant_id,
        id,
    ):
        raise Refusal(CONFLICT, "其下还有党组织,请先撤销或改隶。", ("id",))
    await transaction.connection.execute(
        "update party_posts set valid_to = greatest(valid_from, $3), version = version + 1"
        " where tenant_id = $1 and party_organisation_id = $2 and valid_to is null",
        transaction.tenant_id,
        id,
        on,
    )
    await end_with_party(transaction, id, on)
    await transaction.connection.execute(
        "update party_organisations set dissolved_on = $3, version = version + 1"
        " where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        id,
        on,
    )
    return await record_write(
        transaction,
        actor,
        scope,
        "party.dissolve",
        id,
        row["region_path"],
        of="PartyOrganisation",
        on=on,
    )


async def appoint_party_post(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    party_organisation_id: UUID,
    person_id: UUID,
    post: PartyPostKind,
    on: dt.date,
    now: dt.datetime,
) -> UUID:
    """The person holds the post from this day."""
    row = await _organisation(transaction, scope, party_organisation_id, "partyOrganisationId")
    await known_person(transaction, scope, person_id)
    in_order(row["established_on"], on, "on")
    post_id = await tenures.begin(
        transaction, POSTS, body_id=party_organisation_id, person_id=person_id, post=post, on=on
    )
    return await record_write(
        transaction,
        actor,
        scope,
        "party.appoint",
        post_id,
        row["region_path"],
        of="PartyPost",
        post=post,
    )


async def end_party_post(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    on: dt.date,
    now: dt.datetime,
) -> UUID:
    return await tenures.end(
        transaction, POSTS, actor, scope, "party.end_post", id=id, version=version, on=on
    )


async def _region(transaction: Transaction, scope: Scope, region_id: UUID, kind: str) -> Any:
    row = await transaction.connection.fetchrow(
        "select path, level from regions where tenant_id = $1 and id = $2 and valid_to is null",
        transaction.tenant_id,
        region_id,
    )
    if row is None or not scope.covering(row["path"]):
        raise not_found("区域", "regionId")
    if row["level"] not in _LEVELS.get(PartyKind(kind), _ANY_LEVEL):
        raise Refusal(
            BAD_USER_INPUT,
            "社区党委设在社区,网格党支部设在网格,其他设在社区或网格。",
            ("regionId",),
        )
    return row


def _enough(kind: str, full: int, probationary: int, day: dt.date) -> None:
    if full < 0 or probationary < 0:
        raise Refusal(BAD_USER_INPUT, "党员人数不能为负。", ("fullMembers",))
    needed = rule("BRANCH_FULL_MEMBERS", day)
    if kind in INDEPENDENT and full < needed.value:
        raise Refusal(
            BAD_USER_INPUT,
            f"单独成立党组织须有正式党员 {needed.value} 人以上,现有 {full} 人;"
            "可成立联合党支部,或选派党建指导员。",
            ("fullMembers",),
        )


async def _belongs(
    transaction: Transaction,
    scope: Scope,
    kind: PartyKind,
    parent_id: UUID | None,
    company_id: UUID | None,
    compound_id: UUID | None,
) -> None:
    if kind == PartyKind.COMPANY_BRANCH and company_id is None:
        raise Refusal(BAD_USER_INPUT, "物业党支部须选择物业公司。", ("companyId",))
    if kind == PartyKind.COMPOUND_BRANCH and compound_id is None:
        raise Refusal(BAD_USER_INPUT, "小区党支部须选择小区。", ("compoundId",))
    if company_id is not None and not await transaction.connection.fetchval(
        "select exists (select 1 from property_companies where tenant_id = $1 and id = $2)",
        transaction.tenant_id,
        company_id,
    ):
        raise not_found("物业公司", "companyId")
    if compound_id is not None:
        await open_compound(transaction, scope, compound_id)
    await _parent(transaction, scope, kind, parent_id, below=None)


async def _parent(
    transaction: Transaction,
    scope: Scope,
    kind: str,
    parent_id: UUID | None,
    *,
    below: UUID | None,
) -> None:
    """The parent may be one: in scope, in being, and not below `below` itself."""
    if parent_id is None:
        if kind == PartyKind.BUILDING_GROUP:
            raise Refusal(BAD_USER_INPUT, "楼栋党小组须隶属一个党支部。", ("parentId",))
        return
    await _lock_tree(transaction)
    parent = await _organisation(transaction, scope, parent_id, "parentId")
    if parent["kind"] == PartyKind.BUILDING_GROUP:
        raise Refusal(BAD_USER_INPUT, "楼栋党小组之下不设党组织。", ("parentId",))
    if below is not None and await transaction.connection.fetchval(
        "with recursive above(id, parent_id) as (select id, parent_id from party_organisations"
        " where tenant_id = $1 and id = $2 union select o.id, o.parent_id from above a"
        " join party_organisations o on o.tenant_id = $1 and o.id = a.parent_id)"
        " select exists (select 1 from above where id = $3)",
        transaction.tenant_id,
        parent_id,
        below,
    ):
        raise Refusal(CONFLICT, "不能隶属于自身或自身的下级。", ("parentId",))


async def _refuse_same(
    transaction: Transaction, kind: PartyKind, name: str, region_id: UUID
) -> None:
    """No index says this: where regions merge, both sides' organisations stand until one is
    dissolved."""
    await _lock_tree(transaction)
    if await transaction.connection.fetchval(
        "select exists (select 1 from party_organisations where tenant_id = $1 and region_id = $2"
        " and dissolved_on is null and (name = $3"
        " or kind = 'COMMUNITY_COMMITTEE' and $4 = 'COMMUNITY_COMMITTEE'))",
        transaction.tenant_id,
        region_id,
        name,
        kind,
    ):
        raise Refusal(CONFLICT, "该区域已有同名党组织,或已有社区党委。", ("name",))


async def _lock_tree(transaction: Transaction) -> None:
    """Two who move organisations at once wait here: neither sees half of a cycle."""
    await transaction.connection.execute(_TREE, f"{transaction.tenant_id}:party")


async def _organisation(
    transaction: Transaction, scope: Scope, organisation_id: UUID, field: str = "id"
) -> Any:
    row = await transaction.connection.fetchrow(
        "select o.*, r.path as region_path from party_organisations o join regions r"
        " on r.tenant_id = o.tenant_id and r.id = o.region_id"
        " where o.tenant_id = $1 and o.id = $2 and o.dissolved_on is null for update of o",
        transaction.tenant_id,
        organisation_id,
    )
    if row is None or not scope.covering(row["region_path"]):
        raise not_found("党组织", field)
    return row
