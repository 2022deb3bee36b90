"""The census (摸底) of a region: its numbers, whom it is for, and the workbook."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from python_calamine import load_workbook
from tests.api.test_plans import astray, explained
from tests.compounds.test_partyorganisations import founded

from guanjia.compounds.censusexport import COLUMNS
from guanjia.compounds.service.census import census_at
from guanjia.db.ids import new_id

COUNTS = (
    "compounds households areaM2 projects companies qualifiedCompanies companyPartyMembers"
    " branches companyBranches partyMembers withoutCompany withoutCommittee withoutBranch"
)
WHOLE = (
    "query ($r: ID!, $d: Date, $g: [CensusGap!]) { propertyCensus(regionId: $r, asOf: $d) { asOf"
    f" totals {{ {COUNTS} }} communities {{ name code counts {{ {COUNTS} }} }}"
    " compounds(lacking: $g) { id name households company contractTo committeeUntil branches gaps"
    " } } }"
)
TODAY = "select (now() at time zone 'Asia/Shanghai')::date"
ADDING = set(COUNTS.split()) - {"companies", "qualifiedCompanies", "companyPartyMembers"}


async def taken(who: Any, town: Any, region: str, **given: Any) -> Any:
    variables = {"r": str(town.tenant.regions[region].id), **given}
    return (await who.data(WHOLE, variables))["propertyCensus"]


async def compound(town: Any, name: str, at: str, **values: Any) -> str:
    place, made = town.tenant.regions[at], new_id()
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into compounds (id, name, region_id, region_path, management_mode, search_text,"
            " household_count, area_m2) values ($1, $2, $3, $4, 'SELF_MANAGED', $2, $5, $6)",
            made, name, place.id, place.path, values.get("households"), values.get("area"),
        )  # fmt: skip
    return str(made)


@pytest.fixture
async def street(place: Any) -> Any:
    """North has three compounds: 珑樾台 with all parties; one that the same company serves; one
    that nobody looks after, with a home."""
    town = place.town
    second = await compound(town, "二小区", "north2", households=200, area=9000)
    await compound(town, "三小区", "north2", area=1000)
    await compound(town, "南小区", "south1", households=999)
    company = await place.company(partyMembers=4, qualification="二级(演示)")
    leader = await town.person("SLEAD", "north")
    for where, ends in ((place.compound, None), (second, "2026-06-30")):
        signed = await place.do(
            "signContract", "contract { id }", leader, compoundId=where, companyId=company,
            startsOn="2025-01-01", endsOn=ends,
        )  # fmt: skip
        assert signed["userErrors"] == []
    await place.do(
        "electCommittee", "committee { id }", compoundId=place.compound, electedOn="2026-01-10",
        termTo="2125-01-09",
    )  # fmt: skip
    await founded(place, kind="COMMUNITY_COMMITTEE", name="社区党委", fullMembers=60)
    await founded(
        place, kind="COMPANY_BRANCH", name="物业党支部", companyId=company, fullMembers=4,
        establishedOn="2025-06-01",
    )  # fmt: skip
    return leader


async def test_the_numbers_of_a_street_add_up(place: Any, street: Any) -> None:
    found = await taken(street, place.town, "north", d="2026-06-30")
    assert found["totals"] == {
        "compounds": 3, "households": 200, "areaM2": 10000, "projects": 2, "companies": 1,
        "qualifiedCompanies": 1, "companyPartyMembers": 4, "branches": 1, "companyBranches": 1,
        "partyMembers": 4, "withoutCompany": 1, "withoutCommittee": 2, "withoutBranch": 1,
    }  # fmt: skip
    for name in ADDING:
        parts = [community["counts"][name] for community in found["communities"]]
        assert sum(parts) == found["totals"][name], name
    # The company works in both communities, and is one.
    assert [c["counts"]["companies"] for c in found["communities"]] == [1, 1]
    listed = {c["name"]: c for c in found["compounds"]}
    assert set(listed) == {"珑樾台", "二小区", "三小区"}
    assert listed["珑樾台"]["gaps"] == []
    assert listed["珑樾台"]["committeeUntil"] == "2125-01-09"
    assert listed["二小区"]["branches"] == ["物业党支部"]
    assert listed["三小区"]["gaps"] == ["NO_COMPANY", "NO_COMMITTEE", "NO_BRANCH"]


async def test_it_is_of_the_day(place: Any, street: Any) -> None:
    for day, projects, committees, branches in (
        ("2024-12-31", 0, 0, 0), ("2025-05-31", 2, 0, 0), ("2025-06-01", 2, 0, 1),
        ("2026-01-10", 2, 1, 1), ("2026-07-01", 1, 1, 1), ("2125-01-10", 1, 0, 1),
    ):  # fmt: skip
        totals = (await taken(street, place.town, "north", d=day))["totals"]
        assert (totals["projects"], 3 - totals["withoutCommittee"], totals["branches"]) == (
            projects, committees, branches,
        ), day  # fmt: skip


async def test_what_was_registered_is_of_the_day_as_well(
    place: Any, street: Any, admin: Any
) -> None:
    """A change counts from its day on, a closed compound until the day before; what was never
    changed was always so."""
    town = place.town
    before = (await taken(street, town, "north", d="2026-06-30"))["totals"]
    tenant, today = town.tenant.id, await admin.fetchval(TODAY)
    async with town.api.world.database.tenant_transaction(tenant) as transaction:
        for changed in (
            "update compounds set household_count = 150 where name = '二小区'",
            "update compounds set household_count = 300 where name = '二小区'",
            "update compounds set active = false, area_m2 = 7 where name = '三小区'",
            "update property_companies set party_members = 9, qualification = null",
            "update party_organisations set full_members = 6 where kind = 'COMPANY_BRANCH'",
            "update compounds set address = '不算' where name = '珑樾台'",
        ):
            await transaction.connection.execute(changed)
    assert (await taken(street, town, "north", d="2026-06-30"))["totals"] == before
    yesterday = await taken(street, town, "north", d=str(today - dt.timedelta(days=1)))
    assert {c["name"] for c in yesterday["compounds"]} == {"珑樾台", "二小区", "三小区"}
    now = (await taken(street, town, "north"))["totals"]
    assert now == (await taken(street, town, "north", d=str(today)))["totals"]
    wanted = {
        "compounds": 2, "households": 300, "areaM2": 9000, "qualifiedCompanies": 0,
        "companyPartyMembers": 9, "partyMembers": 6,
    }  # fmt: skip
    assert {name: now[name] for name in wanted} == wanted
    kept = "select count(*) from compound_states where tenant_id = $1"
    # Of each compound before and since: the contracts of the first two changed who manages them.
    assert await admin.fetchval(kept, tenant) == 6


async def test_what_lacks_something_is_listed_page_by_page(place: Any, street: Any) -> None:
    found = await taken(street, place.town, "north", d="2026-07-01", g=["NO_COMPANY"])
    assert sorted(c["name"] for c in found["compounds"]) == ["三小区", "二小区"]
    region = str(place.town.tenant.regions["north"].id)
    asked = (
        "query ($r: ID!, $a: ID, $n: Int! = 2) { propertyCensus(regionId: $r)"
        " { compounds(first: $n, after: $a) { id name } } }"
    )
    pages, after = [], None
    for _ in range(2):
        page = (await street.data(asked, {"r": region, "a": after}))["propertyCensus"]["compounds"]
        after, pages = page[-1]["id"], [*pages, *page]
    assert len({c["id"] for c in pages}) == 3
    assert await street.code(asked, {"r": region, "n": 0}) == "BAD_USER_INPUT"
    assert await street.code(asked, {"r": region, "a": region}) == "BAD_USER_INPUT"


async def test_homes_stand_in_for_households_and_grid_branches_cover(
    place: Any, street: Any
) -> None:
    clerk = await place.town.person("CSEC", "north2")
    region = place.town.tenant.regions
    third = next(
        c["id"]
        for c in (await taken(clerk, place.town, "north2"))["compounds"]
        if c["name"] == "三小区"
    )
    made = await clerk.done(
        "createBuildings", "buildings { id }", compoundId=third, names=["1幢"]
    )  # fmt: skip
    building = made["buildings"][0]["id"]
    await clerk.done(
        "createHouseUnit", "houseUnit { id }", buildingId=building, floor="1", room="101",
        validFrom="2020-01-01",
    )  # fmt: skip
    await place.do(
        "foundPartyOrganisation", "partyOrganisation { id }", clerk, kind="GRID_BRANCH",
        name="网格党支部", regionId=str(region["north2grid"].id), fullMembers=3,
        establishedOn="2025-01-01",
    )  # fmt: skip
    day = "2120-01-01"
    before = await taken(street, place.town, "north2", d=day)
    assert before["totals"]["withoutBranch"] == 2
    await clerk.done(
        "assignGrid", buildingIds=[building], gridId=str(region["north2grid"].id)
    )  # fmt: skip
    after = await taken(street, place.town, "north2", d=day)
    assert (after["totals"]["withoutBranch"], after["totals"]["households"]) == (1, 201)


async def test_a_census_is_for_whoever_holds_the_region(
    place: Any, street: Any, make_town: Any
) -> None:
    town = place.town
    district = await taken(await town.person("DCMD"), town, "district")
    assert district["totals"]["compounds"] == 4
    assert await taken(street, town, "south") is None
    assert await taken(street, town, "district") is None
    assert await taken(street, town, "north1grid") is None
    assert await taken(await town.person("SCMD", "south"), town, "north") is None
    assert (await taken(place.secretary, town, "north1"))["totals"]["compounds"] == 1
    assert await taken(place.secretary, town, "north") is None
    foreign = await make_town()
    for region in (foreign.tenant.regions["district"].id, new_id(), "x"):
        chief = await town.person("DCMD")
        assert (await chief.data(WHOLE, {"r": str(region)}))["propertyCensus"] is None
    clerk = await town.person("COMM", "north1")
    assert await clerk.code(WHOLE, {"r": str(town.tenant.regions["north1"].id)}) == "FORBIDDEN"


async def test_the_workbook_says_the_same(place: Any, street: Any) -> None:
    body = (await street.send("GET", "/exports/property-census")).content
    book = load_workbook(io.BytesIO(body))
    header, *rows = book.get_sheet_by_name("数据").to_python()
    assert tuple(header) == tuple(title for title, _ in COLUMNS)
    by_name = {row[2]: dict(zip(header, row, strict=True)) for row in rows}
    assert set(by_name) == {"珑樾台", "二小区", "三小区"}
    assert by_name["珑樾台"]["物业公司"] == "甲物业"
    assert by_name["珑樾台"]["缺项"] == ""
    assert by_name["三小区"]["缺项"] == "无物业公司、无业主委员会、无党支部覆盖"
    found = await taken(street, place.town, "north")
    assert sum(row["户数"] for row in by_name.values()) == found["totals"]["households"]
    assert book.get_sheet_by_name("数据字典").to_python()[1:] == [list(c) for c in COLUMNS]
    assert ["导出人", "测试SLEAD"] in book.get_sheet_by_name("来源").to_python()
    auditor = await place.town.person("AUD", "district")
    records = await auditor.data("{ auditRecords(first: 5) { nodes { action permission } } }")
    assert {"action": "export", "permission": "census:export"} in records["auditRecords"]["nodes"]
    reader = await place.town.person("SCMD", "north")
    assert (await reader.send("GET", "/exports/property-census")).status_code == 403


async def test_more_compounds_need_no_more_statements(place: Any, street: Any) -> None:
    """Each table is asked once, and from an index that begins with the tenant."""
    town = place.town
    path = town.tenant.regions["north"].path

    async def statements() -> list[str]:
        seen: list[str] = []
        async with town.api.world.database.snapshot(town.tenant.id) as connection:
            day = await connection.fetchval("select current_date")
            with connection.query_logger(lambda record: seen.append(record.query)):
                await census_at(connection, town.tenant.id, path, day)
        # Beside them the driver asks for types that it has not met.
        return [sql for sql in seen if "tenant_id = $1" in sql]

    few = await statements()
    for number in range(40):
        await compound(town, f"小区{number}", "north1")
    assert await statements() == few
    assert len(few) == 5
    async with town.api.world.database.snapshot(town.tenant.id) as reading:
        await reading.execute("set local enable_seqscan = off")
        for sql in few:
            assert astray(await explained(reading, sql), "$1") == [], sql
        broken = few[1].replace("p.tenant_id = $1 and ", "")
        assert astray(await explained(reading, broken), "$1")
