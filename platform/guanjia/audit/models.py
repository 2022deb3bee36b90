"""The record as rows. The database numbers and chains them; nobody changes them."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from guanjia.db.scope import Reachable

AUDIT_REACH = Reachable(tenant_wide=True)
RESULTS = ("OK", "DENIED", "READ")


class AuditRecord(Model):
    """一条审计记录"""

    id = fields.UUIDField(primary_key=True)
    seq = fields.BigIntField()
    at = fields.DatetimeField()
    actor_id = fields.UUIDField(null=True)
    actor_name = fields.TextField(null=True)
    session_id = fields.UUIDField(null=True)
    action = fields.TextField()
    permission = fields.TextField(null=True)
    object_type = fields.TextField(null=True)
    object_id = fields.UUIDField(null=True)
    region_path = fields.TextField(null=True)
    result = fields.TextField()
    detail = fields.TextField()
    prev_hash = fields.BinaryField()
    hash = fields.BinaryField()

    class Meta:
        table = "audit_records"
