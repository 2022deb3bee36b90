"""Batches, their staged chunks and what was found, as rows."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable


class State(StrEnum):
    """读取中、待改正、可应用、应用中、已应用、撤销中、已撤销、已拒绝、已放弃、已中断

    Working states (READING, APPLYING, UNDOING) whose worker has not been heard of for a minute are
    INTERRUPTED: nothing of that step was kept."""

    READING = "READING"
    INVALID = "INVALID"
    READY = "READY"
    APPLYING = "APPLYING"
    APPLIED = "APPLIED"
    UNDOING = "UNDOING"
    UNDONE = "UNDONE"
    REFUSED = "REFUSED"
    DISCARDED = "DISCARDED"
    INTERRUPTED = "INTERRUPTED"


STORED_STATES = tuple(state for state in State if state is not State.INTERRUPTED)
SILENCE_SECONDS = 60
STATE_SQL = (
    "(case when {row}.state in ('READING', 'APPLYING', 'UNDOING') and {row}.heard_at"
    f" < now() - interval '{SILENCE_SECONDS} seconds' then 'INTERRUPTED' else {{row}}.state end)"
)

BATCH_REACH = Reachable(region="region_path", mine="uploader_id")
FINDING_REACH = BATCH_REACH


class ImportBatch(Model):
    """导入批次:一个上传的文件"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.TextField()
    state = fields.TextField()
    file_name = fields.TextField()
    sha256 = fields.BinaryField()
    size = fields.IntField()
    uploader_id = fields.UUIDField()
    region_path = fields.TextField()
    previous_id = fields.UUIDField(null=True)
    uploaded_at = fields.DatetimeField()
    heard_at = fields.DatetimeField()
    run_id = fields.UUIDField()
    header: fields.JSONField[dict[str, object]] = fields.JSONField(null=True)
    sealed_key = fields.BinaryField(null=True)
    key_version = fields.IntField(null=True)
    done = fields.IntField()
    total = fields.IntField(null=True)
    rows = fields.IntField()
    wrong = fields.IntField()
    added = fields.IntField()
    changed = fields.IntField()
    removed = fields.IntField()
    unchanged = fields.IntField()
    message = fields.TextField(null=True)
    applied_at = fields.DatetimeField(null=True)
    undo_until = fields.DatetimeField(null=True)
    undone_at = fields.DatetimeField(null=True)

    class Meta:
        table = "import_batches"


class ImportFinding(Model):
    """导入中某一行的情况"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    batch_id = fields.UUIDField()
    uploader_id = fields.UUIDField()
    region_path = fields.TextField()
    position = fields.IntField()
    row_number = fields.IntField()
    change = fields.TextField()
    column_title = fields.TextField(null=True)
    message = fields.TextField()

    class Meta:
        table = "import_findings"
