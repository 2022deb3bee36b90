"""Who looks after a building on a day: whoever is granted the grid that covers it."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from guanjia.tenancy.models import LOCAL

_GRID_MEMBERS = """
select m.id, m.display_name, g.role, r.id as grid_id, greatest(g.valid_from,
    gb.valid_from::timestamp at time zone 'Asia/Shanghai') as since
from grid_buildings gb
join regions r on r.tenant_id = $1 and r.id = gb.grid_id
join grants g on g.tenant_id = $1 and g.region_id = gb.grid_id and g.role in ('GRID', 'BLD')
join memberships m on m.tenant_id = $1 and m.id = g.membership_id
where gb.tenant_id = $1 and gb.building_id = $2
  and gb.valid_from <= $3 and (gb.valid_to is null or gb.valid_to > $3)
  and g.valid_from < $5 and (g.valid_to is null or g.valid_to > $4)
  and (g.revoked_at is null or g.revoked_at > $4)
order by g.role, m.display_name, g.id
"""


async def grid_members(
    connection: Any, tenant_id: UUID, building_id: UUID, day: dt.date | None, now: dt.datetime
) -> list[Any]:
    """The grid members of the building at some time of that local day, or now."""
    local = day or now.astimezone(LOCAL).date()
    begins = dt.datetime.combine(local, dt.time(), LOCAL) if day else now
    # Now is a moment; what ends in it has ended, what begins in it has begun.
    ends = begins + (dt.timedelta(days=1) if day else dt.timedelta(microseconds=1))
    rows: list[Any] = await connection.fetch(
        _GRID_MEMBERS, tenant_id, building_id, local, begins, ends
    )
    return rows
