"""Secret addresses under which a calendar program reads somebody's meetings."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id


class CalendarFeed(Model):
    """日历订阅:只存地址的散列"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    membership_id = fields.UUIDField()
    secret_hash = fields.BinaryField()
    created_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "calendar_feeds"
