"""What of whistles hangs on regions and organisations: it lies where its case does."""

from __future__ import annotations

from uuid import UUID

from guanjia.cases import dependents as dependents  # cases follow first
from guanjia.db.pools import Transaction
from guanjia.tenancy.dependents import DEPENDENTS, Became, Dependent
from guanjia.whistles.service.outcomes import keep_outcomes
from guanjia.whistles.states import OPEN

_WAITING = ", ".join(f"'{state}'" for state in sorted(OPEN))
_TABLES = ("whistles", "escalations", "joint_tasks")
_PARTS = ("whistle_calls", "whistle_sign_ins")


async def _of_organisation(transaction: Transaction, organisation_id: UUID) -> int:
    count: int = await transaction.connection.fetchval(
        "select count(*) from whistle_calls c join whistles w on w.tenant_id = c.tenant_id"
        " and w.id = c.whistle_id where c.tenant_id = $1 and c.organisation_id = $2"
        f" and w.state in ({_WAITING})",
        transaction.tenant_id,
        organisation_id,
    )
    return count


async def _tasks(transaction: Transaction, organisation_id: UUID) -> int:
    count: int = await transaction.connection.fetchval(
        "select count(*) from joint_tasks where tenant_id = $1 and organisation_id = $2"
        " and done_at is null",
        transaction.tenant_id,
        organisation_id,
    )
    return count


async def _follow(transaction: Transaction, became: Became) -> None:
    """Whistles and escalations lie where their case lies now, and are those of the successor of
    the region that sounded them."""
    connection, tenant = transaction.connection, transaction.tenant_id
    for table in _TABLES:
        await connection.execute(
            f"update {table} x set region_path = c.region_path from cases c where x.tenant_id = $1"
            " and c.tenant_id = $1 and c.id = x.case_id and x.region_path <> c.region_path",
            tenant,
        )
    for table in _PARTS:
        moved = await connection.fetch(
            f"update {table} x set region_path = w.region_path from whistles w"
            " where x.tenant_id = $1 and w.tenant_id = $1 and w.id = x.whistle_id"
            " and x.region_path <> w.region_path returning x.whistle_id",
            tenant,
        )
        now = await connection.fetchval("select now()")
        await keep_outcomes(transaction, [row["whistle_id"] for row in moved], now)
    await connection.execute(
        "update whistles w set from_region_id = u.new from (select distinct on (old) old, new"
        " from unnest($2::uuid[], $3::uuid[]) with ordinality u(old, new, n) order by old, n) u"
        f" where w.tenant_id = $1 and w.from_region_id = u.old and w.state in ({_WAITING})",
        tenant,
        [old for old, _ in became],
        [new for _, new in became],
    )


DEPENDENTS.append(Dependent("未了结的哨", "个", of_organisation=_of_organisation, follow=_follow))
DEPENDENTS.append(Dependent("联席会议任务", "项", of_organisation=_tasks))
