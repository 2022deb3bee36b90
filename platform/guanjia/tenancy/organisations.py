"""Organisations: those that follow from the region tree, departments, and companies."""

from __future__ import annotations

from collections.abc import Sequence

from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.tenancy.tenantfile import Department

_SUFFIXES = (("街道", "街道办事处"), ("镇", "镇人民政府"), ("乡", "乡人民政府"))


def office_name(street: str) -> str:
    """The office of a street, town or township by its name: 四鹤街道 → 四鹤街道办事处."""
    for ending, full in _SUFFIXES:
        if street.endswith(ending):
            return street.removesuffix(ending) + full
    return street + "管理机构"


async def follow_regions(transaction: Transaction, departments: Sequence[Department]) -> None:
    """Each street has its office, each community its organisation, the district its departments.

    Names follow renamed regions; organisations of closed regions are inactive; nothing is doubled.
    """
    regions = await transaction.connection.fetch(
        "select id, level, name, path from regions where valid_to is null"
        " and level in ('DISTRICT', 'STREET', 'COMMUNITY')"
    )
    wanted = []
    for region in regions:
        if region["level"] == "STREET":
            wanted.append(("STREET_OFFICE", office_name(region["name"]), region))
        elif region["level"] == "COMMUNITY":
            wanted.append(("COMMUNITY", region["name"], region))
        else:
            wanted += [("DEPARTMENT", d.name, region) for d in departments]
    await _rename(transaction, [w for w in wanted if w[0] != "DEPARTMENT"])
    await transaction.connection.execute(
        "insert into organisations (id, kind, name, region_id, region_path)"
        " select i, k, n, r, p from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[],"
        " $5::text[]) u(i, k, n, r, p) on conflict (tenant_id, kind, name, region_id) do nothing",
        [new_id() for _ in wanted],
        [kind for kind, _, _ in wanted],
        [name for _, name, _ in wanted],
        [region["id"] for _, _, region in wanted],
        [region["path"] for _, _, region in wanted],
    )
    await transaction.connection.execute(
        "update organisations o set active = false, version = o.version + 1 from regions r"
        " where r.tenant_id = o.tenant_id and r.id = o.region_id and r.valid_to is not null"
        " and o.active and o.kind in ('STREET_OFFICE', 'COMMUNITY')"
    )


async def _rename(transaction: Transaction, wanted: Sequence[tuple[str, str, object]]) -> None:
    await transaction.connection.execute(
        "update organisations o set name = u.n, version = o.version + 1"
        " from unnest($1::text[], $2::text[], $3::uuid[]) u(k, n, r)"
        " where o.kind = u.k and o.region_id = u.r and o.name <> u.n",
        [kind for kind, _, _ in wanted],
        [name for _, name, _ in wanted],
        [region["id"] for _, _, region in wanted],  # type: ignore[index]  # a database record
    )
