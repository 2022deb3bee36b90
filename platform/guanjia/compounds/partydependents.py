"""What of the parties hangs on regions and organisations: a party organisation follows its region,
and a company at work keeps its organisation open."""

from __future__ import annotations

from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.tenancy.dependents import DEPENDENTS, Became, Dependent


async def _at_region(transaction: Transaction, path: str) -> int:
    count: int = await transaction.connection.fetchval(
        "select count(*) from party_organisations o join regions r on r.tenant_id = o.tenant_id"
        " and r.id = o.region_id where o.tenant_id = $1 and r.path = $2 and o.dissolved_on is null",
        transaction.tenant_id,
        path,
    )
    return count


async def _follow(transaction: Transaction, became: Became) -> None:
    """A party organisation is at the successor of its region; of several at the first."""
    await transaction.connection.execute(
        "update party_organisations o set region_id = moved.new, version = o.version + 1"
        " from (select distinct on (old) old, new from unnest($2::uuid[], $3::uuid[])"
        " with ordinality u(old, new, n) order by old, n) moved"
        " where o.tenant_id = $1 and o.region_id = moved.old and o.dissolved_on is null",
        transaction.tenant_id,
        [old for old, _ in became],
        [new for _, new in became],
    )


async def _contracts(transaction: Transaction, organisation_id: UUID) -> int:
    count: int = await transaction.connection.fetchval(
        "select count(*) from property_contracts t join property_companies p"
        " on p.tenant_id = t.tenant_id and p.id = t.company_id"
        " where t.tenant_id = $1 and p.organisation_id = $2 and (t.ends_on is null"
        " or t.ends_on >= (now() at time zone 'Asia/Shanghai')::date)",
        transaction.tenant_id,
        organisation_id,
    )
    return count


async def _across(transaction: Transaction, organisation_id: UUID) -> int:
    count: int = await transaction.connection.fetchval(
        "select count(*) from cross_appointments where tenant_id = $1 and valid_to is null"
        " and $2 in (from_organisation_id, to_organisation_id)",
        transaction.tenant_id,
        organisation_id,
    )
    return count


DEPENDENTS.append(Dependent("党组织", "个", at_region=_at_region, follow=_follow))
DEPENDENTS.append(Dependent("未到期物业服务合同", "份", of_organisation=_contracts))
DEPENDENTS.append(Dependent("在任交叉任职", "项", of_organisation=_across))
