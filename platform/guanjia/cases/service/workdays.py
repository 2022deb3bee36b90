"""The tenant's calendar as a value."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, time
from typing import Any

from guanjia.cases.calendar import OFFICE_HOURS, Calendar, Span, whole_year
from guanjia.db.pools import Transaction
from guanjia.graph.times import local_date


async def load_calendar(transaction: Transaction, since: datetime) -> Calendar:
    """The calendar from the year of an instant on. A year counts as loaded when each of its days
    is there."""
    row = await transaction.connection.fetchrow(
        "select (select settings from tenants where tenant_id = $1) as settings,"
        " array_agg(day order by day) as days, array_agg(is_workday order by day) as kinds"
        " from workdays where tenant_id = $1 and day >= make_date($2, 1, 1)",
        transaction.tenant_id,
        local_date(since).year,
    )
    workdays = dict(zip(row["days"] or (), row["kinds"] or (), strict=True))
    counts = Counter(day.year for day in workdays)
    loaded = frozenset(year for year, days in counts.items() if days == len(whole_year(year)))
    return Calendar(workdays, loaded, office_hours(row["settings"]))


def office_hours(settings: Any) -> tuple[Span, ...]:
    """The office hours in a tenant's settings; the usual ones where it has none."""
    read = json.loads(settings) if isinstance(settings, str | bytes) else settings or {}
    hours = read.get("office_hours")
    if not hours:
        return OFFICE_HOURS
    return tuple(
        (time.fromisoformat(opens), time.fromisoformat(closes))
        for opens, closes in (hours["morning"], hours["afternoon"])
    )
