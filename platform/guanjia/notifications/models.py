"""Notices as rows: each is one member's."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable


class NoticeChannel(StrEnum):
    """站内之外的通道:文件(演示)、Webhook 推送、短信"""

    FILE = "FILE"
    WEBHOOK = "WEBHOOK"
    SMS = "SMS"


GATEWAYS = (NoticeChannel.WEBHOOK, NoticeChannel.SMS)
"""The channels that go to somebody's server, which may be a tenant's own. They may disturb
somebody: they wait for the end of the quiet hours."""


class Dropped(StrEnum):
    """未发的原因:通道未配置、没有手机号码"""

    CHANNEL_OFF = "CHANNEL_OFF"
    NO_ADDRESS = "NO_ADDRESS"


class DeliveryState(StrEnum):
    """待发(含失败后待重试)、已发、多次失败(见后台任务)、不发"""

    QUEUED = "QUEUED"
    SENT = "SENT"
    FAILED = "FAILED"
    DROPPED = "DROPPED"


DELIVER = "notice.deliver"
STATE_SQL = (
    "case when {row}.sent_at is not null then 'SENT' when {row}.dropped is not null then 'DROPPED'"
    " when exists (select 1 from jobs dj where dj.tenant_id = {tenant}"
    f" and dj.kind = '{DELIVER}' and dj.subject_id = {{row}}.id and dj.due_at = {{row}}.due_at"
    " and dj.state = 'DEAD') then 'FAILED' else 'QUEUED' end"
)
"""How a delivery stands: the queue knows whether it was given up."""
PROBLEM_SQL = (
    "case {row}.dropped when 'CHANNEL_OFF' then '该通道没有配置。'"
    " when 'NO_ADDRESS' then '本人没有登记手机号码。' else (select pj.error_message from jobs pj"
    f" where {{row}}.sent_at is null and pj.tenant_id = {{tenant}} and pj.kind = '{DELIVER}'"
    " and pj.subject_id = {row}.id and pj.due_at = {row}.due_at) end"
)
"""Why a delivery did not arrive so far, in a sentence that names neither number nor text."""
NOTIFICATION_REACH = DELIVERY_REACH = Reachable(mine="recipient_id")


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


class NotificationDelivery(Model):
    """一条通知经一个通道的发送"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    notification_id = fields.UUIDField()
    recipient_id = fields.UUIDField()
    channel = fields.TextField()
    due_at = fields.DatetimeField()
    sent_at = fields.DatetimeField(null=True)
    dropped = fields.TextField(null=True)

    class Meta:
        table = "notification_deliveries"
