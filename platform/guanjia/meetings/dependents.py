"""What of meetings hangs on regions: the meetings of a community follow it."""

from __future__ import annotations

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


DEPENDENTS.append(Dependent("未召开会议", "次", at_region=_at_region, follow=_follow))
