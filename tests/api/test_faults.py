"""Faults of the database while operations run: lost races, lost connections, none left, a field
that breaks. What is answered was done, what was not done is said with a code, and it heals."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

from guanjia.db import pools
from guanjia.db.faults import Fault, Unavailable, fault
from guanjia.graph.errors import Refusal
from guanjia.operation import PAUSES
from guanjia.reading.rows import RowReader

COUNT = "{ cases { totalCount } }"
FILE = (
    "mutation ($i: FileCaseInput!) { fileCase(input: $i)"
    " { case { id state } userErrors { code message } } }"
)
FILE_TWO = (
    "mutation ($a: FileCaseInput!, $b: FileCaseInput!) {"
    " first: fileCase(input: $a) { case { state } userErrors { code message } }"
    " second: fileCase(input: $b) { case { state } userErrors { code message } } }"
)
OF_THE_APPLICATION = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and usename in ('app_rw', 'app_ro')"
)


def seen(case: dict[str, Any]) -> dict[str, Any]:
    return {"id": case["id"], "version": case["version"]}


async def test_two_operations_that_deadlock_are_both_answered(
    town: Any, caplog: pytest.LogCaptureFixture
) -> None:
    clerk, second = await town.person("COMM", "north1"), await town.person("COMM", "north1")
    caplog.set_level(logging.WARNING, "guanjia.errors")
    for _ in range(3):
        one, two = (
            seen(await town.opened(clerk, "north1")),
            seen(await town.opened(clerk, "north1")),
        )
        answers = await asyncio.gather(
            clerk.ask(FILE_TWO, {"a": one, "b": two}), second.ask(FILE_TWO, {"a": two, "b": one})
        )
        filed = 0
        for answer in answers:
            assert "errors" not in answer, answer
            for field in answer["data"].values():
                refused = [error["code"] for error in field["userErrors"]]
                assert (refused == ["CONFLICT"]) != (field["case"] == {"state": "FILED"})
                filed += not refused
        assert filed == 2
        if "RACE" in caplog.text:
            return
    raise AssertionError("they never met")


async def test_two_that_make_the_same_at_once_make_it_once(town: Any) -> None:
    system = await town.person("SYS")
    given = {
        "code": "P-09", "name": "楼道堆物", "groupName": "物业服务", "kind": "EVENT",
        "limitValue": 3, "limitUnit": "WORK_DAY", "leadKind": "COMMUNITY", "leadName": "社区",
        "source": "本区规定",
    }  # fmt: skip
    query = (
        "mutation ($i: CreateCategoryInput!) { createCategory(input: $i)"
        " { category { id } userErrors { code } } }"
    )
    answers = await asyncio.gather(*(system.data(query, {"i": given}) for _ in range(5)))
    refused = [answer["createCategory"]["userErrors"] for answer in answers]
    assert sorted(refused, key=len) == [[], *[[{"code": "CONFLICT"}]] * 4]


async def test_a_race_that_does_not_end_is_a_conflict_and_leaves_nothing(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk, tries = await town.person("COMM", "north1"), 0
    case = await town.opened(clerk, "north1")
    by_id = RowReader.by_id

    async def lose(self: Any, name: str, *args: Any, **more: Any) -> Any:
        nonlocal tries
        tries += 1
        await by_id(self, name, *args, **more)
        raise asyncpg.DeadlockDetectedError("deadlock detected")

    with monkeypatch.context() as patched:
        patched.setattr(RowReader, "by_id", lose)
        answer = await clerk.ask(FILE, {"i": seen(case)})
    assert tries == len(PAUSES) + 1
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "CONFLICT"
    assert "deadlock" not in str(answer)
    assert (await clerk.data(FILE, {"i": seen(case)}))["fileCase"]["case"]["state"] == "FILED"


async def test_a_field_that_breaks_leaves_nothing_of_its_mutation(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = await town.person("COMM", "north1")
    one, two = seen(await town.opened(clerk, "north1")), seen(await town.opened(clerk, "north1"))

    async def broken(*_: Any) -> Any:
        raise ZeroDivisionError("geheim")

    query = FILE_TWO.replace("second: ", "second: ").replace(
        "{ case { state } userErrors { code message } } }",
        "{ case { state assignments { id } } userErrors { code } } }",
    )
    with monkeypatch.context() as patched:
        patched.setattr(RowReader, "many", broken)
        answer = await clerk.ask(query, {"a": one, "b": two})
    assert (answer["data"], len(answer["errors"])) == (None, 1)
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "geheim" not in str(answer)
    after = await clerk.data(FILE_TWO, {"a": one, "b": two})
    assert [field["case"]["state"] for field in after.values()] == ["FILED", "FILED"]


async def test_lost_connections_are_said_and_mended(town: Any, admin: Any) -> None:
    clerk = await town.person("COMM", "north1")
    cases = [seen(await town.opened(clerk, "north1")) for _ in range(8)]
    waiting = asyncio.create_task(_terminate(admin, 12))
    filed: dict[str, Any] = {}
    while not waiting.done():
        open_cases = [case for case in cases if case["id"] not in filed]
        answers = await asyncio.gather(
            *(clerk.ask(FILE, {"i": case}) for case in open_cases),
            *(clerk.ask(COUNT) for _ in range(6)),
        )
        for answer in answers:
            if "errors" in answer:
                codes = {error["extensions"]["code"] for error in answer["errors"]}
                assert codes <= {"UNAVAILABLE", "CONFLICT"}, answer
                assert "connection" not in str(answer)
            elif answer["data"].get("fileCase", {}).get("case"):
                case = answer["data"]["fileCase"]["case"]
                assert filed.setdefault(case["id"], case) is case, "filed twice"
    answers = await asyncio.gather(*(clerk.ask(COUNT) for _ in range(12)))
    assert all(answer["data"]["cases"]["totalCount"] == 8 for answer in answers)
    for case in cases:
        answer = (await clerk.data(FILE, {"i": case}))["fileCase"]
        # Filed now, or filed before: then its version has moved on.
        assert answer["case"] or answer["userErrors"][0]["code"] == "CONFLICT"
    found = await clerk.data("{ cases { nodes { state timeline { totalCount } } } }")
    assert found["cases"]["nodes"] == [{"state": "FILED", "timeline": {"totalCount": 2}}] * 8


async def _terminate(admin: Any, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0.1)
        await admin.execute(OF_THE_APPLICATION)


async def test_with_no_connection_left_one_is_asked_to_come_again(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, clerk = town.api.world.database, await town.person("COMM", "north1")
    case = await town.opened(clerk, "north1")
    monkeypatch.setattr(pools, "ACQUIRE_SECONDS", 0.05)
    async with AsyncExitStack() as held:
        for _ in range(database._read.get_max_size()):
            await held.enter_async_context(database.snapshot(town.tenant.id))
        assert await clerk.code(COUNT) == "UNAVAILABLE"
    async with AsyncExitStack() as held:
        writing = pools.get_connection(pools.WRITE)._pool
        for _ in range(writing.get_max_size()):
            await held.enter_async_context(writing.acquire())
        answer = await clerk.ask(FILE, {"i": seen(case)})
        assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert (await clerk.data(FILE, {"i": seen(case)}))["fileCase"]["userErrors"] == []
    assert (await clerk.data(COUNT))["cases"]["totalCount"] == 1


def test_what_a_database_error_means() -> None:
    def wrapped(error: Exception) -> Exception:
        outer = RuntimeError()
        outer.__cause__ = error
        return outer

    refusal = Refusal("CONFLICT", "已存在")
    refusal.__context__, refusal.__suppress_context__ = asyncpg.UniqueViolationError(""), True
    for error, meaning in (
        (asyncpg.DeadlockDetectedError(""), Fault.RACE),
        (wrapped(asyncpg.SerializationError("")), Fault.RACE),
        (asyncpg.AdminShutdownError(""), Fault.UNAVAILABLE),
        (asyncpg.CannotConnectNowError(""), Fault.UNAVAILABLE),
        (asyncpg.TooManyConnectionsError(""), Fault.UNAVAILABLE),
        (asyncpg.InterfaceError("connection is closed"), Fault.UNAVAILABLE),
        (asyncpg.InterfaceError("another operation is in progress"), None),
        (asyncpg.UniqueViolationError(""), Fault.DUPLICATE),
        (asyncpg.QueryCanceledError(""), None),
        (wrapped(Unavailable()), Fault.UNAVAILABLE),
        (asyncpg.CharacterNotInRepertoireError(""), Fault.VALUE),
        (asyncpg.UndefinedTableError(""), None),
        (refusal, None),
    ):
        assert fault(error) is meaning, error
