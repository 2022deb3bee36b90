"""Persons and what belongs to them, as rows.

`…_cipher` columns hold values sealed with the person's own key, `…_mask` columns the form that is
shown, `blind_index` what a value is found by. `search_text` and `person_grams` hold the searchable
name. The day of birth is sealed: beside the masked 公民身份号码 it would complete the number.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable
from guanjia.reading.classes import DataClass, ProtectedBytes, ProtectedText

_LEVELS = {10: "street_path", 15: "community_path", 20: "region_path"}
_OF_PERSON = (
    "exists (select 1 from persons op where op.tenant_id = {tenant} and op.id = {row}.person_id"
    " and op.region_path >= {low} and op.region_path < {high})"
)

PERSON_REACH = Reachable(region="region_path", levels=_LEVELS, mine="membership_id")
PART_REACH = Reachable(inside=_OF_PERSON)
"""Documents and phones: where their person is."""
RETENTION_REACH = Reachable(tenant_wide=True)


class Person(Model):
    """自然人:在一个租户内一人一行"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = ProtectedText(DataClass.S1)
    name_mask = ProtectedText(DataClass.S1)
    search_text = ProtectedText(DataClass.S1)
    sex = fields.TextField()
    birth_year = fields.IntField(null=True)
    birth_cipher = ProtectedBytes(DataClass.S2, null=True)
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    address_cipher = ProtectedBytes(DataClass.S2, null=True)
    address_mask = ProtectedText(DataClass.S2, null=True)
    membership_id = fields.UUIDField(null=True)
    warnings: ArrayField = ArrayField(element_type="text")
    sealed_key = ProtectedBytes(DataClass.S3, null=True)
    key_version = fields.IntField(null=True)
    merged_into_id = fields.UUIDField(null=True)
    erased_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    version = fields.IntField()

    class Meta:
        table = "persons"


class PersonDocument(Model):
    """证件"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    person_id = fields.UUIDField()
    kind = fields.TextField()
    cipher = ProtectedBytes(DataClass.S2)
    legacy_cipher = ProtectedBytes(DataClass.S2, null=True)
    mask = ProtectedText(DataClass.S2)
    blind_index = ProtectedBytes(DataClass.S2)
    recorded_at = fields.DatetimeField()

    class Meta:
        table = "person_documents"


class PersonPhone(Model):
    """电话"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    person_id = fields.UUIDField()
    kind = fields.TextField()
    position = fields.IntField()
    cipher = ProtectedBytes(DataClass.S2)
    mask = ProtectedText(DataClass.S2)
    blind_index = ProtectedBytes(DataClass.S2)
    recorded_at = fields.DatetimeField()

    class Meta:
        table = "person_phones"


class PersonMerge(Model):
    """合并:哪两行被认定为同一人,由谁认定,移动了什么"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    kept_id = fields.UUIDField()
    merged_id = fields.UUIDField()
    reason = fields.TextField()
    merged_by = fields.UUIDField()
    merged_at = fields.DatetimeField()
    moved: fields.JSONField[dict[str, int]] = fields.JSONField()

    class Meta:
        table = "person_merges"


class RetentionRule(Model):
    """保存期限:某类数据自何时起保存多久,依据何在;月、日皆空为不定期"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    code = fields.TextField()
    title = fields.TextField()
    counted_from = fields.TextField()
    months = fields.IntField(null=True)
    days = fields.IntField(null=True)
    valid_from = fields.DateField()
    valid_to = fields.DateField(null=True)
    source = fields.TextField()

    class Meta:
        table = "retention_rules"
