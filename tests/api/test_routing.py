"""The routing table through the API: kept as dated rows, followed by dispatches, and explained."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from tests.api.population import step
from tests.api.test_bad_input import digest

from guanjia.graph.times import local_date

EXPLAIN = (
    "query ($case: ID, $category: ID, $region: ID, $on: Date, $level: CaseLevel) {"
    " explainDispatch(caseId: $case, categoryId: $category, regionId: $region, asOf: $on,"
    " level: $level) { rule level asOf lead { id name } assistants { name }"
    " steps { won sentence routing } text } }"
)
TODAY = local_date(dt.datetime.now(dt.UTC))
TOMORROW = TODAY + dt.timedelta(days=1)
SHOWN = "routing { id version validFrom validUntil party }"


@pytest.fixture
async def table(town: Any) -> Any:
    """A table for C01-01, a 部件: the bureau owns it in the district and the street assists."""
    manager = await town.person("DCMD")
    found = await manager.data(
        '{ caseCategories(filter: { code: { in: ["C01-01"] } }) { nodes { id } } }'
    )
    category = found["caseCategories"]["nodes"][0]["id"]
    await town.organisation("北街办", "STREET_OFFICE", "north")
    await town.organisation("北一社区", "COMMUNITY", "north1")
    bureau = str(await town.organisation("市政局"))

    async def add(**given: Any) -> Any:
        values = {
            "categoryId": category, "regionId": str(town.tenant.regions["district"].id),
            "basis": "OWNER", "role": "LEAD", "validFrom": str(TODAY), "source": "测试",
        }  # fmt: skip
        return await manager.done("addRouting", SHOWN, **{**values, **given})

    lead = await add(organisationId=bureau)
    await add(role="ASSIST", partyKind="STREET_OFFICE")
    return manager, category, bureau, lead["routing"], add


async def filed(town: Any, clerk: Any, *, up_to: Any = ()) -> dict[str, Any]:
    case: dict[str, Any] = await town.opened(clerk, "north1")
    await step(clerk, "fileCase", "FileCaseInput", case)
    for person in up_to:
        await step(person, "escalateCase", "EscalateCaseInput", case, reason="须上级处理")
    return case


async def test_a_dispatch_follows_the_table_or_says_why_not(town: Any, table: Any) -> None:
    manager, _, bureau, _, _ = table
    clerk, chief = await town.person("COMM", "north1"), await town.person("SCMD", "north")
    case = await filed(town, clerk)
    given = {"id": case["id"], "version": case["version"]}
    # A community may not put a department in charge, and the table has nobody else.
    assert await clerk.refused("dispatchCase", given) == "NO_ROUTE"
    said = (await clerk.data(EXPLAIN, {"case": case["id"]}))["explainDispatch"]
    assert (said["lead"], said["level"]) == (None, "COMMUNITY")
    assert "社区不能派职能部门主办" in said["steps"][0]["sentence"]

    case = await filed(town, clerk, up_to=(clerk, chief))
    given = {"id": case["id"], "version": case["version"]}
    other = str(await town.organisation("住建局"))
    assert await manager.refused("dispatchCase", given, organisationId=other) == "OFF_ROUTE"
    wanted = "case { handler { id } assignments { role organisation { name } } }"
    done = await manager.done("dispatchCase", wanted, **given)
    assert done["case"]["handler"]["id"] == bureau
    assert {(a["role"], a["organisation"]["name"]) for a in done["case"]["assignments"]} == {
        ("LEAD", "市政局"), ("ASSIST", "北街办"),
    }  # fmt: skip
    said = (await manager.data(EXPLAIN, {"case": case["id"]}))["explainDispatch"]
    assert (said["rule"], said["lead"]["name"]) == ("部件先属主后属地", "市政局")
    assert [s["won"] for s in said["steps"]] == [True, True]
    assert said["text"][-1] == "结论:主办:市政局;协办:北街办。"

    case = await filed(town, clerk, up_to=(clerk, chief))
    await step(
        manager, "dispatchCase", "DispatchCaseInput", case,
        organisationId=other, reason="设施由住建局管护",
    )  # fmt: skip
    found = await manager.data(
        "query ($id: ID!) { case(id: $id) { timeline(last: 1) { nodes { action reason } } } }",
        {"id": case["id"]},
    )
    assert found["case"]["timeline"]["nodes"] == [
        {"action": "dispatch_case", "reason": "设施由住建局管护"}
    ]


async def test_rows_are_dated_and_leave_no_hole(town: Any, table: Any, make_town: Any) -> None:
    manager, category, bureau, lead, add = table
    more = {"categoryId": category, "basis": "OWNER", "role": "LEAD", "source": "测试"}
    whole = str(town.tenant.regions["district"].id)
    again = {**more, "regionId": whole, "validFrom": str(TOMORROW), "organisationId": bureau}
    assert await manager.refused("addRouting", again) == "CONFLICT"
    past = {**again, "level": "STREET", "validFrom": str(TODAY - dt.timedelta(days=1))}
    assert await manager.refused("addRouting", past) == "BAD_USER_INPUT"
    builder = str(await town.organisation("某建设公司", "EXTERNAL_PARTY"))
    outside = {**again, "level": "STREET", "organisationId": builder}
    assert await manager.refused("addRouting", outside) == "BAD_USER_INPUT"

    gaps = (
        "query ($on: Date, $c: [ID!]) { routingGaps(first: 3, filter: { asOf: $on,"
        " category: { in: $c } }) { totalCount nodes { regionName code region { id } } } }"
    )
    clerk = await town.person("SCMD", "south")
    assert (await clerk.data(gaps, {"c": [category]}))["routingGaps"]["totalCount"] == 0
    ending = {"id": lead["id"], "version": lead["version"], "on": str(TOMORROW), "reason": "改制"}
    assert await manager.refused("endRouting", ending, on=str(TODAY)) == "BAD_USER_INPUT"
    answer = (await manager.payload("endRouting", ending))["data"]["endRouting"]["userErrors"][0]
    assert answer["code"] == "ROUTING_HOLE"
    assert "测试north1 C01-01" in answer["message"]
    assert await manager.refused("endRouting", {**ending, "version": 99}) == "CONFLICT"

    # A row that covers a part leaves the others; with a successor for all there is no hole.
    await add(basis="TERRITORY", regionId=str(town.tenant.regions["north"].id),
              partyKind="STREET_OFFICE")  # fmt: skip
    answer = (await manager.payload("endRouting", ending))["data"]["endRouting"]["userErrors"][0]
    assert "north" not in answer["message"]
    assert "测试south2 C01-01" in answer["message"]
    other = str(await town.organisation("住建局"))
    ended = await manager.done("endRouting", SHOWN, **ending, successorId=other)
    assert ended["routing"]["party"] == "住建局"
    assert ended["routing"]["validFrom"] == str(TOMORROW)
    found = await manager.data(
        "query ($on: Date) { caseRoutings(filter: { asOf: $on }) { nodes { party } } }",
        {"on": str(TOMORROW)},
    )
    assert {r["party"] for r in found["caseRoutings"]["nodes"]} == {"住建局", "所在街道"}
    asked = {"category": category, "region": whole, "level": "DISTRICT"}
    for day, name in ((TODAY, "市政局"), (TOMORROW, "住建局")):
        said = (await manager.data(EXPLAIN, {**asked, "on": str(day)}))["explainDispatch"]
        assert said["lead"]["name"] == name

    # An organisation that routes name is not closed, and who closes it hears of them.
    system, version = await town.person("SYS"), {"version": 1}
    closing = await system.payload("closeOrganisation", {"id": other, **version})
    assert "派遣路由 1 条" in str(closing["data"]["closeOrganisation"]["userErrors"])
    foreign = await (await make_town()).person("DCMD")
    assert (await foreign.data(EXPLAIN, asked))["explainDispatch"] is None
    for half in ({}, {"category": category}, {"region": whole}):
        assert await manager.code(EXPLAIN, half) == "BAD_USER_INPUT"
    assert await clerk.code(
        "mutation ($i: EndRoutingInput!) { endRouting(input: $i) { routing { id } } }",
        {"i": ending},
    ) == "FORBIDDEN"  # fmt: skip


async def test_what_belongs_to_a_compound_goes_to_its_company_or_who_stands_in(
    town: Any, table: Any
) -> None:
    add = table[-1]
    north = str(town.tenant.regions["north1"].id)
    await add(regionId=north, partyKind="PROPERTY_COMPANY")
    clerk = await town.person("COMM", "north1")
    ring = [[118.10, 26.60], [118.11, 26.60], [118.11, 26.61], [118.10, 26.61], [118.10, 26.60]]
    made = await clerk.done(
        "createCompound", "compound { id }", regionId=north, name="珑樾台",
        managementMode="COMMUNITY_FALLBACK",
        boundary={"type": "Polygon", "coordinates": [ring]},
    )  # fmt: skip
    compound = made["compound"]["id"]
    inside = await town.opened(clerk, "north1", longitude=118.105, latitude=26.605)
    named = await town.opened(clerk, "north1grid", location="珑樾台 3 幢旁")
    chosen = await town.opened(clerk, "north1grid", compoundId=compound)
    street = await town.opened(clerk, "north1", longitude=118.12, latitude=26.605)

    async def lead(case: Any, person: Any = clerk) -> str | None:
        said = (await person.data(EXPLAIN, {"case": case["id"]}))["explainDispatch"]
        return said["lead"] and said["lead"]["name"]

    there = (inside, named, chosen)
    assert {await lead(case) for case in there} == {"北一社区"}
    assert await lead(street) is None
    company = await town.organisation("甲物业", "PROPERTY_COMPANY", "north1")
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "with c as (insert into property_companies (id, organisation_id, credit_code,"
            " party_members) values ($1, $1, '91350702MA99999900', 3) returning id)"
            " insert into property_contracts (id, compound_id, company_id, starts_on)"
            " select $1, $2, id, '2025-01-01' from c",
            company, compound,
        )  # fmt: skip
    assert {await lead(case) for case in there} == {"甲物业"}
    assert await lead(street) is None


async def test_a_change_is_rehearsed_on_past_cases(town: Any, table: Any, admin: Any) -> None:
    manager, category, _, lead, _ = table
    clerk, chief = await town.person("COMM", "north1"), await town.person("SCMD", "north")
    for person in ((clerk, chief), (clerk,)):
        case = await filed(town, clerk, up_to=person)
        by, more = (manager, {}) if len(person) == 2 else (chief, {"reason": "就近"})
        if more:
            more["organisationId"] = str(town.organisations["北街办"])
        await step(by, "dispatchCase", "DispatchCaseInput", case, **more)
    preview = (
        "query ($changes: [RoutingChangeInput!]!, $since: Date!, $until: Date!) {"
        " previewRouting(changes: $changes, since: $since, until: $until) { total moved unowned"
        " counts { party { name } before after } unownedCases { case { id } handler { name } }"
        " movedCases { before { name } after { name } handler { name } } } }"
    )
    period = {"since": str(TODAY), "until": str(TOMORROW)}
    other = str(await town.organisation("住建局"))
    before = await digest(admin, town.tenant)

    async def shown(*changes: dict[str, Any], who: Any = manager) -> Any:
        found = await who.data(preview, {"changes": list(changes), **period})
        return found["previewRouting"]

    ended = await shown({"routingId": lead["id"]})
    # The street may not put the bureau in charge, so that it has nobody before and after.
    assert (ended["total"], ended["moved"], ended["unowned"]) == (2, 1, 2)
    assert ended["counts"] == [
        {"party": {"name": "市政局"}, "before": 1, "after": 0},
        {"party": None, "before": 1, "after": 2},
    ]
    assert {c["handler"]["name"] for c in ended["unownedCases"]} == {"市政局", "北街办"}
    street = {
        "categoryId": category, "regionId": str(town.tenant.regions["north"].id),
        "basis": "TERRITORY", "role": "LEAD", "level": "STREET", "partyKind": "STREET_OFFICE",
    }  # fmt: skip
    both = await shown(street, {"routingId": lead["id"], "organisationId": other})
    assert (both["moved"], both["unowned"]) == (2, 0)
    counts = {c["party"] and c["party"]["name"]: (c["before"], c["after"]) for c in both["counts"]}
    assert counts == {"市政局": (1, 0), "住建局": (0, 1), "北街办": (0, 1), None: (1, 0)}
    assert await digest(admin, town.tenant) == before
    for changes, days in (
        ([], {}),
        ([{"routingId": category}], {}),
        ([{**street, "basis": None}], {}),
        ([{**street, "organisationId": other}], {}),
        ([{"routingId": lead["id"]}], {"until": str(TODAY)}),
    ):
        given = {"changes": changes, **period, **days}
        assert await manager.code(preview, given) == "BAD_USER_INPUT", changes
    # Whoever dispatches may rehearse, over the cases of their place; a row only in their place.
    assert (await shown(street, who=chief))["total"] == 2
    away = await town.person("SCMD", "south")
    assert (await shown({"routingId": lead["id"]}, who=away))["total"] == 0
    assert await away.code(preview, {"changes": [street], **period}) == "BAD_USER_INPUT"
    worker = await town.person("DEPT", "district", "市政局")
    assert await worker.code(preview, {"changes": [street], **period}) == "FORBIDDEN"

    pages = (
        "query ($changes: [RoutingChangeInput!]!, $since: Date!, $until: Date!, $after: ID,"
        " $first: Int!) { previewRouting(changes: $changes, since: $since, until: $until) { moved"
        " movedCases(first: $first, after: $after) { caseId case { id } } } }"
    )
    changes = [street, {"routingId": lead["id"], "organisationId": other}]
    asked = {"changes": changes, **period, "first": 1}
    seen, after = [], None
    while page := (await manager.data(pages, {**asked, "after": after}))["previewRouting"][
        "movedCases"
    ]:
        seen += [each["case"]["id"] for each in page]
        after = page[-1]["caseId"]
    assert len(set(seen)) == len(seen) == both["moved"]
    for wrong in ({"first": 101}, {"first": -1}, {"after": category}):
        assert await manager.code(pages, {**asked, **wrong}) == "BAD_USER_INPUT"
