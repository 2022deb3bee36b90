"""Tenants, regions, organisations as rows.

A tenant's id follows from its slug, so that a slug is resolved without any table outside the wall.
The platform's own tenant is `operator`; its register of tenants is one more walled table.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable

TENANT_NAMESPACE = UUID("5e6f2a8c-3c0f-5c5e-9a55-0d6c8f1a7b21")


LOCAL = ZoneInfo("Asia/Shanghai")
"""The time that rules and people mean: all of China keeps one."""


@lru_cache(maxsize=4096)
def tenant_id(slug: str) -> UUID:
    """The id of the tenant with this slug."""
    return uuid5(TENANT_NAMESPACE, slug.strip().lower())


OPERATOR = "operator"


class Level(StrEnum):
    """区域层级:区县、街道(乡镇)、社区(村)、网格"""

    DISTRICT = "DISTRICT"
    STREET = "STREET"
    COMMUNITY = "COMMUNITY"
    GRID = "GRID"


LEVELS = tuple(Level)


class GridKind(StrEnum):
    """基础网格、专属网格(园区、校园、厂区)"""

    BASIC = "BASIC"
    DEDICATED = "DEDICATED"


class OrganisationKind(StrEnum):
    """机构类别:职能部门、街道办事处、社区、物业公司、外部单位"""

    DEPARTMENT = "DEPARTMENT"
    STREET_OFFICE = "STREET_OFFICE"
    COMMUNITY = "COMMUNITY"
    PROPERTY_COMPANY = "PROPERTY_COMPANY"
    EXTERNAL_PARTY = "EXTERNAL_PARTY"


REGION_REACH = Reachable(region="path", place=True)
FORMER_NAME_REACH = Reachable(region="region_path")
ORGANISATION_REACH = Reachable(region="region_path", organisation="{row}.id = any({ids})")


class Tenant(Model):
    """租户:一个区县"""

    tenant_id = fields.UUIDField(primary_key=True)
    slug = fields.TextField()
    code = fields.TextField()
    name = fields.TextField()
    timezone = fields.TextField()
    settings: fields.JSONField[dict[str, object]] = fields.JSONField()
    next_region = fields.IntField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "tenants"


class TenantRegister(Model):
    """The operator tenant's list of those who came on board."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    slug = fields.TextField()
    code = fields.TextField()
    name = fields.TextField()
    onboarded_at = fields.DatetimeField()

    class Meta:
        table = "tenant_register"


class Region(Model):
    """区域。`path` never changes: a region that moves is closed and has a successor."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    level = fields.TextField()
    code = fields.TextField()
    name = fields.TextField()
    parent_id = fields.UUIDField(null=True)
    path = fields.TextField()
    grid_kind = fields.TextField(null=True)
    valid_from = fields.DateField()
    valid_to = fields.DateField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "regions"


class RegionFormerName(Model):
    """原名:某区域在 `valid_to` 之前的名称"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    name = fields.TextField()
    valid_to = fields.DateField()

    class Meta:
        table = "region_former_names"


class RegionPredecessor(Model):
    """Which region became which."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    region_id = fields.UUIDField()
    predecessor_id = fields.UUIDField()

    class Meta:
        table = "region_predecessors"


class Organisation(Model):
    """机构"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.TextField()
    name = fields.TextField()
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    credit_code = fields.TextField(null=True)
    active = fields.BooleanField(default=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "organisations"
