"""Onboarding: what a new tenant gets of cases."""

from __future__ import annotations

from typing import Any

from guanjia.cases import dependents as dependents  # makes itself known to tenancy
from guanjia.cases.seeding import seed_cases, seed_routings
from guanjia.db.pools import Transaction


async def seed(transaction: Transaction, described: Any) -> list[str]:
    """The tenant has the workday calendar, the categories, and the routing of its file and of the
    platform. What it has changed stays."""
    await seed_cases(transaction.connection)
    added = await seed_routings(transaction.connection, described.routing)
    return [f"派遣路由 {added} 条"] if added else []
