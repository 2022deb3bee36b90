"""Owners' committees in the API."""

import datetime as dt
from enum import Enum
from typing import Any

import strawberry

from guanjia.compounds import models
from guanjia.compounds.models.committees import OF_COMMITTEE_REACH
from guanjia.compounds.models.companies import OF_COMPOUND_REACH
from guanjia.compounds.schema.companies import TODAY
from guanjia.compounds.schema.estates import Compound
from guanjia.compounds.schema.writing import HOLDER_NAME, writes
from guanjia.compounds.service import committees as service
from guanjia.graph.filters import IdFilter, by, filters, flag
from guanjia.graph.nodes import (
    Connection,
    column,
    derived,
    many,
    node,
    one,
    root_connection,
    root_lookup,
)
from guanjia.graph.payloads import payload
from guanjia.people.schema.types import NAME, Person
from guanjia.reading.mapping import by_age

CommitteePost = strawberry.enum(
    models.CommitteePost, name="CommitteePost", description="主任、副主任、委员、候补委员"
)
IN_OFFICE = "daterange({row}.term_from, {row}.term_to, '[]') @> " + TODAY
OVERDUE = "({row}.filed_on is null and {row}.file_by < " + TODAY + ")"
UNSET: Any = strawberry.UNSET


@node(models.CommitteeMember, read="committee:read", reach=OF_COMMITTEE_REACH)
class CommitteeMember:
    """业主委员会委员"""

    id: strawberry.ID = column()
    post: CommitteePost = column("职务")
    name: str = derived(HOLDER_NAME, "姓名,已遮盖;完整姓名见 person", protection=NAME)
    valid_from: dt.date = column("任职自何日")
    valid_to: dt.date | None = column("自何日起不再任职;在任时为空")
    version: int = column("版本")
    person: Person | None = one("Person", "person_id", "此人;不在您可读的范围时为空")


@filters
class OwnersCommitteeFilter:
    """业主委员会筛选"""

    id: IdFilter = by("id")
    compound: IdFilter = by("compound_id")
    in_office: bool = flag(IN_OFFICE)
    filing_overdue: bool = flag(OVERDUE, description="逾期未备案的")


@node(
    models.OwnersCommittee,
    read="committee:read",
    reach=OF_COMPOUND_REACH,
    orders=by_age("term_from", "date"),
    filters=OwnersCommitteeFilter,
)
class OwnersCommittee:
    """业主委员会的一届;选举之日起 30 日内备案(物业管理条例第 16 条)"""

    id: strawberry.ID = column()
    elected_on: dt.date = column("选举日期")
    term_from: dt.date = column("任期首日")
    term_to: dt.date = column("任期末日(含)")
    in_office: bool = derived(IN_OFFICE, "今日是否在任")
    file_by: dt.date = column("备案期限(含)")
    filed_on: dt.date | None = column("备案日期")
    filing_number: str | None = column("备案号")
    filing_overdue: bool = derived(OVERDUE, "逾期未备案")
    version: int = column("版本")
    compound: Compound | None = one("Compound", "compound_id", "小区", through="committee:read")
    members: list[CommitteeMember] = many(
        "CommitteeMember",
        "committee_id",
        (("valid_from", "asc"), ("id", "asc")),
        "委员,含已免去的",
        through="committee:read",
    )


@strawberry.enum(description="业主委员会排序:任期最近的在前、最早的在前")
class OwnersCommitteeOrder(Enum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


@strawberry.type
class Query:
    owners_committees: Connection[OwnersCommittee] = root_connection(
        OwnersCommittee,
        permission="committee:read",
        filter_type=OwnersCommitteeFilter,
        order_type=OwnersCommitteeOrder,
        description="可读小区的业主委员会",
    )
    owners_committee: OwnersCommittee | None = root_lookup(
        OwnersCommittee, permission="committee:read", description="业主委员会的一届"
    )


@strawberry.input(description="登记选出的业主委员会")
class ElectCommitteeInput:
    compound_id: strawberry.ID
    elected_on: dt.date
    term_from: dt.date | None = strawberry.field(default=UNSET, description="缺省为选举日期")
    term_to: dt.date = strawberry.field(description="任期末日(含)")


@strawberry.input(description="业主委员会已备案")
class FileCommitteeInput:
    id: strawberry.ID
    version: int
    filed_on: dt.date
    filing_number: str


@strawberry.input(description="任期提前结束")
class EndCommitteeInput:
    id: strawberry.ID
    version: int
    term_to: dt.date = strawberry.field(description="任期末日(含)")


@strawberry.input(description="委员任职")
class AddCommitteeMemberInput:
    committee_id: strawberry.ID
    person_id: strawberry.ID
    post: CommitteePost
    on: dt.date | None = strawberry.field(default=UNSET, description="缺省为任期首日")


@strawberry.input(description="免去职务:自 on 起不再任职")
class EndTenureInput:
    id: strawberry.ID
    version: int
    on: dt.date


@payload
class OwnersCommitteePayload:
    """业主委员会"""

    committee: OwnersCommittee | None


@payload
class CommitteeMemberPayload:
    """委员"""

    member: CommitteeMember | None


_COMMITTEE = (OwnersCommitteePayload, "committee", "OwnersCommittee", "committee:manage")
_MEMBER = (CommitteeMemberPayload, "member", "CommitteeMember", "committee:manage")


@strawberry.type
class Mutation:
    elect_committee: OwnersCommitteePayload = writes(
        service.elect_committee, ElectCommitteeInput, *_COMMITTEE, "登记选出的业主委员会"
    )
    file_committee: OwnersCommitteePayload = writes(
        service.file_committee, FileCommitteeInput, *_COMMITTEE, "登记业主委员会的备案"
    )
    end_committee: OwnersCommitteePayload = writes(
        service.end_committee, EndCommitteeInput, *_COMMITTEE, "任期提前结束"
    )
    add_committee_member: CommitteeMemberPayload = writes(
        service.add_committee_member, AddCommitteeMemberInput, *_MEMBER, "委员任职"
    )
    end_committee_member: CommitteeMemberPayload = writes(
        service.end_committee_member, EndTenureInput, *_MEMBER, "免去委员职务"
    )
