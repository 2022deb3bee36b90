"""Onboarding: what a new tenant gets of cases."""

from __future__ import annotations

from typing import Any

from guanjia.cases import dependents as dependents  # makes itself known to tenancy
from guanjia.cases.seeding import seed_cases
from guanjia.db.pools import Transaction


async def seed(transaction: Transaction, described: Any) -> list[str]:
    """The tenant has the workday calendar and the categories. What it has changed stays."""
    await seed_cases(transaction.connection)
    return []
