"""What of persons hangs on regions: who lives in one that moves lives in its successor."""

from __future__ import annotations

from guanjia.db.pools import Transaction
from guanjia.tenancy.dependents import DEPENDENTS, Became, Dependent


async def _at_region(transaction: Transaction, path: str) -> int:
    count: int = await transaction.connection.fetchval(
        "select count(*) from persons where region_path = $1"
        " and merged_into_id is null and erased_at is null",
        path,
    )
    return count


async def _follow(transaction: Transaction, became: Became) -> None:
    """Who lived in a region that moved lives in its successor; of several in the first."""
    await transaction.connection.execute(
        "update persons p set region_id = r.id, region_path = r.path, version = p.version + 1"
        " from (select distinct on (old) old, new from unnest($1::uuid[], $2::uuid[])"
        " with ordinality u(old, new, n) order by old, n) moved join regions r on r.id = moved.new"
        " where p.region_id = moved.old",
        [old for old, _ in became],
        [new for _, new in became],
    )


DEPENDENTS.append(Dependent("登记居民", "人", at_region=_at_region, follow=_follow))
