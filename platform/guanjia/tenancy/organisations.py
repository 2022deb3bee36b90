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
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.tenancy.dependents import (
    DEPENDENTS,
    Became,
    Dependent,
    hanging_on_organisation,
)
from guanjia.tenancy.models import OrganisationKind
from guanjia.tenancy.tenantfile import Department

MAX_NAME = 60
_SUFFIXES = (("街道", "街道办事处"), ("镇", "镇人民政府"), ("乡", "乡人民政府"))


def office_name(street: str) -> str:
    """The office of a street, town or township by its name: 四鹤街道 → 四鹤街道办事处."""
    for ending, full in _SUFFIXES:
        if street.endswith(ending):
            return street.removesuffix(ending) + full
    return street + "管理机构"


async def follow_regions(
    transaction: Transaction,
    departments: Sequence[Department] = (),
) -> int:
    """Each street has its office, each community its organisation, the district these departments.

    Names follow renamed regions; those of closed regions are inactive. Returns how many rows
    changed: 0 when there was nothing to do.
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
    changed = await _rename(transaction, [w for w in wanted if w[0] != "DEPARTMENT"])
    changed += _count(
        await transaction.connection.execute(
            "insert into organisations (id, kind, name, region_id, region_path)"
            " select i, k, n, r, p from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[],"
            " $5::text[]) u(i, k, n, r, p) on conflict (tenant_id, kind, name, region_id)"
            " do nothing",
            [new_id() for _ in wanted],
            [kind for kind, _, _ in wanted],
            [name for _, name, _ in wanted],
            [region["id"] for _, _, region in wanted],
            [region["path"] for _, _, region in wanted],
        )
    )
    changed += _count(
        await transaction.connection.execute(
            "update organisations o set active = false, version = o.version + 1 from regions r"
            " where r.tenant_id = o.tenant_id and r.id = o.region_id and r.valid_to is not null"
            " and o.active and o.kind in ('STREET_OFFICE', 'COMMUNITY')"
        )
    )
    return changed


async def _follow(transaction: Transaction, became: Became) -> None:
    """Organisations go where their region went and keep their ids, so that their members and what
    was given to them stay with them. Where regions merged, only one office or community
    organisation can be the successor's; the others stay behind and become inactive."""
    await transaction.connection.execute(
        "update organisations o set region_id = r.id, region_path = r.path,"
        " version = o.version + 1"
        " from (select old, new, row_number() over (partition by new order by at) as place"
        "   from unnest($1::uuid[], $2::uuid[]) with ordinality u(old, new, at)) u"
        " join regions r on r.id = u.new"
        " where o.region_id = u.old and (case"
        "   when o.kind in ('STREET_OFFICE', 'COMMUNITY') then u.place = 1"
        "     and not exists (select 1 from organisations there"
        "       where there.region_id = u.new and there.kind = o.kind)"
        "   else not exists (select 1 from organisations there where there.region_id = u.new"
        "       and there.kind = o.kind and there.name = o.name) end)",
        [old for old, _ in became],
        [new for _, new in became],
    )


async def _rename(transaction: Transaction, wanted: Sequence[tuple[str, str, Any]]) -> int:
    return _count(
        await transaction.connection.execute(
            "update organisations o set name = u.n, version = o.version + 1"
            " from unnest($1::text[], $2::text[], $3::uuid[]) u(k, n, r)"
            " where o.kind = u.k and o.region_id = u.r and o.name <> u.n",
            [kind for kind, _, _ in wanted],
            [name for _, name, _ in wanted],
            [region["id"] for _, _, region in wanted],
        )
    )


def _count(status: str) -> int:
    """The number of rows in a command's status, for example 'INSERT 0 3'."""
    return int(status.rsplit(" ", 1)[1])


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
        raise Refusal(BAD_USER_INPUT, "街道和社区机构随区划自动建立,不能手工登记。", ("kind",))
    name = _checked(name)
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
        transaction, actor=actor, action="organisation.create", permission=scope.permission,
        object_type="Organisation", object_id=made, region_path=region["path"],
    )  # fmt: skip
    return made


async def rename_organisation(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    organisation_id: UUID | None,
    name: str,
    version: int,
) -> UUID:
    """A company or external party has this name. Returns its id."""
    row = await _reached(transaction, scope, organisation_id, version)
    name = _checked(name)
    if row["kind"] == OrganisationKind.DEPARTMENT:
        raise Refusal(BAD_USER_INPUT, "部门名称随租户文件变更。", ("id",))
    if await transaction.connection.fetchval(
        "select exists (select 1 from organisations where kind = $1 and name = $2"
        " and region_id = $3 and id <> $4)",
        row["kind"],
        name,
        row["region_id"],
        row["id"],
    ):
        raise Refusal(CONFLICT, "该区域已有同名机构。", ("name",))
    await transaction.connection.execute(
        "update organisations set name = $1, version = version + 1 where id = $2", name, row["id"]
    )
    return await _recorded(transaction, actor, "rename", row)


async def close_organisation(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    organisation_id: UUID | None,
    version: int,
) -> UUID:
    """The organisation is inactive; its past stays. Refused with the number of what it has still
    to do. Returns its id."""
    row = await _reached(transaction, scope, organisation_id, version)
    if hanging := await hanging_on_organisation(transaction, row["id"]):
        raise Refusal(
            "ORGANISATION_IN_USE",
            f"该机构尚有{'、'.join(hanging)},请先办结或改派。",
            ("id",),
        )
    await transaction.connection.execute(
        "update organisations set active = false, version = version + 1 where id = $1", row["id"]
    )
    return await _recorded(transaction, actor, "close", row)


async def _reached(
    transaction: Transaction, scope: Scope, organisation_id: UUID | None, version: int
) -> Any:
    """An active organisation inside a region of the scope that may be changed by hand, locked."""
    row = await transaction.connection.fetchrow(
        "select id, kind, name, region_id, region_path, version from organisations"
        " where id = $1 and active for update",
        organisation_id,
    )
    if row is None or not scope.covering(row["region_path"]):
        raise not_found("机构", "id")
    if row["kind"] in (OrganisationKind.STREET_OFFICE, OrganisationKind.COMMUNITY):
        raise Refusal(BAD_USER_INPUT, "街道和社区机构随区划变更。", ("id",))
    if row["version"] != version:
        raise Refusal(CONFLICT, "该机构已被他人修改,请刷新后重试。", ("version",))
    return row


async def _recorded(transaction: Transaction, actor: Recorded, verb: str, row: Any) -> UUID:
    await record(
        transaction, actor=actor, action=f"organisation.{verb}", permission="organisation:manage",
        object_type="Organisation", object_id=row["id"], region_path=row["region_path"],
    )  # fmt: skip
    found: UUID = row["id"]
    return found


async def _at_region(transaction: Transaction, path: str) -> int:
    count: int = await transaction.connection.fetchval(
        "select count(*) from organisations where region_path = $1 and active", path
    )
    return count


DEPENDENTS.append(Dependent("机构", "个", at_region=_at_region, follow=_follow))


def _checked(given: str) -> str:
    name = unicodedata.normalize("NFKC", given).strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise Refusal(BAD_USER_INPUT, f"机构名称须为 1 到 {MAX_NAME} 个字。", ("name",))
    return name
