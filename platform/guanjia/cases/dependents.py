"""What of cases hangs on regions and organisations: nothing open is left behind a closed door,
and open cases follow their region."""

from __future__ import annotations

from uuid import UUID

from guanjia.audit.service import record
from guanjia.cases.states import FINISHED, TERMINAL
from guanjia.cases.transitions import SURVEYED
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.reading.mapping import TODAY
from guanjia.surveys.service.opening import follow_subjects
from guanjia.tenancy.dependents import DEPENDENTS, Became, Dependent

_ENDED = ", ".join(f"'{state}'" for state in sorted(TERMINAL))
_DONE = ", ".join(f"'{state}'" for state in sorted(FINISHED))
# Without a day of beginning a row has always been in force; one that ends on the day on which it
# begins never was.
_STANDS = (
    f"(t.valid_until is null or t.valid_until > {TODAY}"
    " and t.valid_until is distinct from t.valid_from)"
)
_SUCCEEDED = (
    "select t.*, n.id as new_region, n.path as new_path from unnest($1::uuid[], $2::uuid[])"
    " with ordinality u(old, new, at) join case_routings t on t.region_id = u.old"
    f" join regions n on n.id = u.new where {_STANDS} order by u.at, t.id"
)
_PLACED = (
    ("case_assignments", "region_path"),
    ("task_links", "region_path"),
    ("case_suspensions", "region_path"),
    ("case_extensions", "region_path"),
    ("case_events", "current_path"),
)


async def _at_region(transaction: Transaction, path: str) -> int:
    count: int = await transaction.connection.fetchval(
        f"select count(*) from cases where region_path = $1 and state not in ({_ENDED})",
        path,
    )
    return count


async def _of_organisation(transaction: Transaction, organisation_id: UUID) -> int:
    count: int = await transaction.connection.fetchval(
        "select count(*) from case_assignments a join cases c on c.id = a.case_id"
        " where a.organisation_id = $1 and a.active"
        f" and c.state not in ({_DONE})",
        organisation_id,
    )
    return count


async def _follow(transaction: Transaction, became: Became) -> None:
    """Every case that has not ended lies in the successor of its region, or of the nearest region
    around it that has one. Its events tell what happened as they did before; they are reached
    where the case is. Ended cases stay where they were, within reach of the region above."""
    connection, tenant = transaction.connection, transaction.tenant_id
    moved = await connection.fetch(
        "update cases c set region_id = n.new_id, region_path = n.new_path from ("
        " select distinct on (x.id) x.id, new.id as new_id, new.path as new_path"
        " from unnest($2::uuid[], $3::uuid[]) u(old, new)"
        " join regions old on old.tenant_id = $1 and old.id = u.old"
        " join regions new on new.tenant_id = $1 and new.id = u.new"
        " join cases x on x.tenant_id = $1 and x.region_path >= old.path"
        "  and x.region_path < left(old.path, -1) || '0'"
        f" where x.state not in ({_ENDED}) order by x.id, length(old.path) desc) n"
        " where c.tenant_id = $1 and c.id = n.id returning c.id",
        tenant,
        [old for old, _ in became],
        [new for _, new in became],
    )
    if not moved:
        return
    ids = [row["id"] for row in moved]
    for table, column in _PLACED:
        await connection.execute(
            f"update {table} p set {column} = c.region_path from cases c where p.tenant_id = $1"
            " and p.case_id = any($2) and c.tenant_id = p.tenant_id and c.id = p.case_id",
            tenant,
            ids,
        )
    await follow_subjects(transaction, SURVEYED, "cases")
    # What was counted before stays counted where it lay then.
    await connection.execute(
        "select move_case_outcome(c) from cases c where c.tenant_id = $1 and c.id = any($2)",
        tenant,
        ids,
    )
    await record(
        transaction,
        action="case.follow_regions",
        object_type="Case",
        detail={"moved": len(ids)},
    )


async def _routed_to(transaction: Transaction, organisation_id: UUID) -> int:
    count: int = await transaction.connection.fetchval(
        f"select count(*) from case_routings t where t.organisation_id = $1 and {_STANDS}",
        organisation_id,
    )
    return count


async def _routing_follows(transaction: Transaction, became: Became) -> None:
    """The rows of a region end today and go on in its successors until they would have ended;
    where two of them would meet in one, that of the first region goes on."""
    connection = transaction.connection
    old = [one for one, _ in became]
    going_on = await connection.fetch(_SUCCEEDED, old, [new for _, new in became])
    ended = await connection.fetch(
        f"update case_routings t set valid_until = greatest(t.valid_from, {TODAY}),"
        f" reason = '区划变更', version = t.version + 1 where t.region_id = any($1) and {_STANDS}"
        " returning t.id",
        old,
    )
    if not ended:
        return
    for row in going_on:
        await connection.execute(
            "insert into case_routings (id, category_id, region_id, region_path, basis, role,"
            " level, organisation_id, party_kind, valid_from, valid_until, source, created_at)"
            " select $1, t.category_id, $3, $4, t.basis, t.role, t.level, t.organisation_id,"
            f" t.party_kind, greatest(t.valid_from, {TODAY}), $5, t.source, now()"
            " from case_routings t where t.id = $2 on conflict do nothing",
            new_id(),
            row["id"],
            row["new_region"],
            row["new_path"],
            row["valid_until"],
        )
    await record(
        transaction,
        action="case_routing.follow_regions",
        object_type="CaseRouting",
        detail={"ended": len(ended)},
    )


DEPENDENTS.append(Dependent("未归档案件", "件", at_region=_at_region, follow=_follow))
DEPENDENTS.append(Dependent("未办结案件", "件", of_organisation=_of_organisation))
DEPENDENTS.append(Dependent("派遣路由", "条", of_organisation=_routed_to, follow=_routing_follows))
