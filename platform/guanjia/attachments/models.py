"""Attachments as rows. The bytes lie in the store under the row's hash, once for a tenant."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable


class Purpose(StrEnum):
    """处置前、处置后、核查、其他"""

    BEFORE = "BEFORE"
    AFTER = "AFTER"
    CHECK = "CHECK"
    OTHER = "OTHER"


ATTACHMENT_REACH = Reachable(mine="uploader_id")
"""On its own account an attachment is its uploader's; otherwise it is read through its owner."""


class Attachment(Model):
    """附件"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    uploader_id = fields.UUIDField()
    uploaded_at = fields.DatetimeField()
    file_name = fields.TextField()
    media_type = fields.TextField()
    size = fields.IntField()
    sha256 = fields.BinaryField()
    width = fields.IntField(null=True)
    height = fields.IntField(null=True)
    owner_noun = fields.TextField(null=True)
    owner_id = fields.UUIDField(null=True)
    purpose = fields.TextField(null=True)
    attached_at = fields.DatetimeField(null=True)

    class Meta:
        table = "attachments"
