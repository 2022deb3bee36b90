"""Onboarding: what a new tenant gets of surveys."""

from __future__ import annotations

from typing import Any

from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction

UPLOAD_HOURS = 48
"""[design] How long after its window a survey takes what was answered within it, until the tenant
says otherwise."""
_KINDS = (("CASE", "案件处置满意度"),)


async def seed(transaction: Transaction, described: Any) -> list[str]:
    """The tenant has the kinds of surveys. What it has changed stays."""
    await seed_kinds(transaction.connection)
    return []


async def seed_kinds(connection: Any) -> None:
    await connection.executemany(
        "insert into survey_kinds (id, code, title, upload_hours, source)"
        " values ($1, $2, $3, $4, '平台设计') on conflict (tenant_id, code) do nothing",
        [(new_id(), code, title, UPLOAD_HOURS) for code, title in _KINDS],
    )
