"""Owners' committees are elected, filed and end; members come and go."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded
from guanjia.compounds.models.committees import CommitteePost
from guanjia.compounds.rules import rule
from guanjia.compounds.service import tenures
from guanjia.compounds.service.opening import (
    in_order,
    known_person,
    local_day,
    open_compound,
    record_write,
    same_version,
    span,
)
from guanjia.compounds.service.tenures import Tenure
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.graph.texts import line

MEMBERS = Tenure(
    table="committee_members",
    body="committee_id",
    post="post",
    noun="业主委员会职务",
    object_type="CommitteeMember",
    place="(select c.region_path from owners_committees m join compounds c"
    " on c.tenant_id = m.tenant_id and c.id = m.compound_id"
    " where m.tenant_id = t.tenant_id and m.id = t.committee_id)",
    single=(CommitteePost.CHAIR,),
)


async def elect_committee(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    compound_id: UUID,
    elected_on: dt.date,
    term_to: dt.date,
    now: dt.datetime,
    term_from: dt.date | None = None,
) -> UUID:
    """The compound has a committee for the term, both days with it; it is to be filed within the
    days of the rule in force at the election (物业管理条例 art. 16). Returns its id."""
    compound = await open_compound(transaction, scope, compound_id)
    starts = term_from or elected_on
    if elected_on > local_day(now):
        raise Refusal(BAD_USER_INPUT, "选举日期不能在今天之后。", ("electedOn",))
    in_order(elected_on, starts, "termFrom")
    in_order(starts, term_to, "termTo")
    await _refuse_two(transaction, compound_id, starts, term_to)
    limit = rule("COMMITTEE_FILING", elected_on)
    committee_id = new_id()
    await transaction.connection.execute(
        "insert into owners_committees (id, compound_id, elected_on, term_from, term_to, file_by)"
        " values ($1, $2, $3, $4, $5, $6)",
        committee_id,
        compound_id,
        elected_on,
        starts,
        term_to,
        elected_on + dt.timedelta(days=limit.value),
    )
    return await record_write(
        transaction,
        actor,
        scope,
        "committee.elect",
        committee_id,
        compound["region_path"],
        of="OwnersCommittee",
        elected_on=elected_on,
    )


async def file_committee(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    filed_on: dt.date,
    filing_number: str,
    now: dt.datetime,
) -> UUID:
    """The committee is filed under this number; late is late, and stays visible by the dates."""
    row = await _committee(transaction, scope, id)
    same_version(row, version)
    number = line(filing_number, "备案号", "filingNumber", 60)
    if not number:
        raise Refusal(BAD_USER_INPUT, "请填写备案号。", ("filingNumber",))
    in_order(row["elected_on"], filed_on, "filedOn")
    if filed_on > local_day(now):
        raise Refusal(BAD_USER_INPUT, "备案日期不能在今天之后。", ("filedOn",))
    await transaction.connection.execute(
        "update owners_committees set filed_on = $3, filing_number = $4, version = version + 1"
        " where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        id,
        filed_on,
        number,
    )
    return await record_write(
        transaction, actor, scope, "committee.file", id, row["region_path"], of="OwnersCommittee"
    )


async def end_committee(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    term_to: dt.date,
    now: dt.datetime,
) -> UUID:
    """The term ends early: `term_to` is its last day."""
    row = await _committee(transaction, scope, id)
    same_version(row, version)
    in_order(row["term_from"], term_to, "termTo")
    if term_to > row["term_to"]:
        raise Refusal(BAD_USER_INPUT, f"任期至 {row['term_to']} 止,不能延长。", ("termTo",))
    await transaction.connection.execute(
        "update owners_committees set term_to = $3, version = version + 1"
        " where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        id,
        term_to,
    )
    return await record_write(
        transaction,
        actor,
        scope,
        "committee.end",
        id,
        row["region_path"],
        of="OwnersCommittee",
        term_to=term_to,
    )


async def add_committee_member(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    committee_id: UUID,
    person_id: UUID,
    post: CommitteePost,
    now: dt.datetime,
    on: dt.date | None = None,
) -> UUID:
    """The person sits on the committee from this day, by default the first of the term."""
    row = await _committee(transaction, scope, committee_id, "committeeId")
    await known_person(transaction, scope, person_id)
    begins = on or row["term_from"]
    if not row["term_from"] <= begins <= row["term_to"]:
        raise Refusal(
            BAD_USER_INPUT, f"任职须在任期内({span(row['term_from'], row['term_to'])})。", ("on",)
        )
    member_id = await tenures.begin(
        transaction, MEMBERS, body_id=committee_id, person_id=person_id, post=post, on=begins
    )
    return await record_write(
        transaction,
        actor,
        scope,
        "committee.add_member",
        member_id,
        row["region_path"],
        of="CommitteeMember",
        post=post,
    )


async def end_committee_member(
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
        transaction, MEMBERS, actor, scope, "committee.end_member", id=id, version=version, on=on
    )


async def _committee(
    transaction: Transaction, scope: Scope, committee_id: UUID, field: str = "id"
) -> Any:
    row = await transaction.connection.fetchrow(
        "select m.*, c.region_path from owners_committees m join compounds c"
        " on c.tenant_id = m.tenant_id and c.id = m.compound_id"
        " where m.tenant_id = $1 and m.id = $2 for update of m",
        transaction.tenant_id,
        committee_id,
    )
    if row is None or not scope.covering(row["region_path"]):
        raise not_found("业主委员会", field)
    return row


async def _refuse_two(
    transaction: Transaction, compound_id: UUID, starts: dt.date, ends: dt.date
) -> None:
    other = await transaction.connection.fetchrow(
        "select term_from, term_to from owners_committees where tenant_id = $1"
        " and compound_id = $2 and daterange(term_from, term_to, '[]')"
        " && daterange($3, $4, '[]') order by term_from limit 1",
        transaction.tenant_id,
        compound_id,
        starts,
        ends,
    )
    if other is not None:
        raise Refusal(
            CONFLICT,
            f"该小区已有{span(other['term_from'], other['term_to'])}任期的业主委员会,"
            "同一时期只有一届。",
            ("termFrom",),
        )
