"""What of indicators is the tenant's own data."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id


class ScoreWeight(Model):
    """综合评价中一个指标的权重,自何日起有效"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    metric = fields.TextField()
    percent = fields.IntField()
    complement = fields.BooleanField()
    prior = fields.IntField()
    valid_from = fields.DateField(null=True)
    valid_to = fields.DateField(null=True)
    source = fields.TextField()

    class Meta:
        table = "score_weights"
