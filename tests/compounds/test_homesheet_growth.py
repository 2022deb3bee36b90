"""What a long list costs grows with its length and no faster, in a tenant nobody has measured."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from tests.compounds.conftest import Estate
from tests.compounds.residents import number
from tests.compounds.test_homesheet import applied, resident
from tests.planner import forget

from guanjia.imports import running, staging

ROWS = 3_500
# The server leaves these alone while they are small.
FILLED = (
    "house_units", "house_bindings", "vote_holdings", "persons", "person_documents",
    "person_phones", "person_grams",
)  # fmt: skip
WRITTEN = "select relname, n_tup_ins from pg_stat_xact_user_tables"
OPTIONS = "select coalesce(reloptions, '{}') from pg_class where oid = $1::text::regclass"
FETCHED = "select sum(idx_tup_fetch + seq_tup_read)::bigint from pg_stat_xact_user_tables"


async def test_each_part_reads_what_it_names_and_not_what_came_before(
    estate: Estate, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await forget(admin, *FILLED)
    settle, seal_of = staging.settle, staging.seal_of
    fetched, written = list[int](), list[dict[str, int]]()

    async def beginning(connection: Any, *given: Any) -> Any:
        # What the connection did for others before may not be reported yet.
        fetched[:] = [await connection.fetchval(FETCHED)]
        return await seal_of(connection, *given)

    async def counting(transaction: Any, *given: Any) -> None:
        await settle(transaction, *given)
        fetched.append(await transaction.connection.fetchval(FETCHED))
        written.append(dict(await transaction.connection.fetch(WRITTEN)))

    monkeypatch.setattr(running.staging, "seal_of", beginning)
    monkeypatch.setattr(running.staging, "settle", counting)
    await applied(
        estate.clerk,
        *(
            resident(
                building=f"{n % 2 + 1}幢", unit=str(n // 1_000 + 1), floor=n // 20 % 50 + 1,
                room=f"{n // 20 % 50 + 1}{n % 20 + 1:02}", name="甲一", number=number(n),
                phone=f"139{n:08}",
            )
            for n in range(ROWS)
        ),
    )  # fmt: skip
    parts = [after - before for before, after in pairwise(fetched)]
    # Per row some thirty: its home and person, and the keys that its rows refer to.
    assert len(parts) == 4
    assert max(parts) < 60 * 1_000, parts
    # Nor does the server measure a table meanwhile, when it would see nothing of the list.
    filled = [table for table, rows in written[-1].items() if rows - written[0][table] > 1_000]
    assert sorted(filled) == sorted(FILLED)
    for table in filled:
        options = await admin.fetchval(OPTIONS, table)
        for measure in ("analyze", "vacuum", "vacuum_insert"):
            assert f"autovacuum_{measure}_threshold=10000" in options, table
