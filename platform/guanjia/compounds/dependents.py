"""What of compounds hangs on regions: a building lies in its grid, and follows it."""

from __future__ import annotations

from guanjia.compounds.service.buildings import FOLLOWING
from guanjia.db.pools import Transaction
from guanjia.tenancy.dependents import DEPENDENTS, Became, Dependent

_TODAY = "(now() at time zone 'Asia/Shanghai')::date"
# The successor of a row's region, or of the nearest region around it that has one.
_NEAREST = (
    "update {table} c set region_id = n.new_id, region_path = n.new_path, version = c.version + 1"
    " from (select distinct on (x.id) x.id, new.id as new_id, new.path as new_path"
    " from unnest($2::uuid[], $3::uuid[]) with ordinality u(old, new, n)"
    " join regions old on old.tenant_id = $1 and old.id = u.old"
    " join regions new on new.tenant_id = $1 and new.id = u.new"
    " join {table} x on x.tenant_id = $1 and x.region_path >= old.path"
    "  and x.region_path < left(old.path, -1) || '0'"
    " order by x.id, length(old.path) desc, u.n) n where c.tenant_id = $1 and c.id = n.id"
)
_MOVED = (
    "(select distinct on (u.old) u.old, r.id from unnest($2::uuid[], $3::uuid[])"
    " with ordinality u(old, new, n) join regions r on r.tenant_id = $1 and r.id = u.new"
    " order by u.old, u.n) moved"
)
_COVERED = "g.tenant_id = $1 and g.grid_id = moved.old and g.valid_to is null"
_COVERS = (
    # A cover that began today goes on under the successor; an older one ends, and goes on there.
    f"update grid_buildings g set grid_id = moved.id from {_MOVED}"
    f" where {_COVERED} and g.valid_from >= {_TODAY}",
    f"with ended as (update grid_buildings g set valid_to = {_TODAY} from {_MOVED}"
    f" where {_COVERED} returning g.building_id, moved.id as grid_id)"
    " insert into grid_buildings (id, building_id, grid_id, valid_from)"
    f" select gen_random_uuid(), building_id, grid_id, {_TODAY} from ended",
)


async def _at_region(transaction: Transaction, path: str) -> int:
    count: int = await transaction.connection.fetchval(
        "select count(*) from buildings where tenant_id = $1 and region_path = $2 and active",
        transaction.tenant_id,
        path,
    )
    return count


async def _follow(transaction: Transaction, became: Became) -> None:
    """Compounds, buildings and cross-appointments lie in the successor of their region, all that is
    in a building with it, and the successor covers what its predecessor did. Numbers stay."""
    connection, tenant = transaction.connection, transaction.tenant_id
    olds, news = [old for old, _ in became], [new for _, new in became]
    for table in ("compounds", "buildings", "cross_appointments"):
        await connection.execute(_NEAREST.format(table=table), tenant, olds, news)
    for statement in _COVERS:
        await connection.execute(statement, tenant, olds, news)
    for table in FOLLOWING:
        await connection.execute(
            f"update {table} x set region_path = b.region_path from buildings b"
            " where x.tenant_id = $1 and b.tenant_id = $1 and b.id = x.building_id"
            " and x.region_path <> b.region_path",
            tenant,
        )


DEPENDENTS.append(Dependent("有效楼栋", "幢", at_region=_at_region, follow=_follow))
