"""Grids and organisations that people make: inside their region, one at a time, never by halves."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from guanjia.db.ids import new_id
from guanjia.db.pools import Database, Transaction
from guanjia.db.scope import Reach, Scope
from guanjia.graph.errors import Refusal
from guanjia.tenancy import organisations, regions
from guanjia.tenancy.regionplan import plan
from guanjia.tenancy.regiontree import Entry

TODAY = dt.date(2026, 3, 2)


@dataclass(frozen=True)
class Somebody:
    membership_id: UUID = field(default_factory=new_id)
    display_name: str = "测试员"
    session_id: UUID | None = None


ME = Somebody()


def at(path: str) -> Scope:
    return Scope("region:manage", (Reach("region", path=path),))


async def refused(work: Any) -> Refusal:
    with pytest.raises(Refusal) as raised:
        await work
    return raised.value


def new_grid(
    transaction: Transaction, scope: Scope, community: UUID, sequence: int, name: str = "新网格"
) -> Any:
    return regions.create_grid(
        transaction, ME, scope, community_id=community, name=name, sequence=sequence, today=TODAY
    )


def close(
    transaction: Transaction, scope: Scope, grid: UUID, version: int, into: UUID | None = None
) -> Any:
    return regions.close_grid(
        transaction, ME, scope, grid_id=grid, version=version, successor_id=into, today=TODAY
    )


async def test_grid_is_made_renamed_and_closed(database: Database, tenant: Any) -> None:
    community = tenant.regions["north1"]
    scope = at(tenant.regions["north"].path)
    async with database.tenant_transaction(tenant.id) as transaction:
        made = await new_grid(transaction, scope, community.id, 901, " 园区1网格 ")
        select = "select * from regions where id = $1"
        row = await transaction.connection.fetchrow(select, made)
        assert row["code"] == community.code + "901"
        assert (row["name"], row["grid_kind"]) == ("园区1网格", "DEDICATED")
        assert row["path"].startswith(community.path)
        assert len(row["path"]) == 20
        await regions.rename_grid(
            transaction, ME, scope, grid_id=made, name="北园区", version=1, today=TODAY
        )
        error = await refused(close(transaction, scope, made, 1))
        assert (error.code, error.field) == ("CONFLICT", ("version",))
        await close(transaction, scope, made, 2)
        closed = await transaction.connection.fetchrow(select, made)
        assert (closed["name"], closed["valid_to"]) == ("北园区", TODAY)
        assert closed["path"] == row["path"]
        again = await new_grid(transaction, scope, community.id, 901)
        assert again != made, "a closed grid's number may be used again, its past is not"


async def test_each_day_has_its_name(database: Database, tenant: Any) -> None:
    """Of several names of one day the last is that day's; one of less than a day is none's."""
    grid = tenant.regions["north1grid"]
    day = dt.timedelta(days=1)
    async with database.tenant_transaction(tenant.id) as transaction:
        for name, when in (
            ("东园", TODAY), ("误录", TODAY), ("西园", TODAY), ("西园", TODAY + day),
            ("南园", TODAY + 9 * day),
        ):  # fmt: skip
            await regions.rename_regions(transaction, [(grid.id, name)], when)
        kept = await transaction.connection.fetch(
            "select name, valid_to from region_former_names where region_id = $1 order by valid_to",
            grid.id,
        )
        now = await transaction.connection.fetchval(
            "select name from regions where id = $1", grid.id
        )
    assert [tuple(row) for row in kept] == [
        ("测试north1grid", TODAY),
        ("西园", TODAY + 9 * day),
    ]
    assert now == "南园"


async def test_a_newer_file_leaves_the_old_names_behind(database: Database, tenant: Any) -> None:
    async with database.tenant_transaction(tenant.id) as transaction:
        await regions.lock_tree(transaction)
        current = await regions.in_force(transaction)
        codes = {region.id: region.code for region in current}
        street = tenant.regions["north"]
        wanted = [
            Entry(
                0, r.level, r.code, "北街道" if r.id == street.id else r.name,
                codes[r.parent_id] if r.parent_id else None,
            )
            for r in current if r.level != "GRID"
        ]  # fmt: skip
        await regions.apply_plan(transaction, plan(current, wanted), TODAY)
        kept = await transaction.connection.fetch("select * from region_former_names")
    assert [(row["region_id"], row["name"], row["valid_to"]) for row in kept] == [
        (street.id, "测试north", TODAY)
    ]


@pytest.mark.parametrize(
    ("sequence", "name", "code"),
    [
        (0, "网格", "BAD_USER_INPUT"),
        (900, "网格", "BAD_USER_INPUT"),
        (1000, "网格", "BAD_USER_INPUT"),
        (1, "网格", "CONFLICT"),
        (2, "", "BAD_USER_INPUT"),
        (2, "长" * 10_000, "BAD_USER_INPUT"),
        (2, "网\x00格", "BAD_USER_INPUT"),
    ],
)
async def test_bad_grids_are_refused(
    database: Database, tenant: Any, sequence: int, name: str, code: str
) -> None:
    community = tenant.regions["north1"]
    async with database.tenant_transaction(tenant.id) as transaction:
        error = await refused(
            new_grid(transaction, at(community.path), community.id, sequence, name)
        )
    assert error.code == code


async def test_grids_are_made_inside_communities_of_the_scope_only(
    database: Database, tenant: Any
) -> None:
    north, south = tenant.regions["north"], tenant.regions["south1"]
    async with database.tenant_transaction(tenant.id) as transaction:
        for scope, region, code in (
            (at(north.path), south.id, "NOT_FOUND"),
            (at(north.path), new_id(), "NOT_FOUND"),
            (at(north.path), None, "NOT_FOUND"),
            (Scope("region:manage"), tenant.regions["north1"].id, "NOT_FOUND"),
            (at(north.path), north.id, "BAD_USER_INPUT"),
        ):
            assert (await refused(new_grid(transaction, scope, region, 5))).code == code
        error = await refused(
            regions.rename_grid(
                transaction,
                ME,
                at(north.path),
                grid_id=north.id,
                name="街道",
                version=1,
                today=TODAY,
            )
        )
        assert error.code == "BAD_USER_INPUT", "streets change with the district's file only"


async def test_grids_made_at_once_get_paths_of_their_own(database: Database, tenant: Any) -> None:
    community = tenant.regions["north1"]

    async def make(sequence: int) -> None:
        async with database.tenant_transaction(tenant.id) as transaction:
            await new_grid(transaction, at(community.path), community.id, sequence)

    await asyncio.gather(*(make(sequence) for sequence in range(10, 16)))
    results = await asyncio.gather(make(20), make(20), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "Refusal"]
    async with database.tenant_transaction(tenant.id) as transaction:
        paths = await transaction.connection.fetch("select path from regions")
    assert len({row["path"] for row in paths}) == len(paths)


async def test_company_is_made_renamed_and_closed(database: Database, tenant: Any) -> None:
    north, south = tenant.regions["north"], tenant.regions["south"]
    scope = at(north.path)
    async with database.tenant_transaction(tenant.id) as transaction:

        def make(name: str, region: UUID = north.id, kind: str = "PROPERTY_COMPANY") -> Any:
            return organisations.create_company(
                transaction, ME, scope, kind=kind, name=name, region_id=region
            )

        made = await make("安居物业")
        assert (await refused(make("安居物业"))).code == "CONFLICT"
        assert (await refused(make("安居物业", south.id))).code == "NOT_FOUND"
        assert (await refused(make("社区", kind="COMMUNITY"))).code == "BAD_USER_INPUT"
        other = await make("宜居物业")

        def rename(organisation: UUID, name: str, version: int, within: Scope = scope) -> Any:
            return organisations.rename_organisation(
                transaction, ME, within,
                organisation_id=organisation, name=name, version=version,
            )  # fmt: skip

        assert (await refused(rename(other, "安居物业", 1))).code == "CONFLICT"
        assert (await refused(rename(made, "新名", 2))).code == "CONFLICT"
        assert (await refused(rename(made, "新名", 1, at(south.path)))).code == "NOT_FOUND"
        await rename(made, "安居物业服务", 1)
        await organisations.close_organisation(
            transaction, ME, scope, organisation_id=made, version=2
        )
        assert (await refused(rename(made, "新名", 3))).code == "NOT_FOUND"


async def test_offices_follow_the_tree_and_nothing_else(database: Database, tenant: Any) -> None:
    district = at(tenant.regions["district"].path)
    async with database.tenant_transaction(tenant.id) as transaction:
        assert await organisations.follow_regions(transaction) == 6
        assert await organisations.follow_regions(transaction) == 0
        office = await transaction.connection.fetchval(
            "select id from organisations where kind = 'STREET_OFFICE' limit 1"
        )
        error = await refused(
            organisations.close_organisation(
                transaction, ME, district, organisation_id=office, version=1
            )
        )
    assert error.code == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("street", "office"),
    [
        ("四鹤街道", "四鹤街道办事处"),
        ("来舟镇", "来舟镇人民政府"),
        ("巨口乡", "巨口乡人民政府"),
        ("四方山农场", "四方山农场管理机构"),
    ],
)
def test_office_names(street: str, office: str) -> None:
    assert organisations.office_name(street) == office
