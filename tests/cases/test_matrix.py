"""Every action in every state: allowed by a row, or refused with nothing written."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cases.moves import ROWS_OF, actions, everybody

from guanjia.cases import service
from guanjia.cases.guards import MACHINE
from guanjia.cases.states import State, stage_of
from guanjia.db.ids import new_id
from guanjia.graph.errors import Refusal


@pytest.mark.parametrize("state", list(State))
async def test_what_has_no_row_is_refused(town: Any, state: State) -> None:
    case, original = await town.report(), await town.report()
    person = everybody(town)
    async with town.open() as transaction:
        await transaction.connection.execute(
            "update cases set state = $2, stage = $3,"
            " suspended_at = case when $2 = 'SUSPENDED' then now() end where id = $1",
            case.id, state, stage_of(state),
        )  # fmt: skip
        # Without an assignment the handler would not even see the case.
        await transaction.connection.execute(
            "insert into case_assignments (id, case_id, region_path, reporter_id, organisation_id,"
            " role, assigned_at) values ($1, $2, $3, $4, $5, 'LEAD', now())",
            new_id(), case.id, case.region_path, case.reporter_id, town.organisations["company"],
        )  # fmt: skip
    before = await town.stored(case.id)
    for action, (permission, given) in actions(town, original, town.now).items():
        rows = ROWS_OF.get(action, (action,))
        if any(MACHINE.find(row, state) for row in rows):
            continue
        given = {**given, "version": before["version"]}
        with pytest.raises(Refusal) as refused:
            async with town.open() as transaction:
                await getattr(service, action)(
                    transaction, person, person.scope(f"case:{permission}"),
                    id=case.id, now=town.now, **given,
                )  # fmt: skip
        # A draft is its reporter's alone: to anyone else there is nothing to submit.
        wanted = "NOT_FOUND" if action == "submit_case" else "ILLEGAL_TRANSITION"
        assert refused.value.code == wanted, (action, refused.value.message)
        assert await town.stored(case.id) == before
    assert len(await town.rows(case)) == 1
    assert (await town.stored(original.id))["version"] == 2
