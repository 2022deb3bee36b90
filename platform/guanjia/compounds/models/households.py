"""Resident households: who lives together in a home. Not the home, and not 共同生活家庭 of 救助."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.compounds.models.estates import LEVELS
from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable


class Occupancy(StrEnum):
    """自住、承租、借住"""

    OWNER = "OWNER"
    TENANT = "TENANT"
    LENT = "LENT"


class HouseholdRelation(StrEnum):
    """户主、配偶、子女、父母、其他亲属、非亲属"""

    HEAD = "HEAD"
    SPOUSE = "SPOUSE"
    CHILD = "CHILD"
    PARENT = "PARENT"
    RELATIVE = "RELATIVE"
    OTHER = "OTHER"


HOUSEHOLD_REACH = Reachable(region="region_path", levels=LEVELS)
HOUSEHOLD_MEMBER_REACH = Reachable(
    inside="exists (select 1 from resident_households mh where mh.tenant_id = {tenant}"
    " and mh.id = {row}.household_id and mh.region_path >= {low} and mh.region_path < {high})"
)


class ResidentHousehold(Model):
    """居住户"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    house_unit_id = fields.UUIDField()
    building_id = fields.UUIDField()
    region_path = fields.TextField()
    occupancy = fields.TextField()
    valid_from = fields.DateField()
    valid_to = fields.DateField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "resident_households"


class HouseholdMember(Model):
    """居住户成员"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    household_id = fields.UUIDField()
    person_id = fields.UUIDField()
    relation = fields.TextField()
    valid_from = fields.DateField()
    valid_to = fields.DateField(null=True)

    class Meta:
        table = "household_members"
