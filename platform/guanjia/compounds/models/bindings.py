"""Who is bound to a home, by what proof, and who votes for it.

A binding is in force until `valid_to`. The row of `vote_holdings` that has not ended names the one
person who votes for the home; the others are its history.
"""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.compounds.models.estates import LEVELS
from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable


class BindingRelation(StrEnum):
    """产权人、配偶、同住家属、承租人"""

    OWNER = "OWNER"
    SPOUSE = "SPOUSE"
    FAMILY = "FAMILY"
    TENANT = "TENANT"


class BindingProof(StrEnum):
    """物业前台核对、网格员入户验证码、不动产登记核对"""

    PROPERTY_DESK = "PROPERTY_DESK"
    VISIT_CODE = "VISIT_CODE"
    ESTATE_REGISTRY = "ESTATE_REGISTRY"


class VoteCause(StrEnum):
    """产权人优先、产权人委托"""

    OWNER = "OWNER"
    DELEGATED = "DELEGATED"


_PERSON_IS_ME = (
    "exists (select 1 from persons op where op.tenant_id = {tenant} and op.id = {row}.person_id"
    " and op.membership_id = {me})"
)

BINDING_REACH = Reachable(region="region_path", levels=LEVELS, own=_PERSON_IS_ME)
VOTE_REACH = Reachable(
    inside="exists (select 1 from house_units vh where vh.tenant_id = {tenant}"
    " and vh.id = {row}.house_unit_id and vh.region_path >= {low} and vh.region_path < {high})",
    own=_PERSON_IS_ME,
)


class HouseBinding(Model):
    """房屋绑定:某人与某房屋的关系"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    house_unit_id = fields.UUIDField()
    building_id = fields.UUIDField()
    compound_id = fields.UUIDField()
    person_id = fields.UUIDField()
    region_path = fields.TextField()
    relation = fields.TextField()
    proof = fields.TextField()
    proven_by = fields.UUIDField()
    proven_at = fields.DatetimeField()
    valid_from = fields.DateField()
    valid_to = fields.DateField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "house_bindings"


class VoteHolding(Model):
    """投票代表:自何时至何时由谁代表此房屋投票"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    house_unit_id = fields.UUIDField()
    person_id = fields.UUIDField()
    cause = fields.TextField()
    began_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "vote_holdings"
