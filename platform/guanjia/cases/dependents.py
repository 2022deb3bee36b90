"""What of cases hangs on regions and organisations: nothing open is left behind a closed door."""

from __future__ import annotations

from uuid import UUID

from guanjia.cases.states import FINISHED
from guanjia.db.pools import Transaction
from guanjia.tenancy.dependents import DEPENDENTS, Dependent

_FINISHED = sorted(FINISHED)


async def _at_region(transaction: Transaction, path: str) -> int:
    count: int = await transaction.connection.fetchval(
        "select count(*) from cases where region_path = $1 and not state = any($2)",
        path,
        _FINISHED,
    )
    return count


async def _of_organisation(transaction: Transaction, organisation_id: UUID) -> int:
    count: int = await transaction.connection.fetchval(
        "select count(*) from case_assignments a join cases c on c.id = a.case_id"
        " where a.organisation_id = $1 and a.active and not c.state = any($2)",
        organisation_id,
        _FINISHED,
    )
    return count


DEPENDENTS.append(
    Dependent("未办结案件", "件", at_region=_at_region, of_organisation=_of_organisation)
)
