"""The tenant's categories of cases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.audit.service import record
from guanjia.cases import inputs
from guanjia.cases.machine import MISSING_DATA
from guanjia.cases.models import CaseCategory
from guanjia.cases.reasons import CategoryKind
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, forbidden, not_found
from guanjia.graph.times import Unit

_CODE = re.compile(r"^[A-Z][A-Z0-9]{0,3}-[0-9]{2}$")
_TEXTS = {
    "name": ("名称", "name"),
    "group_name": ("大类", "groupName"),
    "lead_name": ("主办单位", "leadName"),
    "assisting": ("协办单位", "assisting"),
    "filing_condition": ("立案条件", "filingCondition"),
    "closing_condition": ("结案条件", "closingCondition"),
    "source": ("依据", "source"),
}
_REQUIRED = ("name", "group_name", "lead_name", "source")
_LONGEST_LIMIT = 365


class LeadKind(StrEnum):
    """The kind of organisation that leads by default."""

    DEPARTMENT = "DEPARTMENT"
    STREET_OFFICE = "STREET_OFFICE"
    COMMUNITY = "COMMUNITY"
    PROPERTY_COMPANY = "PROPERTY_COMPANY"


async def create_category(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    code: str,
    name: str,
    group_name: str,
    kind: CategoryKind,
    limit_value: int,
    limit_unit: Unit,
    lead_kind: LeadKind,
    lead_name: str,
    source: str,
    now: datetime,
    assisting: str = "",
    filing_condition: str = "",
    closing_condition: str = "",
    photo_pair: bool = False,
) -> CaseCategory:
    """A new category that reports can choose."""
    if not scope:
        raise forbidden(scope.permission)
    if not _CODE.match(code) or not code.isascii():
        raise Refusal(BAD_USER_INPUT, "类别编码的格式应如 P-09 或 E01-07。", ("code",))
    values = _cleaned(
        name=name,
        group_name=group_name,
        kind=kind,
        limit_value=limit_value,
        limit_unit=limit_unit,
        lead_kind=lead_kind,
        lead_name=lead_name,
        assisting=assisting,
        filing_condition=filing_condition,
        closing_condition=closing_condition,
        photo_pair=photo_pair,
        source=source,
    )
    if await CaseCategory.filter(code=code).exists():
        raise Refusal(CONFLICT, f"类别编码{code}已经使用。", ("code",))
    made = await CaseCategory.create(id=new_id(), code=code, **values)
    await _record(transaction, actor, scope, "create_category", made.id, {"code": code, **values})
    return made


async def change_category(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    **changes: Any,
) -> CaseCategory:
    """The category is as the changes say, from the next dispatch on: cases that were dispatched
    keep the limit they were given. `active=False` takes it out of use. The audit record keeps what
    each changed value was and is."""
    if not scope:
        raise forbidden(scope.permission)
    category = await CaseCategory.filter(id=id).select_for_update().first()
    if category is None:
        raise not_found("案件类别", "id")
    if category.version != version:
        raise Refusal(CONFLICT, "类别已被他人更新,请刷新后再试。", ("version",))
    given = _cleaned(**{key: value for key, value in changes.items() if value is not None})
    changed = {
        key: [getattr(category, key), value]
        for key, value in given.items()
        if getattr(category, key) != value
    }
    if not changed:
        raise Refusal(BAD_USER_INPUT, "没有任何改动。")
    category.update_from_dict({**given, "version": version + 1})
    await category.save(update_fields=[*changed, "version"])
    await _record(transaction, actor, scope, "change_category", id, changed)
    return category


def _cleaned(**values: Any) -> dict[str, Any]:
    cleaned = dict(values)
    for key, (label, name) in _TEXTS.items():
        if key in cleaned:
            cleaned[key] = inputs.line(cleaned[key], label, name)
            if not cleaned[key] and key in _REQUIRED:
                raise Refusal(MISSING_DATA, f"请填写{label}。", (name,))
    if "limit_value" in cleaned:
        inputs.positive(cleaned["limit_value"], "处置时限", "limitValue", _LONGEST_LIMIT)
    return cleaned


async def _record(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    action: str,
    category_id: UUID,
    detail: Mapping[str, Any],
) -> None:
    await record(
        transaction,
        action=action,
        actor=actor,
        permission=scope.permission,
        object_type="CaseCategory",
        object_id=category_id,
        detail=detail,
    )
