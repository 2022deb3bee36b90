"""Organisations: those that follow from the region tree, departments, and companies."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded, record
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import CONFLICT, Refusal, not_found
from guanjia.tenancy.tenantfile import Department

MAX_NAME = 60
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


async def _rename(transaction: Transaction, wanted: Sequence[tuple[str, str, Any]]) -> None:
    await transaction.connection.execute(
        "update organisations o set name = u.n, version = o.version + 1"
        " from unnest($1::text[], $2::text[], $3::uuid[]) u(k, n, r)"
        " where o.kind = u.k and o.region_id = u.r and o.name <> u.n",
        [kind for kind, _, _ in wanted],
        [name for _, name, _ in wanted],
        [region["id"] for _, _, region in wanted],
    )


async def create_company(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    kind: str,
    name: str,
    region_id: UUID | None,
) -> UUID:
    """A property company or an external party at a region of the scope. Returns its id."""
    if kind not in ("PROPERTY_COMPANY", "EXTERNAL_PARTY", "DEPARTMENT"):
        raise Refusal("BAD_USER_INPUT", "街道和社区机构随区划自动建立,不能手工登记。", ("kind",))
    name = unicodedata.normalize("NFKC", name).strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise Refusal("BAD_USER_INPUT", f"机构名称须为 1 到 {MAX_NAME} 个字。", ("name",))
    region = await transaction.connection.fetchrow(
        "select id, path from regions where id = $1 and valid_to is null", region_id
    )
    if region is None or not scope.covering(region["path"]):
        raise not_found("区域", "regionId")
    made: UUID | None = await transaction.connection.fetchval(
        "insert into organisations (id, kind, name, region_id, region_path)"
        " values ($1, $2, $3, $4, $5) on conflict do nothing returning id",
        new_id(),
        kind,
        name,
        region["id"],
        region["path"],
    )
    if made is None:
        raise Refusal(CONFLICT, "该区域已有同名机构。", ("name",))
    await record(
        transaction, actor=actor, action="organisation.create", permission="organisation:manage",
        object_type="Organisation", object_id=made, region_path=region["path"],
    )  # fmt: skip
    return made
