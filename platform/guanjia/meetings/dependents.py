"""What of meetings hangs on regions and compounds: the meetings of a community follow it, and a
compound is not closed under what is still to come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.tenancy.dependents import DEPENDENTS, Became, Dependent

_FOLLOW = (
    "update {table} x set region_id = new.id, region_path = new.path, version = x.version + 1"
    " from (select distinct on (old) old, new from unnest($2::uuid[], $3::uuid[])"
    " with ordinality u(old, new, n) order by old, n) moved"
    " join regions new on new.tenant_id = $1 and new.id = moved.new"
    " where x.tenant_id = $1 and x.region_id = moved.old"
)


async def _at_region(transaction: Transaction, path: str) -> int:
    count: int = await transaction.connection.fetchval(
        "select count(*) from meetings where tenant_id = $1 and region_path = $2"
        " and state = 'PLANNED'",
        transaction.tenant_id,
        path,
    )
    return count


async def _follow(transaction: Transaction, became: Became) -> None:
    """Series, meetings and votes, past ones too, are of the successor of their community; of
    several, of the first. What a compound has is reached where the compound is in any case."""
    olds, news = [old for old, _ in became], [new for _, new in became]
    for table in ("meeting_series", "meetings", "owners_votes", "household_polls"):
        await transaction.connection.execute(
            _FOLLOW.format(table=table), transaction.tenant_id, olds, news
        )


def _of_compound(table: str, still: str) -> Callable[[Transaction, UUID], Awaitable[int]]:
    async def count(transaction: Transaction, compound_id: UUID) -> int:
        hanging: int = await transaction.connection.fetchval(
            f"select count(*) from {table} where tenant_id = $1 and compound_id = $2 and {still}",
            transaction.tenant_id,
            compound_id,
        )
        return hanging

    return count


def _of_compounds(table: str, still: str) -> Mapping[str, Any]:
    return {"compounds": _of_compound(table, still)}


DEPENDENTS += [
    Dependent(
        "未召开会议", "次", at_region=_at_region, follow=_follow,
        of=_of_compounds("meetings", "state = 'PLANNED'"),
    ),
    Dependent(
        "待续排的会议系列", "个",
        of=_of_compounds("meeting_series", "ended_on is null and held_back > 0"),
    ),
    Dependent("未截止的业主共同决定", "次", of=_of_compounds("owners_votes", "state = 'OPEN'")),
    Dependent("未截止的入户表决", "次", of=_of_compounds("household_polls", "state = 'OPEN'")),
]  # fmt: skip
