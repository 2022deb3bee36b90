"""What the score weighs is changed from a day on, and nothing printed before changes."""

from __future__ import annotations

import datetime as dt
from typing import Any

from guanjia.cases.metrics import CLOSING, ON_TIME, REWORK
from guanjia.graph.times import CHINA
from guanjia.indicators.service.schemes import store
from guanjia.indicators.service.score import Weight

TODAY = dt.datetime.now(CHINA).date()
SCHEME = "scheme { id version validFrom validTo reason weights { metric percent prior } }"
SCHEMES = (
    "query ($f: ScoreSchemeFilter) { scoreSchemes(filter: $f) { totalCount nodes { id version"
    " validFrom validTo source weights { metric title percent lowerIsBetter prior } } } }"
)
WEIGHTS = [
    {"metric": ON_TIME.id, "percent": 50},
    {"metric": CLOSING.id, "percent": 30, "prior": 0},
    {"metric": REWORK.id, "percent": 20, "prior": 5},
]
SCORE = (
    'query ($r: ID!, $p: String!) { indicator(id: "case.score", regionId: $r, period: $p)'
    " { figure { value refusal { message } } madeOf { metric { id } percent prior"
    " figure { numerator denominator } district { value } } } }"
)


def day(later: int) -> str:
    return str(TODAY + dt.timedelta(days=later))


async def test_a_district_changes_what_the_score_weighs(town: Any) -> None:
    leader, clerk = await town.person("DSUP"), await town.person("DCMD")
    given = {"on": day(30), "source": "区城市管理考评办法(测试)", "weights": WEIGHTS}
    assert "FORBIDDEN" in str(await clerk.payload("createScoreScheme", given))
    seeded = (await clerk.data(SCHEMES))["scoreSchemes"]["nodes"]
    assert [w["percent"] for w in seeded[0]["weights"]] == [35, 25, 20, 20]
    assert [w["title"] for w in seeded[0]["weights"] if w["lowerIsBetter"]] == ["返工率"]

    keyed = {**given, "idempotencyKey": "one"}
    made = (await leader.done("createScoreScheme", SCHEME, **keyed))["scheme"]
    assert (await leader.done("createScoreScheme", SCHEME, **keyed))["scheme"] == made
    assert (made["validFrom"], made["validTo"]) == (day(30), None)
    assert [(w["percent"], w["prior"]) for w in made["weights"]] == [(50, 10), (30, 0), (20, 5)]
    between = (await leader.done("createScoreScheme", SCHEME, **{**given, "on": day(1)}))["scheme"]
    assert (between["validFrom"], between["validTo"]) == (day(1), day(30))
    nodes = (await clerk.data(SCHEMES, {"f": {"asOf": str(TODAY)}}))["scoreSchemes"]["nodes"]
    assert [(n["id"], n["validTo"]) for n in nodes] == [(seeded[0]["id"], day(1))]

    first, second, third = WEIGHTS
    for more in (
        {"on": str(TODAY)},
        {"on": "2016-01-01"},
        {"on": day(2000)},
        {"on": "9999-12-31"},
        {"source": " "},
        {"source": "长" * 5000},
        {"weights": []},
        {"weights": [first, second]},
        {"weights": [*WEIGHTS, {**third, "percent": 1}]},
        {"weights": [first, first]},
        {"weights": [first, second, {**third, "percent": 21}]},
        {"weights": [first, second, {**third, "percent": 0}]},
        {"weights": [{**first, "percent": 150}, {**second, "percent": -50}]},
        {"weights": [first, second, {**third, "prior": -1}]},
        {"weights": [first, second, {**third, "metric": "case.return_rate"}]},
    ):
        refused = (await leader.do("createScoreScheme", {**given, **more}))["userErrors"]
        assert [error["code"] for error in refused] == ["BAD_USER_INPUT"], more
    assert await leader.refused("createScoreScheme", given) == "CONFLICT"
    assert (await clerk.data(SCHEMES))["scoreSchemes"]["totalCount"] == 3

    taken = {"id": between["id"], "version": 1, "reason": "另行研究"}
    for more, code in (
        ({"version": 7}, "CONFLICT"), ({"reason": ""}, "BAD_USER_INPUT"),
        ({"id": seeded[0]["id"], "version": 3}, "BAD_USER_INPUT"),
        ({"id": str(town.tenant.id)}, "NOT_FOUND"),
    ):  # fmt: skip
        assert await leader.refused("withdrawScoreScheme", {**taken, **more}) == code, more
    back = (await leader.done("withdrawScoreScheme", SCHEME, **taken))["scheme"]
    assert (back["validFrom"], back["validTo"], back["reason"]) == (day(1), day(1), "另行研究")
    again = {**taken, "version": back["version"]}
    assert await leader.refused("withdrawScoreScheme", again) == "BAD_USER_INPUT"
    nodes = (await clerk.data(SCHEMES, {"f": {"asOf": day(29)}}))["scoreSchemes"]["nodes"]
    assert [(n["id"], n["validTo"]) for n in nodes] == [(seeded[0]["id"], day(30))]
    told = await (await town.person("AUD")).data("{ auditRecords { nodes { action } } }")
    actions = [node["action"] for node in told["auditRecords"]["nodes"]]
    assert sorted(action for action in actions if action.startswith("score_scheme.")) == [
        "score_scheme.create", "score_scheme.create", "score_scheme.withdraw",
    ]  # fmt: skip


async def test_a_past_score_keeps_the_weights_of_its_day(ledger: Any) -> None:
    """Of ten cases all were closed, six on time: by on-time alone 60, by closing alone 100."""
    town, due = ledger.town, dt.datetime(2016, 12, 20, tzinfo=CHINA)
    for month in (0, 31):
        later = dt.timedelta(days=month)
        ids = await ledger.report(10, "north1", due - dt.timedelta(days=9) + later)
        await ledger.step(ids, 2, "file_case", "north1", due - dt.timedelta(days=8) + later)
        at = due + later
        await ledger.step(ids, 3, "dispatch_case", "north1", at - dt.timedelta(days=7), at)
        await ledger.step(ids[:6], 4, "close_case", "north1", at, at)
        await ledger.step(ids[6:], 4, "close_case", "north1", at + dt.timedelta(days=1), at)
    chief, region = await town.person("DCMD"), str(town.tenant.regions["district"].id)
    async with town.api.world.database.tenant_transaction(town.tenant.id) as opened:
        await opened.connection.execute("delete from score_weights")
        await opened.connection.execute("delete from score_schemes")
        first = dt.date(2017, 1, 31)
        for since, until, metric in ((None, first, ON_TIME), (first, None, CLOSING)):
            await store(opened.connection, since, until, "测试", [Weight(metric.id, 100, 0)], due)
    for period, value in (("2016-12", 60), ("2017-01", 100), ("2016", 60), ("2017-Q1", 100)):
        found = (await chief.data(SCORE, {"r": region, "p": period}))["indicator"]
        assert found["figure"] == {"value": value, "refusal": None}, period
        [part] = found["madeOf"]
        assert (part["percent"], part["district"]["value"]) == (100, value)
