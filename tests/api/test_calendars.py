"""The calendar and the categories of a tenant, through the API."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from guanjia.cases.calendar import statutory_days

LOAD = (
    "mutation ($i: LoadCalendarYearInput!) { loadCalendarYear(input: $i)"
    " { recomputed calendarYear { year source workdays daysOff daysOn }"
    " userErrors { code message field } } }"
)
YEARS = "{ calendarYears { year source workdays daysOff daysOn } }"
CREATE = (
    "mutation ($i: CreateCategoryInput!) { createCategory(input: $i)"
    " { category { id code limitValue version } userErrors { code message field } } }"
)
CHANGE = (
    "mutation ($i: ChangeCategoryInput!) { changeCategory(input: $i)"
    " { category { limitValue leadName assisting active version }"
    " userErrors { code message field } } }"
)
STEP = "mutation ($i: {kind}!) {{ {name}(input: $i) {{ case {{ id version limitValue dueAt }}"
STEP += " userErrors {{ code message }} }} }}"
CASE = "query ($id: ID!) { case(id: $id) { dueAt dueProvisional limitValue } }"
CATEGORY = {
    "code": "P-09", "name": "楼道堆物", "groupName": "物业服务", "kind": "EVENT", "limitValue": 3,
    "limitUnit": "WORK_DAY", "leadKind": "PROPERTY_COMPANY", "leadName": "物业服务企业",
    "source": "本区规定",
}  # fmt: skip


async def step(person: Any, name: str, kind: str, given: dict[str, Any]) -> Any:
    answer = await person.data(STEP.format(name=name, kind=kind), {"i": given})
    assert answer[name]["userErrors"] == []
    return answer[name]["case"]


async def dispatched(town: Any, clerk: Any, company: Any, **limit: Any) -> Any:
    case = await town.opened(clerk, "north1")
    given = {"id": case["id"], "version": case["version"]}
    filed = await step(clerk, "fileCase", "FileCaseInput", given)
    given = {"id": case["id"], "version": filed["version"], "organisationId": str(company)}
    return await step(clerk, "dispatchCase", "DispatchCaseInput", {**given, **limit})


@pytest.fixture
async def company(town: Any) -> Any:
    return await town.organisation("物业", "PROPERTY_COMPANY", "north1")


def next_year(found: dict[str, Any]) -> int:
    return max(year["year"] for year in found["calendarYears"]) + 1


async def test_a_year_is_loaded_and_the_deadlines_of_this_tenant_move(
    town: Any, make_town: Any, company: Any
) -> None:
    clerk, system = await town.person("COMM", "north1"), await town.person("SYS")
    case = await dispatched(town, clerk, company, limitValue=300, limitUnit="WORK_DAY")
    before = (await clerk.data(CASE, {"id": case["id"]}))["case"]
    assert before["dueProvisional"]
    year = next_year(await clerk.data(YEARS))
    statutory = sorted(statutory_days(year))
    eve = dt.date(year, 3, 1)
    while eve.weekday() != 2:
        eve += dt.timedelta(1)
    lines = [
        "日期,安排",
        *(f"{day},放假" for day in (*statutory, eve, eve + dt.timedelta(1))),
        f"{eve + dt.timedelta(3)},班",
    ]
    given = {"year": year, "source": "测试用的安排", "notice": "\n".join(lines)}
    assert await clerk.code(LOAD, {"i": given}) == "FORBIDDEN"
    loaded = (await system.data(LOAD, {"i": given}))["loadCalendarYear"]
    assert (loaded["userErrors"], loaded["recomputed"]) == ([], 1)
    assert loaded["calendarYear"]["source"] == "测试用的安排"
    assert str(eve) in loaded["calendarYear"]["daysOff"]
    assert loaded["calendarYear"]["daysOn"] == [str(eve + dt.timedelta(3))]
    assert loaded["calendarYear"] in (await clerk.data(YEARS))["calendarYears"]
    again = (await system.data(LOAD, {"i": given}))["loadCalendarYear"]
    assert again["recomputed"] == 0
    other = await (await make_town()).person("COMM", "north1")
    assert next_year(await other.data(YEARS)) == year


async def test_wrong_lines_are_named_and_nothing_is_loaded(town: Any) -> None:
    system = await town.person("SYS")
    before = await system.data(YEARS)
    year = next_year(before)
    day = f"{year}-01-01"
    given = {"year": year, "source": "测试用的安排", "notice": f"{day},放假\n昨天,放假\n{day},班"}
    refused = (await system.data(LOAD, {"i": given}))["loadCalendarYear"]["userErrors"]
    assert [error["code"] for error in refused] == ["BAD_USER_INPUT"]
    assert "第2行" in refused[0]["message"]
    assert "第3行" in refused[0]["message"]
    for wrong in (
        {"daysOff": [day]},  # the other statutory days are missing
        {"notice": f"{day},放假", "daysOn": [day]},
        {"daysOff": [f"{year + 1}-01-01"]},
        {"notice": "字" * 30_000},
        {"source": " ", "daysOff": [str(d) for d in statutory_days(year)]},
        {"year": 1},
    ):
        sent = {"year": year, "source": "测试用的安排", **wrong}
        refused = (await system.data(LOAD, {"i": sent}))["loadCalendarYear"]
        assert refused["calendarYear"] is None
        assert refused["userErrors"][0]["code"] in ("BAD_USER_INPUT", "MISSING_DATA")
    assert await system.data(YEARS) == before


async def test_a_changed_limit_leaves_running_cases_alone(town: Any, company: Any) -> None:
    clerk, system = await town.person("COMM", "north1"), await town.person("SYS")
    auditor = await town.person("AUD")
    running = await dispatched(town, clerk, company)
    found = await clerk.data(
        '{ caseCategories(filter: { code: { in: ["C01-01"] } })'
        " { nodes { id version limitValue } } }"
    )
    category = found["caseCategories"]["nodes"][0]
    longer = category["limitValue"] + 5
    given = {"id": category["id"], "version": category["version"], "limitValue": longer}
    assert await clerk.code(CHANGE, {"i": given}) == "FORBIDDEN"
    changed = (await system.data(CHANGE, {"i": given}))["changeCategory"]
    assert changed["category"]["limitValue"] == longer
    after = (await clerk.data(CASE, {"id": running["id"]}))["case"]
    assert (after["limitValue"], after["dueAt"]) == (running["limitValue"], running["dueAt"])
    assert (await dispatched(town, clerk, company))["limitValue"] == longer
    stale = (await system.data(CHANGE, {"i": given}))["changeCategory"]
    assert stale["userErrors"][0]["code"] == "CONFLICT"
    said = await auditor.data("{ auditRecords(first: 20) { nodes { action detail } } }")
    detail = next(
        row["detail"] for row in said["auditRecords"]["nodes"] if row["action"] == "change_category"
    )
    assert json.loads(detail) == {"limit_value": [category["limitValue"], longer]}


async def test_a_category_is_made_and_taken_out_of_use(town: Any) -> None:
    system = await town.person("SYS")
    made = (await system.data(CREATE, {"i": CATEGORY}))["createCategory"]
    assert made["category"]["version"] == 1
    twice = (await system.data(CREATE, {"i": CATEGORY}))["createCategory"]["userErrors"]
    assert [error["code"] for error in twice] == ["CONFLICT"]
    for wrong in ({"code": "物业"}, {"name": " "}, {"limitValue": 0}, {"leadName": "名" * 10_000}):
        refused = await system.data(CREATE, {"i": {**CATEGORY, "code": "P-10", **wrong}})
        assert refused["createCategory"]["category"] is None
        assert refused["createCategory"]["userErrors"][0]["message"]
    given = {"id": made["category"]["id"], "version": 1}
    nothing = (await system.data(CHANGE, {"i": given}))["changeCategory"]["userErrors"]
    assert [error["code"] for error in nothing] == ["BAD_USER_INPUT"]
    changed = await system.data(CHANGE, {"i": {**given, "active": False, "assisting": "居委会"}})
    assert changed["changeCategory"]["category"] == {
        "limitValue": 3, "leadName": "物业服务企业", "assisting": "居委会", "active": False,
        "version": 2,
    }  # fmt: skip
    listed = await system.data("{ caseCategories(filter: { active: false }) { nodes { code } } }")
    assert listed["caseCategories"]["nodes"] == [{"code": "P-09"}]
