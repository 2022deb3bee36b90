"""双向进入、交叉任职: who of one organisation takes a post in another, and until when.

Which organisations a kind joins is data: `SHAPES`. A post in the organisation somebody comes from
is checked where it is recorded, in party posts; who sits on a 居委会 is known by these rows alone.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded
from guanjia.compounds.models.crossappointments import CrossKind, CrossPost
from guanjia.compounds.models.partyorganisations import PartyKind, PartyPostKind
from guanjia.compounds.service import tenures
from guanjia.compounds.service.opening import in_order, known_person, open_compound, record_write
from guanjia.compounds.service.tenures import Tenure
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Refusal, not_found

COMMUNITY = 15
"""The length of a community's path."""
_LEADERS = (PartyPostKind.SECRETARY, PartyPostKind.DEPUTY_SECRETARY)
_OFFICERS = (*_LEADERS, PartyPostKind.COMMITTEE_MEMBER)
_OF_COMMUNITY = (PartyKind.COMMUNITY_COMMITTEE, PartyKind.GRID_BRANCH, PartyKind.COMPOUND_BRANCH)
_OF_COMPANY = (PartyKind.COMPANY_BRANCH, PartyKind.JOINT_BRANCH)
_PARTY_POSTS = (
    CrossPost.PARTY_SECRETARY, CrossPost.PARTY_DEPUTY_SECRETARY, CrossPost.PARTY_MEMBER,
)  # fmt: skip
_COMMITTEE_POSTS = (
    CrossPost.COMMITTEE_DIRECTOR, CrossPost.COMMITTEE_DEPUTY_DIRECTOR, CrossPost.COMMITTEE_MEMBER,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class End:
    """What may stand at an end: party organisations of these kinds, or an organisation of this.
    `title` says it in words."""

    title: str
    parties: tuple[PartyKind, ...] = ()
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """What a kind joins. posts: what is held at `to`. holds: one of these party posts at `source`
    is what makes somebody eligible, in words `eligible`. home: the end where the row lies.
    together: both ends are of one community."""

    source: End
    to: End
    posts: tuple[CrossPost, ...]
    home: str
    holds: tuple[PartyPostKind, ...] = ()
    eligible: str = ""
    together: bool = False


_COMMITTEE = End("居民委员会", organisation="COMMUNITY")
_PARTY = End("社区党委", (PartyKind.COMMUNITY_COMMITTEE,))
SHAPES = {
    CrossKind.PART_TIME_MEMBER: Shape(
        End("物业党组织", _OF_COMPANY), _PARTY, (CrossPost.PART_TIME_MEMBER,), "to", _LEADERS,
        "物业党组织的书记、副书记",
    ),
    CrossKind.PARTY_INSTRUCTOR: Shape(
        End("社区党组织", _OF_COMMUNITY),
        End("物业公司或其党组织", _OF_COMPANY, "PROPERTY_COMPANY"),
        (CrossPost.PARTY_INSTRUCTOR,), "source", _OFFICERS, "社区党组织的书记、副书记、委员",
    ),
    CrossKind.COMMITTEE_TO_PARTY: Shape(
        _COMMITTEE, _PARTY, _PARTY_POSTS, "to", together=True
    ),
    CrossKind.PARTY_TO_COMMITTEE: Shape(
        _PARTY, _COMMITTEE, _COMMITTEE_POSTS, "source", _OFFICERS, "社区党组织领导班子成员",
        together=True,
    ),
}  # fmt: skip
_TENURES = {
    column: Tenure(
        table="cross_appointments",
        body=column,
        post="post",
        noun="交叉任职",
        object_type="CrossAppointment",
        place="t.region_path",
        single=(CrossPost.PARTY_SECRETARY, CrossPost.COMMITTEE_DIRECTOR),
    )
    for column in ("to_party_id", "to_organisation_id")
}


async def appoint_across(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    person_id: UUID,
    kind: CrossKind,
    post: CrossPost,
    on: dt.date,
    now: dt.datetime,
    from_party_id: UUID | None = None,
    from_organisation_id: UUID | None = None,
    to_party_id: UUID | None = None,
    to_organisation_id: UUID | None = None,
    compound_id: UUID | None = None,
) -> UUID:
    """The person, of the one organisation, holds the post in the other from this day. Refused when
    the kind does not join the two, when they do not hold what makes them eligible, and when the
    rules of avoidance keep them from it. Returns the cross-appointment's id."""
    shape = SHAPES[kind]
    if post not in shape.posts:
        raise Refusal(BAD_USER_INPUT, "该类交叉任职没有这个职务。", ("post",))
    source = await _end(
        transaction, scope, shape.source, "from", from_party_id, from_organisation_id
    )
    to = await _end(transaction, scope, shape.to, "to", to_party_id, to_organisation_id)
    home = to if shape.home == "to" else source
    if shape.together and source["region_path"][:COMMUNITY] != to["region_path"][:COMMUNITY]:
        raise Refusal(BAD_USER_INPUT, "居民委员会与社区党委须属同一社区。", ("toPartyId",))
    await known_person(transaction, scope, person_id)
    await _eligible(transaction, shape, source, person_id, on)
    if compound_id is not None:
        await open_compound(transaction, scope, compound_id)
    in_order(to["since"] or on, on, "on")
    column = "to_party_id" if to_party_id is not None else "to_organisation_id"
    made = await tenures.begin(
        transaction, _TENURES[column], body_id=to["id"], person_id=person_id, post=post, on=on,
        kind=kind, from_party_id=from_party_id, from_organisation_id=from_organisation_id,
        compound_id=compound_id, region_id=home["region_id"], region_path=home["region_path"],
    )  # fmt: skip
    return await record_write(
        transaction, actor, scope, "cross_appointment.begin", made, home["region_path"],
        of="CrossAppointment", kind=kind, post=post,
    )  # fmt: skip


async def end_cross_appointment(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    on: dt.date,
    now: dt.datetime,
) -> UUID:
    """From this day the person no longer holds the post."""
    return await tenures.end(
        transaction, _TENURES["to_party_id"], actor, scope, "cross_appointment.end",
        id=id, version=version, on=on,
    )  # fmt: skip


async def end_with_party(transaction: Transaction, party_id: UUID, on: dt.date) -> None:
    """What joined a party organisation that is dissolved ends with it."""
    await transaction.connection.execute(
        "update cross_appointments set valid_to = greatest(valid_from, $3), version = version + 1"
        " where tenant_id = $1 and $2 in (from_party_id, to_party_id) and valid_to is null",
        transaction.tenant_id,
        party_id,
        on,
    )


async def _end(
    transaction: Transaction,
    scope: Scope,
    end: End,
    name: str,
    party_id: UUID | None,
    organisation_id: UUID | None,
) -> Any:
    """The organisation at this end, locked. A company may be registered above the scope; all else
    lies in it."""
    if (party_id is None) == (organisation_id is None):
        raise Refusal(
            BAD_USER_INPUT, "每一端须选择一个党组织或一个机构,不能都选。", (f"{name}PartyId",)
        )
    if party_id is not None:
        field, noun = f"{name}PartyId", "党组织"
        row = await transaction.connection.fetchrow(
            "select o.id, o.kind, o.region_id, r.path as region_path, o.established_on as since"
            " from party_organisations o join regions r on r.tenant_id = o.tenant_id"
            " and r.id = o.region_id where o.tenant_id = $1 and o.id = $2"
            " and o.dissolved_on is null for update of o",
            transaction.tenant_id,
            party_id,
        )
        fits = row is not None and row["kind"] in end.parties
    else:
        field, noun = f"{name}OrganisationId", "机构"
        row = await transaction.connection.fetchrow(
            "select id, kind, region_id, region_path, null::date as since from organisations"
            " where tenant_id = $1 and id = $2 and active for update",
            transaction.tenant_id,
            organisation_id,
        )
        fits = row is not None and row["kind"] == end.organisation
    if row is None or not (row["kind"] == "PROPERTY_COMPANY" or scope.covering(row["region_path"])):
        raise not_found(noun, field)
    if not fits:
        raise Refusal(BAD_USER_INPUT, f"该类交叉任职此端须为{end.title}。", (field,))
    return row


async def _eligible(
    transaction: Transaction, shape: Shape, source: Any, person_id: UUID, on: dt.date
) -> None:
    if shape.holds and not await transaction.connection.fetchval(
        "select exists (select 1 from party_posts where tenant_id = $1 and person_id = $2"
        " and party_organisation_id = $3 and post = any($4) and valid_from <= $5"
        " and (valid_to is null or valid_to > $5))",
        transaction.tenant_id,
        person_id,
        source["id"],
        list(shape.holds),
        on,
    ):
        raise Refusal(BAD_USER_INPUT, f"此人当日不是{shape.eligible},不能派出。", ("personId",))
