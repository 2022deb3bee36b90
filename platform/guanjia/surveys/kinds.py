"""The kinds of surveys: the module that knows what one is about gives it to each tenant."""

from __future__ import annotations

from typing import Any

from guanjia.db.ids import new_id

UPLOAD_HOURS = 48
"""[design] How long after its window a survey takes what was answered within it, until the tenant
says otherwise."""


async def seed_kind(connection: Any, code: str, title: str) -> None:
    """The tenant has the kind of survey. What it has changed stays."""
    await connection.execute(
        "insert into survey_kinds (id, code, title, upload_hours, source)"
        " values ($1, $2, $3, $4, '平台设计') on conflict (tenant_id, code) do nothing",
        new_id(),
        code,
        title,
        UPLOAD_HOURS,
    )
