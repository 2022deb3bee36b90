"""Compounds, buildings and homes as rows.

A compound lies in a community. A building lies where the grid that covers it now lies, or in the
community while none does, and so do its homes: when grids are re-cut their `region_path` follows,
while the building's number, which the community gave, stays. Which grid covered it on another day
is in `grid_buildings`.
"""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable


class ManagementMode(StrEnum):
    """管理方式:物业公司、业主自管、无物业由社区兜底"""

    PROPERTY_COMPANY = "PROPERTY_COMPANY"
    SELF_MANAGED = "SELF_MANAGED"
    COMMUNITY_FALLBACK = "COMMUNITY_FALLBACK"


_LEVELS = {10: "street_path", 15: "community_path"}
_HOLDS_A_BUILDING = (
    "({row}.region_path >= {low} and {row}.region_path < {high} or exists (select 1"
    " from buildings hb where hb.tenant_id = {tenant} and hb.compound_id = {row}.%s"
    " and hb.region_path >= {low} and hb.region_path < {high}))"
)

COMPOUND_REACH = Reachable(inside=_HOLDS_A_BUILDING % "id")
"""A compound is reached at its community and above, and by whose grid covers a building of it."""
PART_REACH = Reachable(inside=_HOLDS_A_BUILDING % "compound_id")
"""What hangs on a compound as a whole is reached as it is."""
BUILDING_REACH = Reachable(region="region_path", levels={**_LEVELS, 20: "region_path"})


class Compound(Model):
    """小区"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.TextField()
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    street_path = fields.TextField()
    community_path = fields.TextField()
    address = fields.TextField()
    management_mode = fields.TextField()
    household_count = fields.IntField(null=True)
    area_m2 = fields.IntField(null=True)
    boundary: fields.JSONField[dict[str, object]] = fields.JSONField(null=True)
    search_text = fields.TextField()
    active = fields.BooleanField(default=True)
    created_at = fields.DatetimeField()
    version = fields.IntField(default=1)

    class Meta:
        table = "compounds"


class Building(Model):
    """楼栋;编号为社区 12 位加 5 位顺序号,网格重划时不变"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    compound_id = fields.UUIDField()
    code = fields.TextField()
    name = fields.TextField()
    position = fields.IntField()
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    floors = fields.IntField(null=True)
    active = fields.BooleanField(default=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "buildings"


class GridBuilding(Model):
    """某网格自何日至何日覆盖某楼栋"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    building_id = fields.UUIDField()
    grid_id = fields.UUIDField()
    valid_from = fields.DateField()
    valid_to = fields.DateField(null=True)

    class Meta:
        table = "grid_buildings"


class HouseUnit(Model):
    """房屋(专有部分):楼栋、单元、楼层、房号"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    building_id = fields.UUIDField()
    compound_id = fields.UUIDField()
    region_path = fields.TextField()
    unit = fields.TextField()
    floor = fields.IntField()
    room = fields.TextField()
    label = fields.TextField()
    estate_code = fields.TextField(null=True)
    area_dm2 = fields.IntField(null=True)
    valid_from = fields.DateField()
    valid_to = fields.DateField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "house_units"
