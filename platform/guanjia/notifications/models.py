"""Notices as rows: each is one member's."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable

NOTIFICATION_REACH = Reachable(mine="recipient_id")


class Notification(Model):
    """通知:发给一名成员,文字在发出时已定"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    recipient_id = fields.UUIDField()
    kind = fields.TextField()
    title = fields.TextField()
    body = fields.TextField()
    subject_type = fields.TextField(null=True)
    subject_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()
    read_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notifications"
