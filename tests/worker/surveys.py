"""Many surveys whose window is over: copies of a case that people brought there step by step."""

from __future__ import annotations

from typing import Any

import guanjia.cases.schema as schema  # what photographs hang on is declared there
from guanjia.cases.chain import GENESIS, event_hash
from guanjia.db.ids import new_id

assert schema


async def surveyed(town: Any, count: int) -> None:
    """So many cases of the town are in their survey, which ended long ago and nobody answered."""
    case = await town.report()
    await town.to_feedback(case)
    await town.do("grid_two", "check_case", case, passed=True)
    homes = {"affected_house_unit_ids": town.homes[:2]}
    await town.do("clerk", "close_case", case, callback="电话告知", **homes)
    row, events = dict(await town.stored(case.id)), await town.rows(case)
    async with town.open() as transaction:
        assigned = [
            dict(each)
            for each in await transaction.connection.fetch(
                "select * from case_assignments where case_id = $1", case.id
            )
        ]
        made = [new_id() for _ in range(count - 1)]
        for number, each in enumerate(made, 1):
            copy = {**row, "id": each, "number": f"{row['number'][:-6]}9{number:05}"}
            await _insert(transaction.connection, "cases", copy)
            for part in assigned:
                await _insert(
                    transaction.connection, "case_assignments",
                    {**part, "id": new_id(), "case_id": each},
                )  # fmt: skip
            previous = GENESIS
            for event in events:
                said = {**event, "id": new_id(), "case_id": each, "prev_hash": previous}
                said["hash"] = previous = event_hash(previous, said)
                await _insert(transaction.connection, "case_events", said)


async def _insert(connection: Any, table: str, row: dict[str, Any]) -> None:
    row = {
        name: value for name, value in row.items() if name not in ("street_path", "community_path")
    }
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await connection.execute(
        f"insert into {table} ({', '.join(row)}) values ({places})", *row.values()
    )
