"""Party organisations and who holds a post in them, as rows."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable
from guanjia.people.references import PersonReference, refers

_AT_REGION = (
    "exists (select 1 from regions pr where pr.tenant_id = {tenant} and pr.id = %s"
    " and pr.path >= {low} and pr.path < {high})"
)
PARTY_REACH = Reachable(inside=_AT_REGION % "{row}.region_id")
PARTY_POST_REACH = Reachable(
    inside="exists (select 1 from party_organisations po where po.tenant_id = {tenant}"
    " and po.id = {row}.party_organisation_id and " + _AT_REGION % "po.region_id" + ")"
)


class PartyKind(StrEnum):
    """社区党委、物业党支部、网格党支部、楼栋党小组、联合党支部、小区党支部"""

    COMMUNITY_COMMITTEE = "COMMUNITY_COMMITTEE"
    COMPANY_BRANCH = "COMPANY_BRANCH"
    GRID_BRANCH = "GRID_BRANCH"
    BUILDING_GROUP = "BUILDING_GROUP"
    JOINT_BRANCH = "JOINT_BRANCH"
    COMPOUND_BRANCH = "COMPOUND_BRANCH"


INDEPENDENT = (
    PartyKind.COMMUNITY_COMMITTEE,
    PartyKind.COMPANY_BRANCH,
    PartyKind.GRID_BRANCH,
    PartyKind.COMPOUND_BRANCH,
)
"""What stands on its own and needs the full members for it."""


class PartyPostKind(StrEnum):
    """书记、副书记、委员、党小组组长、党建指导员"""

    SECRETARY = "SECRETARY"
    DEPUTY_SECRETARY = "DEPUTY_SECRETARY"
    COMMITTEE_MEMBER = "COMMITTEE_MEMBER"
    GROUP_LEADER = "GROUP_LEADER"
    INSTRUCTOR = "INSTRUCTOR"


class PartyOrganisation(Model):
    """党组织"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.TextField()
    name = fields.TextField()
    region_id = fields.UUIDField()
    parent_id = fields.UUIDField(null=True)
    company_id = fields.UUIDField(null=True)
    compound_id = fields.UUIDField(null=True)
    full_members = fields.IntField()
    probationary_members = fields.IntField()
    established_on = fields.DateField()
    dissolved_on = fields.DateField(null=True)
    version = fields.IntField()

    class Meta:
        table = "party_organisations"


class PartyPost(Model):
    """党内任职:某人自何日至何日(不含)在某党组织任何职"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    party_organisation_id = fields.UUIDField()
    person_id = fields.UUIDField()
    post = fields.TextField()
    valid_from = fields.DateField()
    valid_to = fields.DateField(null=True)
    version = fields.IntField()

    class Meta:
        table = "party_posts"


refers(PersonReference("party_posts"))
