"""How the search for duplicates is answered: by its indexes, under row-level security."""

from __future__ import annotations

from typing import Any

import pytest

from guanjia.cases.service import duplicate_candidates

MANY = 4000


class Explaining:
    """A connection that tells how it would answer."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *arguments: Any) -> list[Any]:
        rows: list[Any] = await self._connection.fetch(f"explain {sql}", *arguments)
        return rows


@pytest.mark.parametrize("who", ["clerk", "dispatcher"])
async def test_near_cases_are_found_by_index(town: Any, admin: Any, who: str) -> None:
    case = await town.report(longitude=118.17, latitude=26.64)
    async with town.open() as transaction:
        columns = await transaction.connection.fetch(
            "select column_name as name from information_schema.columns where table_name = 'cases'"
            " and table_schema = 'public' and is_generated = 'NEVER'"
        )
        own = {
            "id": "gen_random_uuid()",
            "number": "'copy-' || n",
            "latitude": "26 + n * 0.0002",
            "place_key": "'place' || n",
        }
        names = [row["name"] for row in columns]
        await transaction.connection.execute(
            f"insert into cases ({', '.join(names)})"
            f" select {', '.join(own.get(name, 'c.' + name) for name in names)}"
            " from cases c cross join generate_series(1, $2::int) n where c.id = $1",
            case.id, MANY,
        )  # fmt: skip
    await admin.execute("analyze cases")
    row = await town.stored(case.id)
    async with town.open() as transaction:
        lines = await duplicate_candidates(
            Explaining(transaction.connection),
            town.people[who].scope("case:read"),
            row,
            row["category_id"],
        )
    plan = "\n".join(line[0] for line in lines)
    assert "Seq Scan" not in plan, plan
    assert "cases_near" in plan, plan
    assert "cases_same_place" in plan, plan
    conditions = [line[0] for line in lines if "Index Cond" in line[0]]
    assert any("latitude >=" in line and "tenant_id =" in line for line in conditions), plan
    assert any("place_key =" in line and "tenant_id =" in line for line in conditions), plan
