"""Figures through the API: the published month, its rows, what came later, for whom they are."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

import pytest
from tests.indicators.conftest import at, month

from guanjia.graph.errors import Refusal
from guanjia.indicators.onboard import seed_weights
from guanjia.indicators.service.reconciling import reconcile

FIGURE = "value numerator denominator lowerBound refusal { reason message }"
INDICATOR = (
    "query ($id: ID!, $r: ID!, $p: String!, $a: DateTime, $f: IndicatorFilter,"
    " $by: IndicatorDimension) { indicator(id: $id, regionId: $r, period: $p, asOf: $a, filter: $f)"
    f" {{ period asOf hash hiddenRows figure {{ {FIGURE} }}"
    " comparison { period change previous { value } }"
    f" cells(by: $by) {{ by total {{ {FIGURE} }} cells {{ name figure {{ {FIGURE} }} }} }}"
    " rows(first: 2) { totalCount nodes { id } pageInfo { endCursor } }"
    " late: rows(part: REMAINDER) { totalCount } met: rows(part: NUMERATOR) { totalCount } } }"
)
CHECK = (
    "query ($id: ID!, $r: ID!, $p: String!, $a: DateTime!, $h: String!) { checkIndicator(id: $id,"
    f" regionId: $r, period: $p, asOf: $a, hash: $h) {{ matches hash figure {{ {FIGURE} }} }} }}"
)
BOARD = (
    "query ($r: ID!, $p: String!, $by: IndicatorDimension, $n: Int! = 2) { board(regionId: $r,"
    f" period: $p, by: $by) {{ by asOf region {{ name }} figures {{ hash metric {{ id }}"
    f" figure {{ {FIGURE} }} cells {{ name figure {{ {FIGURE} }} }} }}"
    " series(periods: $n) { metric { id } points { period"
    " figure { value numerator denominator } } } } }"
)


async def asked(who: Any, town: Any, id: str, region: str = "district", **given: Any) -> Any:
    variables = {"id": id, "r": str(town.tenant.regions[region].id), "p": "2016-12", **given}
    return (await who.data(INDICATOR, variables))["indicator"]


async def test_the_month_of_tianmen(ledger: Any) -> None:
    town, groups = ledger.town, await month(ledger)
    chief = await town.person("DCMD")
    for metric, value, numerator, denominator in (
        ("case.filing_rate", 94.5, 996, 1054),
        ("case.due", 972, 972, 972),
        ("case.closing_rate", 93.72, 911, 972),
        ("case.on_time_rate", 75.82, 737, 972),
    ):
        found = await asked(chief, town, metric)
        figure = found["figure"]
        assert (figure["value"], figure["numerator"], figure["denominator"]) == (
            value, numerator, denominator,
        )  # fmt: skip
        assert figure["refusal"] is None
        assert found["rows"]["totalCount"] == denominator
        assert (found["met"]["totalCount"], found["late"]["totalCount"]) == (
            numerator, denominator - numerator,
        )  # fmt: skip
        assert sum(c["figure"]["denominator"] for c in found["cells"]["cells"]) == denominator
        assert found["comparison"]["period"] == "2016-11"
        assert found["comparison"]["change"] == (972 if metric == "case.due" else None)
    on_time = {c["name"]: c["figure"] for c in found["cells"]["cells"]}
    assert sorted(f["numerator"] for f in on_time.values()) == [0, 737]
    nodes = found["rows"]["nodes"]
    assert {n["id"] for n in nodes} <= {
        str(i) for name in ("prompt", "late", "open") for i in groups[name]
    }


async def test_a_printed_number_stays_and_can_be_checked(ledger: Any) -> None:
    town, groups = ledger.town, await month(ledger)
    chief, region = await town.person("DCMD"), str(ledger.town.tenant.regions["district"].id)
    printed = await asked(chief, town, "case.closing_rate")
    await ledger.step(groups["open"], 4, "close_case", "south1", at("2017-01-05"), at("2016-12-20"))
    await ledger.step(
        groups["late"], 5, "reopen_case", "south1", at("2017-01-06"), at("2016-12-20")
    )
    await ledger.step(
        groups["prompt"][:9], 5, "void_case", "north1", at("2017-01-07"), at("2016-12-20")
    )
    assert await asked(chief, town, "case.closing_rate") == printed
    later = await asked(chief, town, "case.closing_rate", a=at("2017-02-01").isoformat())
    assert (later["figure"]["numerator"], later["figure"]["denominator"]) == (789, 963)
    counted = sorted(
        (str(case), "1" if name in ("prompt", "late") else "0")
        for name in ("prompt", "late", "open") for case in groups[name]
    )  # fmt: skip
    lines = "".join(f"{case} 1 {met}\n" for case, met in counted)
    assert printed["hash"] == hashlib.sha256(lines.encode()).hexdigest()
    given = {"id": "case.closing_rate", "r": region, "p": "2016-12", "a": printed["asOf"]}
    checked = (await chief.data(CHECK, {**given, "h": printed["hash"]}))["checkIndicator"]
    assert (checked["matches"], checked["figure"]["value"]) == (True, 93.72)
    for wrong in (later["hash"], "", "x"):
        checked = (await chief.data(CHECK, {**given, "h": wrong}))["checkIndicator"]
        assert (checked["matches"], checked["hash"]) == (False, printed["hash"])


async def test_sums_are_what_the_rows_are(ledger: Any) -> None:
    """A filter by category is counted row by row: the same figures, of any period and moment."""
    town = ledger.town
    await month(ledger)
    chief = await town.person("DCMD")
    every = {"category": {"in": [str(ledger.category)]}}
    ids = [m["id"] for m in (await chief.data("{ indicatorMetrics { id } }"))["indicatorMetrics"]]
    windows: tuple[dict[str, Any], ...] = (
        {}, {"p": "2016"}, {"p": "2016-Q4", "a": "2016-12-25T00:00:00+08:00"},
        {"p": "2016-Q4", "a": "2016-12-01T00:00:00+08:00"}, {"p": "2016", "region": "north"},
    )  # fmt: skip
    both = f"figure {{ {FIGURE} }} cells {{ cells {{ id figure {{ {FIGURE} }} }} }}"
    each = " ".join(
        f'm{n}: indicator(id: "{metric}", regionId: $r, period: $p, asOf: $a, filter: $f)'
        f" {{ {both} }}"
        for n, metric in enumerate(ids)
    )
    question = f"query ($r: ID!, $p: String!, $a: DateTime, $f: IndicatorFilter) {{ {each} }}"
    for given in windows:
        region = str(town.tenant.regions[given.get("region", "district")].id)
        variables = {"p": "2016-12", **given, "r": region}
        rows = await chief.data(question, {**variables, "f": every})
        assert await chief.data(question, variables) == rows, given
    async with town.api.world.database.tenant_transaction(town.tenant.id) as opened:
        printed = await asked(chief, town, "case.closing_rate")
        night = at("2017-01-05T05:00")
        await reconcile(opened.connection, town.tenant.id, night)
        await opened.connection.execute("delete from case_tallies where n1 > 0")
        with pytest.raises(Refusal, match="结案率 2016-12:合计 0/737、逐行 737/737"):
            await reconcile(opened.connection, town.tenant.id, night)
    assert printed != await asked(chief, town, "case.closing_rate")


async def test_the_rows_are_the_cases_of_whoever_asks(ledger: Any) -> None:
    town, groups = ledger.town, await month(ledger)
    street = await town.person("SCMD", "north")
    found = await asked(street, town, "case.on_time_rate", "north")
    assert (found["figure"]["value"], found["rows"]["totalCount"]) == (100, 737)
    assert {n["id"] for n in found["rows"]["nodes"]} <= {str(i) for i in groups["prompt"]}
    assert found["hiddenRows"] == 0
    for region in ("district", "south"):
        assert await asked(street, town, "case.on_time_rate", region) is None
    # A case that lies in the south by now was the north's in December: counted, but not shown.
    place = town.tenant.regions["south1"]
    async with town.api.world.database.tenant_transaction(town.tenant.id) as opened:
        await opened.connection.execute(
            "update cases set region_id = $2, region_path = $3 where id = $1",
            groups["prompt"][0], place.id, place.path,
        )  # fmt: skip
    then = await asked(street, town, "case.on_time_rate", "north")
    assert (then["figure"], then["hash"]) == (found["figure"], found["hash"])
    assert (then["rows"]["totalCount"], then["hiddenRows"]) == (736, 1)
    place = str(town.tenant.regions["south"].id)
    assert (await street.data(BOARD, {"r": place, "p": "2016-12"}))["board"] is None
    given = {"id": "case.due", "r": place, "p": "2016"}
    worker = await town.person("PROP", "north1", "甲物业")
    assert (await worker.data(INDICATOR, given))["indicator"] is None
    member = await town.person("GRID", "north1grid")
    assert await member.code(INDICATOR, given) == "FORBIDDEN"
    chief = await town.person("DCMD")
    for filtered, count in (
        ({"handler": {"in": [str(ledger.handler)]}}, 972),
        ({"handler": {"in": [str(ledger.category)]}}, 0),
        ({"category": {"in": [str(ledger.category)]}, "handler": None}, 972),
    ):
        found = await asked(chief, town, "case.due", f=filtered)
        assert (found["figure"]["denominator"], found["rows"]["totalCount"]) == (count, count)


async def test_the_board_of_an_organisation(ledger: Any) -> None:
    """Its own staff sees what it handles anywhere, a street what it handles there; nobody else."""
    town = ledger.town
    await month(ledger)
    company = str(ledger.handler)
    other = str(await town.organisation("乙物业", "PROPERTY_COMPANY", "north1"))
    board = (
        'query ($o: ID, $r: ID) { board(organisationId: $o, regionId: $r, period: "2016-12") {'
        f" organisation {{ name }} figures {{ metric {{ id }} figure {{ {FIGURE} }} }} }} }}"
    )
    worker = await town.person("PROP", "north1", "甲物业")
    street = await town.person("SCMD", "south")
    south = str(town.tenant.regions["south"].id)
    there = {"r": south}
    for who, given, on_time in (
        (worker, {}, (737, 972)), (worker, there, (0, 235)), (street, there, (0, 235)),
    ):  # fmt: skip
        found = (await who.data(board, {"o": company, **given}))["board"]
        figures = {each["metric"]["id"]: each["figure"] for each in found["figures"]}
        assert "case.filing_rate" not in figures
        rate = figures["case.on_time_rate"]
        assert (rate["numerator"], rate["denominator"]) == on_time
        assert found["organisation"]["name"] == "甲物业"
    for who, given in ((worker, {"o": other}), (street, {"o": company}), (worker, there)):
        assert (await who.data(board, given))["board"] is None
    assert await worker.code(board) == "BAD_USER_INPUT"
    rows = (
        'query ($o: ID!, $m: ID!) { indicator(id: $m, organisationId: $o, period: "2016-12")'
        " { hash hiddenRows rows { totalCount } figure { denominator } } }"
    )
    found = (await worker.data(rows, {"o": company, "m": "case.due"}))["indicator"]
    assert found["figure"]["denominator"] == 972
    # The ledger hands cases over without an assignment: none of them is the worker's to read.
    assert (found["rows"]["totalCount"], found["hiddenRows"]) == (0, 972)
    assert await worker.code(rows, {"o": company, "m": "case.filing_rate"}) == "BAD_USER_INPUT"


async def test_the_score_is_refused_with_what_is_missing(ledger: Any) -> None:
    town = ledger.town
    await month(ledger)
    chief = await town.person("DCMD")
    async with town.api.world.database.tenant_transaction(town.tenant.id) as opened:
        await opened.connection.execute("delete from score_weights")
        await opened.connection.execute("delete from score_schemes")
    found = await asked(chief, town, "case.score")
    assert found["figure"]["refusal"]["message"].startswith("综合评价的权重")
    async with town.api.world.database.tenant_transaction(town.tenant.id) as opened:
        await seed_weights(opened.connection, dt.datetime.now(dt.UTC))
        await seed_weights(opened.connection, dt.datetime.now(dt.UTC))
    found = await asked(chief, town, "case.score")
    assert found["figure"]["refusal"]["message"] == "全区本期没有可计的行:满意率、返工率。"


async def test_how_long_work_took(ledger: Any) -> None:
    """In the north 1 to 10 hours, in the south 101 and 102 minutes: twelve feedbacks."""
    town, due = ledger.town, at("2016-12-20")
    for region, count, minutes in (("north1", 10, 0), ("south1", 2, 100)):
        ids = await ledger.report(count, region, at("2016-12-02"))
        await ledger.step(ids, 2, "dispatch_case", region, at("2016-12-03"), due)
        for number, each in enumerate(ids if region == "north1" else [None], 1):
            spent = number * 60 - 1 if each else minutes
            chosen = [each] if each else ids
            await ledger.step(chosen, 3, "give_feedback", region, at("2016-12-05"), due, spent)
    chief = await town.person("DCMD")
    mean = await asked(chief, town, "case.handling_time")
    assert mean["figure"]["numerator"] == 3300 + 203
    assert mean["figure"]["value"] == 4.87  # 3503 minutes of 12 cases
    assert sorted(c["figure"]["value"] for c in mean["cells"]["cells"]) == [1.69, 5.5]
    most = await asked(chief, town, "case.handling_time_p90")
    assert most["figure"]["value"] == 9  # eleven of twelve
    assert sorted(c["figure"]["value"] for c in most["cells"]["cells"]) == [1.7, 9]
    assert (most["rows"]["totalCount"], most["late"]["totalCount"]) == (12, 0)
    assert most["cells"]["total"]["value"] == 9
    # Worked on again in January: the later time counts, and December stays what it was.
    await ledger.step(ids, 4, "give_feedback", "south1", at("2017-01-03"), due, 700)
    assert await asked(chief, town, "case.handling_time_p90") == most
    january = await asked(chief, town, "case.handling_time", p="2017-01")
    assert january["figure"]["denominator"] == 2


async def test_parts_that_do_not_add_up_are_refused(ledger: Any) -> None:
    """A case that lies in a community and in no grid belongs to no grid."""
    town = ledger.town
    for region, count in (("north1", 2), ("north1grid", 3)):
        await ledger.report(count, region, at("2016-12-02"))
    clerk = await town.person("COMM", "north1")
    found = await asked(clerk, town, "case.filing_rate", "north1")
    assert found["figure"]["refusal"] is None
    refusal = found["cells"]["total"]["refusal"]
    assert (refusal["reason"], found["cells"]["by"]) == ("PARTS_MISSING", "GRID")
    assert refusal["message"] == "总数 5 中有 2 不属于其中任何一项。"
    assert found["cells"]["total"]["value"] is None
    # The month before has nothing: no rate, and no comparison.
    assert found["comparison"]["previous"]["value"] is None


async def test_bad_questions_are_refused(town: Any) -> None:
    chief = await town.person("DCMD")
    for given in (
        {"p": "2016-13"}, {"p": "一月"}, {"id": "case.nothing"}, {"a": "2999-01-01T00:00:00Z"},
        {"by": "STREET", "r": "north"}, {"by": "COMPANY", "id": "case.filing_rate"},
        # What has not come yet is not none.
        {"p": "2099"}, {"a": "2016-12-01T00:00:00+08:00"}, {"a": "0001-01-01T00:00:00Z"},
    ):  # fmt: skip
        region = str(town.tenant.regions[given.get("r", "district")].id)
        question = {"id": "case.due", "p": "2016-12", **given, "r": region}
        assert await chief.code(INDICATOR, question) == "BAD_USER_INPUT", given
    place = str(town.tenant.regions["district"].id)
    given = {"r": place, "p": "2016-12", "a": "0001-01-01T00:00:00Z", "id": "case.due", "h": "x"}
    assert await chief.code(CHECK, given) == "BAD_USER_INPUT"
    company = {"id": "whistle.attendance_rate", "p": "2016-12", "r": place, "by": "COMPANY"}
    said = (await chief.ask(INDICATOR, company))["errors"][0]["message"]
    assert said == "报到及时率不能按物业公司计算,只能按街道、社区、网格、职能部门、类别。"


async def test_the_board_by_region_company_and_department(ledger: Any) -> None:
    town = ledger.town
    await month(ledger)
    region, chief = str(town.tenant.regions["district"].id), await town.person("DCMD")

    async def board(by: str | None) -> dict[str, Any]:
        found = (await chief.data(BOARD, {"r": region, "p": "2016-12", "by": by}))["board"]
        return {each["metric"]["id"]: each for each in found["figures"]} | {"all": found}

    streets = await board(None)
    assert streets["all"]["by"] == "STREET"
    closing = streets["case.closing_rate"]
    assert closing["figure"]["value"] == 93.72
    given = {"id": "case.closing_rate", "r": region, "p": "2016-12", "h": closing["hash"]}
    checked = await chief.data(CHECK, {**given, "a": streets["all"]["asOf"]})
    assert checked["checkIndicator"]["matches"]
    assert sorted(cell["figure"]["denominator"] for cell in closing["cells"]) == [235, 737]
    companies = await board("COMPANY")
    assert "case.filing_rate" not in companies
    assert [c["name"] for c in companies["case.due"]["cells"]] == ["甲物业"]
    assert companies["case.due"]["figure"]["value"] == 972
    assert companies["case.due"]["hash"] is None
    departments = await board("DEPARTMENT")
    assert (departments["case.due"]["cells"], departments["case.due"]["figure"]["value"]) == ([], 0)
    for line in streets["all"]["series"]:
        assert [point["period"] for point in line["points"]] == ["2016-11", "2016-12"]
    due = next(s for s in streets["all"]["series"] if s["metric"]["id"] == "case.due")
    assert [point["figure"]["value"] for point in due["points"]] == [0, 972]
    wrong = {"r": region, "p": "2016", "n": 25}
    assert (await chief.ask(BOARD, wrong))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
