"""What goes wrong inside is told by a code and an id, and by nothing else; the log knows where."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from tests.api.conftest import Person, Town

from guanjia.reading.engine import Engine
from guanjia.reading.rows import RowReader

SECRET = "张三丰13900000001"  # what a person wrote; must be seen nowhere
LEAKS = re.compile(
    r"select|insert|violates|constraint|relation|syntax|Traceback|asyncpg|postgres|tenant_id|\.py",
    re.IGNORECASE,
)
COMPILED = "{ caseCategories { nodes { id } } }"
STOCK = "{ __schema { queryType { name } } caseCategories { nodes { id } } }"


async def failing_sql(connection: Any, sql: str) -> Any:
    return await connection.fetchval(sql)


async def of_type(*_: Any, **__: Any) -> Any:
    return int(SECRET)


async def of_timeout(*_: Any, **__: Any) -> Any:
    raise TimeoutError(SECRET)


def of_database(town: Town, *statements: str) -> Callable[..., Awaitable[Any]]:
    """A failure that PostgreSQL itself reports."""

    async def fail(*_: Any, **__: Any) -> Any:
        async with town.api.world.database.snapshot(town.tenant.id) as connection:
            for statement in statements:
                await connection.execute(statement)

    return fail


def of_constraint(town: Town) -> Callable[..., Awaitable[Any]]:
    async def fail(*_: Any, **__: Any) -> Any:
        async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
            await transaction.connection.execute(
                "insert into tenants (slug, code, name, next_region) values ($1, $2, $3, 1)",
                town.tenant.slug,
                "990101",
                SECRET,
            )

    return fail


FAULTS: dict[str, Callable[[Town], Callable[..., Awaitable[Any]]]] = {
    "type": lambda _: of_type,
    "constraint": of_constraint,
    "unknown column": lambda town: of_database(town, f'select "{SECRET}" from cases'),
    "cast": lambda town: of_database(town, f"select '{SECRET}'::int"),
    "read only": lambda town: of_database(town, "delete from cases"),
}


@pytest.fixture(params=list(FAULTS))
def fault(request: pytest.FixtureRequest, town: Town) -> Callable[..., Awaitable[Any]]:
    return FAULTS[request.param](town)


async def told(person: Person, query: str) -> tuple[dict[str, Any], str]:
    answer = await person.post({"query": query})
    assert answer.status_code == 200
    (error,) = answer.json()["errors"]
    assert SECRET not in answer.text
    assert not LEAKS.search(error["message"])
    assert set(error["extensions"]) <= {"code", "requestId"}
    return error, answer.headers["x-request-id"]


@pytest.mark.parametrize(("layer", "query"), [("fast", COMPILED), ("slow", STOCK)])
async def test_a_fault_is_told_by_its_id_alone(
    town: Town,
    fault: Callable[..., Awaitable[Any]],
    layer: str,
    query: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    person = await town.person("CSEC", "north1")
    if layer == "fast":
        monkeypatch.setattr(Engine, "run", fault)
    else:
        monkeypatch.setattr(RowReader, "page", fault)
    with caplog.at_level(logging.ERROR, logger="guanjia.faults"):
        error, identifier = await told(person, query)
    assert error["extensions"] == {"code": "INTERNAL", "requestId": identifier}
    assert identifier in caplog.text
    assert "test_errors.py" in caplog.text
    assert SECRET not in caplog.text


async def test_a_violated_constraint_is_named_in_the_log_only(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    person = await town.person("CSEC", "north1")
    monkeypatch.setattr(Engine, "run", of_constraint(town))
    with caplog.at_level(logging.ERROR, logger="guanjia.faults"):
        await told(person, COMPILED)
    assert "UniqueViolationError 23505 tenants_" in caplog.text


@pytest.mark.parametrize(("place", "query"), [("fast", COMPILED), ("slow", STOCK)])
@pytest.mark.parametrize("slow", ["server", "client"])
async def test_what_takes_too_long_is_told_as_a_limit(
    town: Town, place: str, query: str, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await town.person("CSEC", "north1")
    fault = of_timeout
    if slow == "server":
        fault = of_database(town, "set local statement_timeout = 20", "select pg_sleep(5)")
    owner, name = (Engine, "run") if place == "fast" else (RowReader, "page")
    monkeypatch.setattr(owner, name, fault)
    error, _ = await told(person, query)
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_an_operation_is_ended_at_its_time(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await town.person("CSEC", "north1")
    settings = town.api.world.settings.model_copy(update={"operation_seconds": 0.05})
    monkeypatch.setattr(town.api.world, "settings", settings)
    monkeypatch.setattr(RowReader, "page", of_database(town, "select pg_sleep(5)"))
    error, _ = await told(person, STOCK)
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    monkeypatch.undo()
    assert "errors" not in await person.ask(STOCK)


async def test_the_planted_faults_do_leak_when_shown() -> None:
    """The scanner sees what it is meant to see."""
    for fault in (asyncpg.UniqueViolationError('violates unique constraint "x"'), SyntaxError()):
        assert LEAKS.search(f"{fault!r} in file x.py")
