"""What of indicators is the tenant's own data."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable

SCORE_REACH = Reachable(tenant_wide=True)
"""How a score is made is read by all who may read figures at all."""


class ScoreScheme(Model):
    """综合评价的一套权重,自何日起有效;起止同日的从未生效"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    valid_from = fields.DateField(null=True)
    valid_to = fields.DateField(null=True)
    source = fields.TextField()
    reason = fields.TextField(null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()

    class Meta:
        table = "score_schemes"


class ScoreWeight(Model):
    """一套权重中一个指标的权重"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    scheme_id = fields.UUIDField()
    metric = fields.TextField()
    percent = fields.IntField()
    prior = fields.IntField()

    class Meta:
        table = "score_weights"
