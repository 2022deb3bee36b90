"""Seats of a butler are filled and emptied."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded
from guanjia.compounds.models.butlers import (
    COMMITTEE_OF,
    CONTRACT_OF,
    HOLDERS,
    IN_PARTY,
    ON_COMMITTEE,
    SubstituteKind,
)
from guanjia.compounds.models.partyorganisations import PartyKind
from guanjia.compounds.models.seats import SEAT_TITLES, SINGLE, Seat
from guanjia.compounds.rules import substitutes_for
from guanjia.compounds.service import tenures
from guanjia.compounds.service.opening import known_person, open_compound, past_day, record_write
from guanjia.compounds.service.tenures import Tenure
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.graph.texts import line
from guanjia.reading.mapping import TODAY

SEATS = Tenure(
    table="seat_tenures",
    body="compound_id",
    post="seat",
    noun="席位",
    object_type="SeatTenure",
    place="(select c.region_path from compounds c"
    " where c.tenant_id = t.tenant_id and c.id = t.compound_id)",
    single=SINGLE,
)
REASON_LENGTH = 200
_BRANCHES = (PartyKind.COMPANY_BRANCH, PartyKind.JOINT_BRANCH)


async def appoint_to_seat(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    compound_id: UUID,
    seat: Seat,
    person_id: UUID,
    now: dt.datetime,
    on: dt.date | None = None,
    party_organisation_id: UUID | None = None,
    substitute: SubstituteKind | None = None,
    reason: str | None = None,
) -> UUID:
    """The person holds the seat from this day, by default today, for the organisation they come
    from; with `substitute` they act in it (代行) for a party that the compound does not have.

    Whose tenure of the seat had lapsed, or who acted in it while a real holder comes, no longer
    holds it. Returns the tenure's id.
    """
    compound = await open_compound(transaction, scope, compound_id)
    await known_person(transaction, scope, person_id)
    day = past_day(on, now, "on")
    if seat == Seat.BUILDING_GRID:
        raise Refusal(
            BAD_USER_INPUT, "楼栋网格员随网格所覆盖的楼栋和授权确定,不在此任命。", ("seat",)
        )
    said = _reason(seat, substitute, reason, day)
    source = await _source(
        transaction, compound, seat, person_id, day, party_organisation_id, substitute
    )
    ended = await _make_way(transaction, compound_id, seat, day, acting=substitute is not None)
    tenure_id = await tenures.begin(
        transaction, SEATS, body_id=compound_id, person_id=person_id, post=seat, on=day,
        substitute=substitute, reason=said, **source,
    )  # fmt: skip
    return await record_write(
        transaction, actor, scope, "butler.appoint", tenure_id, compound["region_path"],
        of="SeatTenure", seat=seat, acting=substitute is not None, ended=ended,
    )  # fmt: skip


async def end_seat_tenure(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    on: dt.date,
    now: dt.datetime,
) -> UUID:
    """From this day the person no longer holds the seat."""
    return await tenures.end(
        transaction, SEATS, actor, scope, "butler.end", id=id, version=version, on=on
    )


async def end_seats(transaction: Transaction, compound_id: UUID) -> None:
    """From today nobody holds a seat of the compound."""
    await transaction.connection.execute(
        f"update seat_tenures set valid_to = greatest(valid_from, {TODAY}), version = version + 1"
        f" where tenant_id = $1 and compound_id = $2 and (valid_to is null or valid_to > {TODAY})",
        transaction.tenant_id,
        compound_id,
    )


def _reason(
    seat: Seat, substitute: SubstituteKind | None, reason: str | None, day: dt.date
) -> str | None:
    """Why somebody acts in the seat; None for whoever holds it in their own right."""
    said = line(reason, "代行理由", "reason", REASON_LENGTH) or None
    if substitute is None:
        if said is not None:
            raise Refusal(BAD_USER_INPUT, "只有代行才填写理由。", ("reason",))
        return None
    may = substitutes_for(seat, day)
    if substitute not in [each.code for each in may]:
        names = "、".join(each.title for each in may)
        raise Refusal(
            BAD_USER_INPUT,
            f"「{SEAT_TITLES[seat]}」席位只能由{names}代行。"
            if may
            else f"「{SEAT_TITLES[seat]}」席位不能代行。",
            ("substitute",),
        )
    if said is None:
        raise Refusal(BAD_USER_INPUT, "请填写代行理由,例如委派的文号。", ("reason",))
    return said


async def _source(
    transaction: Transaction,
    compound: Any,
    seat: Seat,
    person_id: UUID,
    day: dt.date,
    party_organisation_id: UUID | None,
    substitute: SubstituteKind | None,
) -> dict[str, UUID | None]:
    """What the person holds the seat for: a party organisation or the committee in office."""
    company = await _one_of_compound(
        transaction, f"select k.company_id {CONTRACT_OF % '$2'}", compound, day
    )
    committee = await _one_of_compound(
        transaction, f"select k.id {COMMITTEE_OF % '$2'}", compound, day
    )
    if seat == Seat.OWNERS_COMMITTEE:
        if party_organisation_id is not None:
            raise Refusal(BAD_USER_INPUT, "业委会席位不填党组织。", ("partyOrganisationId",))
        if substitute is not None:
            _refuse_present(committee, "业主委员会")
            return {}
        if committee is None:
            raise _missing("在任的业主委员会", "业委会", day)
        await _belongs(transaction, ON_COMMITTEE, person_id, day, "committee_id", committee,
                       "此人当日不是在任业主委员会的委员。")  # fmt: skip
        return {"committee_id": committee}
    if party_organisation_id is None:
        raise Refusal(BAD_USER_INPUT, "请选择所代表的党组织。", ("partyOrganisationId",))
    if seat == Seat.PROPERTY_PARTY and substitute is not None:
        _refuse_present(company, "物业公司")
    if seat == Seat.PROPERTY_PARTY and substitute is None and company is None:
        raise _missing("有效的物业服务合同", "物业党支部", day)
    await _right_organisation(
        transaction, compound, seat, day, party_organisation_id, substitute, company
    )
    await _belongs(
        transaction, IN_PARTY, person_id, day, "party_organisation_id", party_organisation_id,
        "此人当日在该党组织没有职务。",
    )  # fmt: skip
    return {"party_organisation_id": party_organisation_id}


async def _right_organisation(
    transaction: Transaction,
    compound: Any,
    seat: Seat,
    day: dt.date,
    party_organisation_id: UUID,
    substitute: SubstituteKind | None,
    company: UUID | None,
) -> None:
    row = await transaction.connection.fetchrow(
        "select o.kind, o.region_id, o.company_id, exists (select 1 from buildings b"
        "  join grid_buildings g on g.tenant_id = $1 and g.building_id = b.id"
        "  where b.tenant_id = $1 and b.compound_id = $3 and g.grid_id = o.region_id"
        "  and g.valid_from <= $4 and (g.valid_to is null or g.valid_to > $4)) as covers"
        " from party_organisations o where o.tenant_id = $1 and o.id = $2 for share of o",
        transaction.tenant_id,
        party_organisation_id,
        compound["id"],
        day,
    )
    if row is None:
        raise not_found("党组织", "partyOrganisationId")
    if seat == Seat.COMMUNITY_PARTY:
        right = row["kind"] == PartyKind.COMMUNITY_COMMITTEE
        right = right and row["region_id"] == compound["region_id"]
        said = "须为本小区所在社区的社区党委。"
    elif substitute is not None:
        right = row["kind"] == PartyKind.GRID_BRANCH and row["covers"]
        said = "须为当日覆盖本小区楼栋的网格的党支部。"
    else:
        right = row["kind"] in _BRANCHES and row["company_id"] == company
        said = "须为当日服务本小区的物业公司的党支部。"
    if not right:
        raise Refusal(BAD_USER_INPUT, said, ("partyOrganisationId",))


async def _belongs(
    transaction: Transaction,
    rule: str,
    person_id: UUID,
    day: dt.date,
    column: str,
    body_id: UUID,
    said: str,
) -> None:
    """The person is of the body on the day, by the same rule as holds the seat later on."""
    found = await transaction.connection.fetchval(
        f"select {rule.format(row='x', tenant='$1', day='$4::date')}"
        f" from (select $2::uuid as person_id, $3::uuid as {column}) x",
        transaction.tenant_id,
        person_id,
        body_id,
        day,
    )
    if not found:
        raise Refusal(BAD_USER_INPUT, said, ("personId",))


async def _one_of_compound(
    transaction: Transaction, query: str, compound: Any, day: dt.date
) -> UUID | None:
    found: UUID | None = await transaction.connection.fetchval(
        query.format(tenant="$1", day="$3::date"), transaction.tenant_id, compound["id"], day
    )
    return found


def _refuse_present(party: UUID | None, noun: str) -> None:
    if party is not None:
        raise Refusal(CONFLICT, f"该小区当日有{noun},不能代行。", ("substitute",))


def _missing(what: str, seat: str, day: dt.date) -> Refusal:
    return Refusal(
        CONFLICT, f"该小区 {day} 没有{what},「{seat}」席位可以空缺或代行。", ("substitute",)
    )


async def _make_way(
    transaction: Transaction, compound_id: UUID, seat: Seat, day: dt.date, *, acting: bool
) -> list[str]:
    """Tenures of the seat end that have lapsed by the day, and those who acted in it when a real
    holder comes. Returns their ids."""
    rows = await transaction.connection.fetch(
        "update seat_tenures t set valid_to = $4, version = t.version + 1"
        f" from ({HOLDERS.format(tenant='$1', day='$4::date')}) h"
        " where t.tenant_id = $1 and t.compound_id = $2 and t.seat = $3 and t.valid_from <= $4"
        " and (t.valid_to is null or t.valid_to > $4) and h.tenant_id = $1 and h.compound_id = $2"
        " and h.id = t.id and (h.acting and not $5 or not h.holds) returning t.id",
        transaction.tenant_id,
        compound_id,
        seat,
        day,
        acting,
    )
    return [str(row["id"]) for row in rows]
