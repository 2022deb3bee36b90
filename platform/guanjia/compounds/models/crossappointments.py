"""Cross-appointments (双向进入、交叉任职) and kinship, as rows.

Each end of a cross-appointment is a party organisation or another organisation: a 居委会 is the
organisation of kind COMMUNITY of its community, a company is its organisation. The row lies at the
community of the end that is not the company's.
"""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.compounds.models.estates import LEVELS
from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable
from guanjia.people.references import PersonReference, refers

CROSS_REACH = Reachable(region="region_path", levels=LEVELS)
KINSHIP_REACH = Reachable(
    inside="exists (select 1 from persons ka join persons kb on kb.tenant_id = {tenant}"
    " and kb.id = {row}.relative_id where ka.tenant_id = {tenant} and ka.id = {row}.person_id"
    " and ka.region_path >= {low} and ka.region_path < {high}"
    " and kb.region_path >= {low} and kb.region_path < {high})"
)
"""Who is whose relative is read where both live."""


class CrossKind(StrEnum):
    """物业党组织负责人进社区任兼职委员;社区党组织成员任物业党建指导员;居委会成员进社区党组织班子;
    社区党组织班子成员进居委会"""

    PART_TIME_MEMBER = "PART_TIME_MEMBER"
    PARTY_INSTRUCTOR = "PARTY_INSTRUCTOR"
    COMMITTEE_TO_PARTY = "COMMITTEE_TO_PARTY"
    PARTY_TO_COMMITTEE = "PARTY_TO_COMMITTEE"


class CrossPost(StrEnum):
    """兼职委员、党建指导员;党组织的书记、副书记、委员;居委会的主任、副主任、委员"""

    PART_TIME_MEMBER = "PART_TIME_MEMBER"
    PARTY_INSTRUCTOR = "PARTY_INSTRUCTOR"
    PARTY_SECRETARY = "PARTY_SECRETARY"
    PARTY_DEPUTY_SECRETARY = "PARTY_DEPUTY_SECRETARY"
    PARTY_MEMBER = "PARTY_MEMBER"
    COMMITTEE_DIRECTOR = "COMMITTEE_DIRECTOR"
    COMMITTEE_DEPUTY_DIRECTOR = "COMMITTEE_DEPUTY_DIRECTOR"
    COMMITTEE_MEMBER = "COMMITTEE_MEMBER"


POST_TITLES = {
    CrossPost.PART_TIME_MEMBER: "兼职委员",
    CrossPost.PARTY_INSTRUCTOR: "党建指导员",
    CrossPost.PARTY_SECRETARY: "书记",
    CrossPost.PARTY_DEPUTY_SECRETARY: "副书记",
    CrossPost.PARTY_MEMBER: "委员",
    CrossPost.COMMITTEE_DIRECTOR: "主任",
    CrossPost.COMMITTEE_DEPUTY_DIRECTOR: "副主任",
    CrossPost.COMMITTEE_MEMBER: "委员",
}


class KinshipKind(StrEnum):
    """近亲属:配偶、父母、子女、兄弟姐妹、祖父母(外祖父母)、孙子女(外孙子女)(民法典第 1045 条)"""

    SPOUSE = "SPOUSE"
    PARENT = "PARENT"
    CHILD = "CHILD"
    SIBLING = "SIBLING"
    GRANDPARENT = "GRANDPARENT"
    GRANDCHILD = "GRANDCHILD"


class CrossAppointment(Model):
    """交叉任职:某人自何日至何日(不含)由何组织到何组织任何职"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    person_id = fields.UUIDField()
    kind = fields.TextField()
    post = fields.TextField()
    from_party_id = fields.UUIDField(null=True)
    from_organisation_id = fields.UUIDField(null=True)
    to_party_id = fields.UUIDField(null=True)
    to_organisation_id = fields.UUIDField(null=True)
    compound_id = fields.UUIDField(null=True)
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    street_path = fields.TextField()
    community_path = fields.TextField()
    valid_from = fields.DateField()
    valid_to = fields.DateField(null=True)
    version = fields.IntField()

    class Meta:
        table = "cross_appointments"


class Kinship(Model):
    """近亲属关系:relative 是 person 的何种亲属,自何日(空为历来)至何日(不含)"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    person_id = fields.UUIDField()
    relative_id = fields.UUIDField()
    kind = fields.TextField()
    valid_from = fields.DateField(null=True)
    valid_to = fields.DateField(null=True)
    withdrawal_reason = fields.TextField(null=True)
    version = fields.IntField()

    class Meta:
        table = "kinships"


refers(
    PersonReference("cross_appointments"),
    PersonReference("kinships", same=("relative_id", "until"), other="relative_id", erased=True),
    PersonReference(
        "kinships", "relative_id", same=("person_id", "until"), other="person_id", erased=True
    ),
)
