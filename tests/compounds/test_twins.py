"""The rules of the parties, each taken away: the check that holds it is then seen red."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from tests.compounds.test_committees import (
    test_a_compound_has_one_committee_at_a_time as one_committee,
)
from tests.compounds.test_committees import (
    test_filing_is_due_in_thirty_days_and_overdue_is_found as thirty_days,
)
from tests.compounds.test_companies import test_a_compound_has_one_company_at_a_time as one_company
from tests.compounds.test_crossappointments import sides
from tests.compounds.test_crossappointments import (
    test_near_relatives_do_not_sit_on_one_committee as no_relatives,
)
from tests.compounds.test_crossappointments import (
    test_the_owners_committee_and_the_companys_branch_are_kept_apart as kept_apart,
)
from tests.compounds.test_partyorganisations import (
    test_a_branch_of_its_own_needs_its_full_members as full_members,
)

from guanjia.compounds import avoidances, rules
from guanjia.compounds.service import avoidance, committees, companies
from guanjia.db.ids import new_id

__all__ = ["sides"]
Check = Callable[[Any], Awaitable[None]]
NUMBERS: dict[str, Check] = {"COMMITTEE_FILING": thirty_days, "BRANCH_FULL_MEMBERS": full_members}
AVOIDANCES: dict[str, Check] = {
    "RESIDENTS_COMMITTEE": no_relatives,
    "OWNERS_AND_COMPANY": kept_apart,
}
SENTENCES: list[tuple[Any, str, Check]] = [
    (companies, "_refuse_overlap", one_company),
    (committees, "_refuse_two", one_committee),
]
CONTRACT = (
    "insert into property_contracts (id, compound_id, company_id, starts_on, ends_on)"
    " select gen_random_uuid(), $1, id, $2::text::date, $3::text::date from property_companies"
    " where tenant_id = current_setting('app.tenant_id')::uuid"
)
COMMITTEE = (
    "insert into owners_committees (id, compound_id, elected_on, term_from, term_to, file_by)"
    " values (gen_random_uuid(), $1, $2::text::date, $2::text::date, $3::text::date,"
    " $2::text::date)"
)
EXCLUSIONS = {"property_contracts": CONTRACT, "owners_committees": COMMITTEE}
PARTIES = (
    "property_companies", "property_contracts", "owners_committees", "committee_members",
    "party_organisations", "party_posts", "cross_appointments", "kinships",
)  # fmt: skip


def test_every_rule_has_its_twin() -> None:
    assert {rule.code for rule in rules.rules()} == set(NUMBERS)
    assert {rule.code for rule in avoidances.avoidances()} == set(AVOIDANCES)


@pytest.mark.parametrize("code", sorted(NUMBERS))
async def test_a_number_that_is_none_is_seen(
    place: Any, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    changed = tuple(replace(r, value=0) if r.code == code else r for r in rules.rules())
    monkeypatch.setattr(rules, "rules", lambda: changed)
    with pytest.raises(AssertionError):
        await NUMBERS[code](place)


@pytest.mark.parametrize("code", sorted(AVOIDANCES))
async def test_an_avoidance_that_is_gone_is_seen(
    sides: Any, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    rest = tuple(rule for rule in avoidances.avoidances() if rule.code != code)
    monkeypatch.setattr(avoidance, "avoidances", lambda: rest)
    with pytest.raises(AssertionError):
        await AVOIDANCES[code](sides)


@pytest.mark.parametrize(("module", "name", "check"), SENTENCES, ids=[s[1] for s in SENTENCES])
async def test_a_sentence_that_is_gone_is_seen(
    place: Any, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, check: Check
) -> None:
    """Without it the exclusion constraint still refuses, as a fault without a sentence."""

    async def silent(*_: Any) -> None:
        return None

    monkeypatch.setattr(module, name, silent)
    with pytest.raises(AssertionError):
        await check(place)


async def exclusions(admin: asyncpg.Connection) -> dict[str, str]:
    """The exclusion constraints of the parties' tables, by table."""
    rows = await admin.fetch(
        "select conrelid::regclass::text as table, conname as name from pg_constraint"
        " where contype = 'x' and conrelid::regclass::text = any($1)",
        list(PARTIES),
    )
    found = {row["table"]: row["name"] for row in rows}
    assert len(found) == len(rows)
    return found


async def test_every_exclusion_has_its_twin(admin: asyncpg.Connection) -> None:
    assert set(await exclusions(admin)) == set(EXCLUSIONS)


@pytest.mark.parametrize("table", sorted(EXCLUSIONS))
async def test_two_at_once_are_two_only_without_the_exclusion(
    place: Any, admin: asyncpg.Connection, table: str
) -> None:
    """Touching days are no overlap, a day in common is; without the constraint it is not seen."""
    await place.company()
    name = (await exclusions(admin))[table]
    other = new_id()
    undo = admin.transaction()
    await undo.start()
    try:
        await admin.execute(f"set local app.tenant_id = '{place.town.tenant.id}'")
        await admin.execute(
            "insert into compounds (id, name, region_id, region_path, management_mode,"
            " search_text) select $1, '另一小区', region_id, region_path, management_mode, ''"
            " from compounds where id = $2",
            other, place.compound,
        )  # fmt: skip
        await admin.execute(EXCLUSIONS[table], place.compound, "2025-01-01", "2025-12-31")
        await admin.execute(EXCLUSIONS[table], place.compound, "2026-01-01", "2026-12-31")
        await admin.execute(EXCLUSIONS[table], other, "2025-06-01", "2025-12-31")
        overlap = (place.compound, "2025-12-31", "2025-12-31")
        with pytest.raises(asyncpg.ExclusionViolationError):
            async with admin.transaction():
                await admin.execute(EXCLUSIONS[table], *overlap)
        await admin.execute(f"alter table {table} drop constraint {name}")
        assert await admin.execute(EXCLUSIONS[table], *overlap) == "INSERT 0 1"
    finally:
        await undo.rollback()
