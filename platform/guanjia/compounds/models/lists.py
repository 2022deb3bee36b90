"""Lists (清单) of a compound as rows, and their rules that need no database.

One row of `compound_lists` is one edition of a list. While it is a DRAFT it is written; once
PUBLISHED it is frozen, in the database too: a trigger refuses any change of it or of its items.
Editions follow each other in time and never overlap: publishing one ends the edition before it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from guanjia.compounds.models.estates import COMPOUND_REACH
from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable


class ListKind(StrEnum):
    """物业服务清单、小区管家权责清单、业主委员会权责清单"""

    SERVICE_LIST = "SERVICE_LIST"
    BUTLER_DUTY_LIST = "BUTLER_DUTY_LIST"
    COMMITTEE_DUTY_LIST = "COMMITTEE_DUTY_LIST"


class ListState(StrEnum):
    """草稿;已公布;已被后一版取代(至其 valid_to 前仍有效);已撤回"""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    SUPERSEDED = "SUPERSEDED"
    WITHDRAWN = "WITHDRAWN"


KIND_TITLES = {
    ListKind.SERVICE_LIST: "物业服务清单",
    ListKind.BUTLER_DUTY_LIST: "小区管家权责清单",
    ListKind.COMMITTEE_DUTY_LIST: "业主委员会权责清单",
}
WEIGHT_SUM = 100
"""What the weights of a service list sum to: they are the 社区评价 part of the rating."""
CONTENT = (
    "code", "title", "standard", "frequency", "evidence", "basis", "basis_from", "basis_to",
    "contract_clause", "limit_value", "limit_unit", "weight", "owner_seat", "co_seats", "public",
)  # fmt: skip
"""What an item says, in the order in which it is hashed and compared."""

_IN_REACH = (
    "exists (select 1 from compounds hc where hc.tenant_id = {tenant}"
    f" and hc.id = {{row}}.compound_id and {(COMPOUND_REACH.inside or '').replace('{row}', 'hc')})"
)
TODAY = "(now() at time zone 'Asia/Shanghai')::date"
_IN_FORCE = (
    "{row}.state in ('PUBLISHED', 'SUPERSEDED')"
    f" and {{row}}.valid_from <= {TODAY}"
    f" and ({{row}}.valid_to is null or {{row}}.valid_to > {TODAY})"
)
LIST_REACH = Reachable(inside=_IN_REACH)
"""Every edition of the lists of the compounds in reach, drafts too. They lie where their compound
lies: asked of the compound itself, so that nothing has to follow when regions move."""
IN_FORCE_REACH = Reachable(inside=_IN_REACH, only=_IN_FORCE)
"""The editions in force today."""
PUBLIC_ITEM_REACH = Reachable(
    inside=_IN_REACH,
    only="{row}.public and exists (select 1 from compound_lists hl where hl.tenant_id = {tenant}"
    f" and hl.id = {{row}}.list_id and {_IN_FORCE.replace('{row}', 'hl')})",
)
"""The public items of the editions in force today."""


class CompoundList(Model):
    """清单的一版"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    compound_id = fields.UUIDField()
    kind = fields.TextField()
    edition = fields.IntField()
    state = fields.TextField(default=ListState.DRAFT)
    based_on_id = fields.UUIDField(null=True)
    valid_from = fields.DateField(null=True)
    valid_to = fields.DateField(null=True)
    content_hash = fields.TextField(null=True)
    created_by = fields.UUIDField()
    editors = ArrayField("uuid")
    created_at = fields.DatetimeField()
    published_by = fields.UUIDField(null=True)
    published_at = fields.DatetimeField(null=True)
    withdrawn_at = fields.DatetimeField(null=True)
    withdrawn_reason = fields.TextField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "compound_lists"


class ListItem(Model):
    """清单的一项"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    list_id = fields.UUIDField()
    compound_id = fields.UUIDField()
    position = fields.IntField()
    code = fields.TextField()
    title = fields.TextField()
    standard = fields.TextField(default="")
    frequency = fields.TextField(default="")
    evidence = fields.TextField(default="")
    basis = fields.TextField(default="")
    basis_from = fields.DateField(null=True)
    basis_to = fields.DateField(null=True)
    contract_clause = fields.TextField(default="")
    limit_value = fields.IntField(null=True)
    limit_unit = fields.TextField(null=True)
    weight = fields.IntField(null=True)
    owner_seat = fields.TextField(null=True)
    co_seats = ArrayField("text")
    public = fields.BooleanField(default=True)

    class Meta:
        table = "list_items"


def content_hash(kind: str, items: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 (hex) of a list's kind and of what its items say, in their order."""
    said = [kind, [[item[name] for name in CONTENT] for item in items]]
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
