"""Which compound a point lies in, as far as outlines are drawn."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from guanjia.compounds.boundaries import encloses
from guanjia.compounds.points import Point


async def compound_around(
    connection: Any, tenant_id: UUID, community_path: str, point: Point
) -> UUID | None:
    """The active compound of the community whose outline holds the point."""
    rows = await connection.fetch(
        # A compound without an outline has no corners either.
        "select id, boundary::text as boundary from compounds where tenant_id = $1 and active"
        " and community_path = $2 and west <= $3 and east >= $3 and south <= $4 and north >= $4"
        " order by id",
        tenant_id,
        community_path,
        point.longitude,
        point.latitude,
    )
    for row in rows:
        if encloses(row["boundary"], point.longitude, point.latitude):
            found: UUID = row["id"]
            return found
    return None
