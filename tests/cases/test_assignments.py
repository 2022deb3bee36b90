"""No case is given to an organisation that is being closed, whoever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any

import pytest

from guanjia.cases import service
from guanjia.cases.states import State
from guanjia.graph.errors import Refusal
from guanjia.tenancy.organisations import close_organisation

ROLES = ("lead", "assistant")


async def filed(town: Any) -> Any:
    return await town.do("clerk", "file_case", await town.report())


def given(town: Any, role: str) -> dict[str, Any]:
    """The company leads, or assists another one."""
    company, helper = (town.organisations[name] for name in ("company", "helper"))
    if role == "lead":
        return {"organisation_id": company}
    return {"organisation_id": helper, "assistant_ids": [company]}


async def dispatch(town: Any, transaction: Any, case: Any, role: str) -> Any:
    clerk = town.people["clerk"]
    return await service.dispatch_case(
        transaction, clerk, clerk.scope("case:dispatch"), id=case.id, version=case.version,
        now=town.now, **given(town, role),
    )  # fmt: skip


async def close(town: Any, transaction: Any) -> None:
    system = town.people["system"]
    await close_organisation(
        transaction, system, system.scope("organisation:manage"),
        organisation_id=town.organisations["company"], version=1,
    )  # fmt: skip


async def waits(town: Any, second: Callable[[Any], Awaitable[Any]]) -> asyncio.Task[Any]:
    """The second step in a transaction of its own, which does not get through."""

    async def work() -> Any:
        async with town.open() as transaction:
            return await second(transaction)

    # An empty context knows no open transaction.
    task = asyncio.create_task(work(), context=Context())
    done, _ = await asyncio.wait({task}, timeout=0.3)
    assert not done
    return task


@pytest.mark.parametrize("role", ROLES)
async def test_closing_waits_for_the_dispatch_and_is_refused(town: Any, role: str) -> None:
    case = await filed(town)
    async with town.open() as transaction:
        await dispatch(town, transaction, case, role)
        closing = await waits(town, lambda other: close(town, other))
    with pytest.raises(Refusal, match="未办结案件 1 件"):
        await closing
    assert (await town.stored(case.id))["state"] == State.DISPATCHED


@pytest.mark.parametrize("role", ROLES)
async def test_the_dispatch_waits_for_the_closing_and_is_refused(town: Any, role: str) -> None:
    case = await filed(town)
    async with town.open() as transaction:
        await close(town, transaction)
        sending = await waits(town, lambda other: dispatch(town, other, case, role))
    with pytest.raises(Refusal) as refused:
        await sending
    assert refused.value.code == "NOT_FOUND"
    assert (await town.stored(case.id))["state"] == State.FILED
    async with town.open() as transaction:
        assert await transaction.connection.fetchval("select count(*) from case_assignments") == 0


async def test_two_dispatches_to_one_organisation_do_not_wait(town: Any) -> None:
    one, other = await filed(town), await filed(town)
    async with town.open() as transaction:
        await service.dispatch_case(
            transaction, town.people["clerk"], town.people["clerk"].scope("case:dispatch"),
            id=one.id, version=one.version, now=town.now, **given(town, "lead"),
        )  # fmt: skip
        # The audit chain is the tenant's; only the organisation is to be had at once.
        await asyncio.wait_for(asyncio.create_task(_held(town), context=Context()), timeout=5)
    sent = await town.do("clerk", "dispatch_case", other, **given(town, "lead"))
    assert sent.state == State.DISPATCHED


async def _held(town: Any) -> None:
    async with town.open() as transaction:
        await transaction.connection.fetch(
            "select 1 from organisations where id = $1 for share nowait",
            town.organisations["company"],
        )
