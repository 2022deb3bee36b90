"""The operator sees every operation once, and nothing that a person wrote."""

from __future__ import annotations

import json
import logging
from typing import Any
from uuid import uuid4

import httpx
import pytest
import structlog
from prometheus_client import generate_latest
from tests.api.conftest import Person, Service, Town

from guanjia import settings
from guanjia.app import create_app
from guanjia.db.connections import Connections
from guanjia.graph.journal import Journal, configure
from guanjia.view import View


class Lines(list[dict[str, Any]]):
    """A logger that keeps its lines."""

    def info(self, event: str, **line: Any) -> None:
        self.append({"event": event, **line})


@pytest.fixture
async def watched(town: Town) -> tuple[Town, Journal, Lines]:
    lines = Lines()
    journal = Journal(lines)
    view = View(town.api.schema, town.api.world, journal)
    api = Service(town.api.world, town.api.schema, view)
    return Town(api, town.tenant), journal, lines


NAMED = "query Kinds($c: [String!]) { caseCategories(filter: { code: { in: $c } }) { totalCount } }"


async def test_each_operation_is_one_line(watched: tuple[Town, Journal, Lines]) -> None:
    town, _, lines = watched
    person = await town.person("CSEC", "north1")
    await person.ask("query Mine { viewer { displayName } }")
    await person.ask(NAMED, {"c": ["机密 C01-01"]})
    await person.code("{ auditRecords { totalCount } }")
    await person.post({"query": 1})
    login = 'mutation { login(input: { loginName: "a", password: "hush" }) { expiresIn } }'
    await Person(town.api, town.tenant.slug).ask(login)
    told = [
        (line["kind"], line["name"], line["outcome"], line["plan"], line["status"])
        for line in lines
    ]
    assert told == [
        ("query", "Mine", "OK", "fast", 200),
        ("query", "Kinds", "OK", lines[1]["plan"], 200),
        ("query", None, "FORBIDDEN", "slow:forbidden", 200),
        ("unknown", None, "BAD_USER_INPUT", "none", 400),
        ("mutation", None, "OK", "slow:anonymous", 200),
    ]
    assert {line["tenant"] for line in lines} == {town.tenant.slug}
    assert len({line["request_id"] for line in lines}) == len(lines)
    assert person.token
    written = json.dumps(lines, ensure_ascii=False)
    for private in ("机密", "hush", person.token, "C01"):
        assert private not in written


async def test_the_counts_are_kept(watched: tuple[Town, Journal, Lines]) -> None:
    town, journal, _ = watched
    person = await town.person("CSEC", "north1")
    for _ in range(3):
        await person.ask("{ viewer { displayName } }")
    shown = generate_latest(journal.registry).decode()
    assert 'guanjia_operations_total{kind="query",outcome="OK",path="fast"} 3.0' in shown
    assert 'guanjia_operation_seconds_count{kind="query",path="fast"} 3.0' in shown
    assert "guanjia_planned_total" in shown
    assert "process_resident_memory_bytes" in shown
    assert town.tenant.slug not in shown


async def test_the_counts_are_served(connections: Connections) -> None:
    transport = httpx.ASGITransport(create_app(settings.load(), connections))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        answer = await http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "process_resident_memory_bytes" in answer.text


def test_a_line_is_json_in_production(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        configure("production").info("operation", name="管家", milliseconds=1.5)
        logging.getLogger("guanjia.faults").error("fault %s", "a1")
    finally:
        structlog.reset_defaults()
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["operation", "fault a1"]
    assert lines[0]["name"] == "管家"
    assert lines[1]["logger"] == "guanjia.faults"
    assert all(line["level"] and line["timestamp"] for line in lines)


REFUSED = {
    "FORBIDDEN": [
        "{ auditRecords { totalCount } }",
    ],
    "NOT_FOUND": [
        '{ whyAllowed(memberId: "1", permission: "case:read", regionId: "1") { allowed } }',
    ],
    "BAD_USER_INPUT": [
        "{ cases(first: 101) { totalCount } }",
        '{ cases(after: "x") { totalCount } }',
        '{ cases(filter: { search: "一" }) { totalCount } }',
        "query ($n: Int) { cases(first: $n) { totalCount } tenant { slug } nothing }",
        "{",
    ],
}


async def test_what_is_refused_is_no_fault_in_the_log(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    """By a code or by a userError, read or written: the line of the journal is all there is."""
    person = await town.person("CSEC", "north1")
    nobody = Person(town.api, town.tenant.slug)
    with caplog.at_level(logging.DEBUG):
        for code, queries in REFUSED.items():
            for query in queries:
                assert await person.code(query) == code, query
        assert await nobody.code("{ cases { totalCount } }") == "UNAUTHENTICATED"
        case = {"id": str(uuid4()), "version": 1}
        assert await person.refused("fileCase", case) == "NOT_FOUND"
        denied = await person.payload("retireRole", {"code": "X_1", "version": 1})
        assert denied["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    told = [
        (each.name, each.getMessage()) for each in caplog.records if each.levelno > logging.INFO
    ]
    assert told == []
    assert not any(each.exc_info for each in caplog.records)
