"""A list of homes and residents comes into force: in bulk, part by part, in one transaction."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from guanjia.compounds import forms
from guanjia.compounds.homesheet.columns import PROOFS, RELATIONS, SEXES, YES, birth_of
from guanjia.compounds.homesheet.stored import Bound, Stored, holder, look
from guanjia.compounds.models import VoteCause
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.imports.kinds import Change, Effect, Place, Row
from guanjia.people.drafts import Draft, Given, Today, draft
from guanjia.people.identity import phone
from guanjia.people.service import (
    Sealed,
    add_phones,
    insert_sealed,
    phone_index,
    sealed_drafts,
    today_of,
)
from guanjia.people.vault import SealedKey, vault_of

_LOCK = "select pg_advisory_xact_lock(hashtextextended($1, 29))"
_INSERT_HOMES = """
insert into house_units (id, building_id, compound_id, region_path, unit, floor, room, label,
  estate_code, area_dm2, valid_from)
select u.* from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int[],
  $7::text[], $8::text[], $9::text[], $10::int[], $11::date[]) u
"""
_HOME_COLUMNS = (
    "id", "building_id", "compound_id", "region_path", "unit", "floor", "room", "label",
    "estate_code", "area_dm2", "valid_from",
)  # fmt: skip
_CHANGE_HOMES = """
update house_units h set area_dm2 = coalesce(u.area, h.area_dm2),
  estate_code = coalesce(u.code, h.estate_code), version = h.version + 1
from unnest($2::uuid[], $3::int[], $4::text[]) u(id, area, code)
where h.tenant_id = $1 and h.id = u.id returning h.id, h.version
"""
# A home of an earlier part of this file begins with the earliest of its residents.
_BEGIN_EARLIER = """
update house_units h set valid_from = u.day from unnest($2::uuid[], $3::date[]) u(id, day)
where h.tenant_id = $1 and h.id = u.id and h.valid_from > u.day
"""
_INSERT_BINDINGS = """
insert into house_bindings (id, house_unit_id, building_id, compound_id, person_id, region_path,
  relation, proof, valid_from, proven_by, proven_at)
select u.*, $10, now() from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[],
  $6::text[], $7::text[], $8::text[], $9::date[]) u
"""
# A first owner of an earlier part of this file gives way to the holder whom a later one names.
_GIVE_WAY = (
    "delete from vote_holdings where tenant_id = $1 and house_unit_id = any($2)"
    " and ended_at is null and began_at = now()"
)
_INSERT_VOTES = """
insert into vote_holdings (id, house_unit_id, person_id, cause, began_at, recorded_by)
select u.*, now(), $5 from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) u
"""


async def prepare(transaction: Transaction) -> None:
    """Of two lists of one tenant the second waits, and is then held against what the first did."""
    await transaction.connection.execute(_LOCK, f"{transaction.tenant_id}:homes")


@dataclass(slots=True)
class _Doing:
    """One part of a file on its way in. effects: what undoing needs, by row."""

    transaction: Transaction
    place: Place
    stored: Stored
    now: dt.datetime
    rows: Sequence[Row]
    effects: dict[int, dict[str, Any]] = field(default_factory=dict)
    persons: dict[int, UUID] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)

    @property
    def tenant(self) -> UUID:
        return self.place.tenant_id

    @property
    def member(self) -> UUID:
        assert self.place.scope.membership_id is not None
        return self.place.scope.membership_id

    def since(self, row: Row) -> dt.date:
        return dt.date.fromisoformat(row["since"]) if row["since"] else self.place.today

    def home(self, row: Row) -> Any:
        return self.stored.homes[self.stored.key(row)]


async def apply(
    transaction: Transaction, place: Place, rows: Sequence[tuple[Row, Change]]
) -> list[Effect]:
    """The homes of the rows exist as they say, their persons are registered and bound."""
    connection = transaction.connection
    keyring = await vault_of(place.settings).writing(connection, transaction.tenant_id)
    mine = [row for row, _ in rows]
    stored = await look(connection, place, keyring, mine, lock=True)
    now = await connection.fetchval("select now()")
    doing = _Doing(transaction, place, stored, now, mine, {row.number: {} for row in mine})
    today = await today_of(transaction, now, imported=True)
    # Beside the event loop, and beside the database: sealing is a matter of processor time.
    newcomers, _ = await asyncio.gather(
        asyncio.to_thread(_newcomers, stored, mine, today), _homes(doing)
    )
    await _register(doing, newcomers)
    await _phones(doing)
    await _bindings(doing)
    await _votes(doing)
    return [
        Effect(row.number, doing.home(row)["id"], change, doing.effects[row.number])
        for row, change in rows
    ]


async def _homes(doing: _Doing) -> None:
    """New homes are there and those that differ are changed; each begins with its residents."""
    new: dict[Any, dict[str, Any]] = {}
    changed: dict[UUID, Row] = {}
    earlier: dict[UUID, dt.date] = {}
    for row in doing.rows:
        key, since = doing.stored.key(row), doing.since(row)
        home = doing.stored.homes.get(key)
        if home is None:
            home = new[key] = doing.stored.homes[key] = _new_home(doing, row)
            doing.effects[row.number]["made"] = str(home["id"])
        elif row["first"] == row.number and _differs(home, row):
            changed[home["id"]] = row
        if key in new:
            home["valid_from"] = min(since, home["valid_from"])
        elif since < earlier.get(home["id"], home["valid_from"]):
            earlier[home["id"]] = since
    connection = doing.transaction.connection
    await connection.execute(
        _INSERT_HOMES, *([home[name] for home in new.values()] for name in _HOME_COLUMNS)
    )
    if earlier:
        await connection.execute(_BEGIN_EARLIER, doing.tenant, list(earlier), [*earlier.values()])
    await _change_homes(doing, changed)


def _new_home(doing: _Doing, row: Row) -> dict[str, Any]:
    building = doing.stored.building(row)
    return {
        "id": new_id(), "building_id": building["id"], "compound_id": building["compound_id"],
        "region_path": building["region_path"], "unit": row["unit"],
        "floor": row["floor"], "room": row["room"],
        "label": forms.label(building["name"], row["unit"], row["room"]),
        "estate_code": row["estate_code"], "area_dm2": row["area"],
        "valid_from": doing.since(row),
    }  # fmt: skip


def _differs(home: Any, row: Row) -> bool:
    return row["area"] not in (None, home["area_dm2"]) or row["estate_code"] not in (
        None,
        home["estate_code"],
    )


async def _change_homes(doing: _Doing, changed: dict[UUID, Row]) -> None:
    versions = {
        found["id"]: found["version"]
        for found in await doing.transaction.connection.fetch(
            _CHANGE_HOMES,
            doing.tenant,
            list(changed),
            [row["area"] for row in changed.values()],
            [row["estate_code"] for row in changed.values()],
        )
    }
    for home_id, row in changed.items():
        home = doing.home(row)
        doing.effects[row.number]["changed"] = [
            versions[home_id], home["area_dm2"], home["estate_code"],
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Newcomers:
    """persons: whom each row names. drafts: those of them who are not registered yet, by row."""

    persons: dict[int, UUID]
    drafts: dict[int, Draft]
    sealed: Sealed


def _newcomers(stored: Stored, rows: Sequence[Row], today: Today) -> _Newcomers:
    """Everybody whom the rows name is known, or there is one draft of them, where the home is."""
    persons: dict[int, UUID] = {}
    drafts: dict[int, Draft] = {}
    made: dict[Any, UUID] = {}
    for row in rows:
        if row["name"] is None:
            continue
        named = holder(row)
        person = _registered(stored, row) or (made.get(named) if named else None)
        if person is None:
            new = drafts[row.number] = _draft(stored, row, today)
            person = new.id
            if named:
                made[named] = person
        persons[row.number] = person
    return _Newcomers(persons, drafts, sealed_drafts(stored.keyring, list(drafts.values())))


async def _register(doing: _Doing, newcomers: _Newcomers) -> None:
    """The drafts are registered persons."""
    await insert_sealed(doing.transaction, newcomers.sealed, doing.member, doing.now)
    doing.persons = newcomers.persons
    doing.drafts = list(newcomers.drafts.values())
    for number, new in newcomers.drafts.items():
        doing.effects[number]["person"] = str(new.id)


def _registered(stored: Stored, row: Row) -> UUID | None:
    named = holder(row)
    if named is not None:
        found = stored.holders.get(named)
        return found["id"] if found else None
    home = stored.homes.get(stored.key(row))
    here = stored.bound.get(home["id"], ()) if home else ()
    return next((b.person_id for b in here if b.name == row["name"]), None)


def _draft(stored: Stored, row: Row, today: Today) -> Draft:
    building, named = stored.building(row), holder(row)
    return draft(
        today,
        name=row["name"],
        region_id=building["region_id"],
        region_path=building["region_path"],
        documents=[Given(named[0], row["legacy"] or named[1])] if named else (),
        phones=[row["phone"]] if row["phone"] else (),
        sex=SEXES.get(row["sex"]),
        birth_date=birth_of(row["birth"]),
    )


async def _phones(doing: _Doing) -> None:
    """Who was registered before the row has its telephone as well."""
    connection, keyring = doing.transaction.connection, doing.stored.keyring
    for row in doing.rows:
        person = doing.persons.get(row.number)
        if person is None or row["phone"] is None or "person" in doing.effects[row.number]:
            continue
        known = doing.stored.phones.get(person)
        if known is None:
            # Registered by a row above, of this part of the file.
            known = doing.stored.phones[person] = {
                phone_index(keyring, p.number) for d in doing.drafts if d.id == person
                for p in d.phones
            }  # fmt: skip
        index = phone_index(keyring, row["phone"])
        if index in known:
            continue
        stored = await connection.fetchrow(
            "select sealed_key, key_version, (select coalesce(max(position), -1) + 1 from"
            " person_phones f where f.tenant_id = $1 and f.person_id = p.id) as position"
            " from persons p where p.tenant_id = $1 and p.id = $2 for update of p",
            doing.tenant,
            person,
        )
        key = keyring.open_key(
            SealedKey(stored["sealed_key"], stored["key_version"]), "persons", person
        )
        added = [(stored["position"], phone(row["phone"]))]
        await add_phones(doing.transaction, keyring, key, person, added, doing.now)
        known.add(index)
        doing.effects[row.number]["phone"] = [str(person), index.hex()]


async def _bindings(doing: _Doing) -> None:
    """The persons are bound to their homes."""
    columns: list[list[Any]] = [[] for _ in range(9)]
    for row in doing.rows:
        person, home = doing.persons.get(row.number), doing.home(row)
        if person is None or doing.stored.binding(home["id"], person):
            continue
        binding, relation = new_id(), RELATIONS[row["relation"]]
        building = doing.stored.building(row)
        values = (
            binding, home["id"], building["id"], building["compound_id"], person,
            building["region_path"], relation, PROOFS[row["proof"]], doing.since(row),
        )  # fmt: skip
        for column, value in zip(columns, values, strict=True):
            column.append(value)
        doing.stored.bound.setdefault(home["id"], []).append(Bound(person, row["name"], relation))
        doing.effects[row.number]["binding"] = str(binding)
    await doing.transaction.connection.execute(_INSERT_BINDINGS, *columns, doing.member)


async def _votes(doing: _Doing) -> None:
    """Whom the list names votes for the home; else its first owner does, once it has one."""
    chosen: dict[UUID, tuple[Row, VoteCause]] = {}
    for row in doing.rows:
        if row.number not in doing.persons:
            continue
        home, owner = doing.home(row)["id"], row["relation"] == "产权人"
        if row["voter"] == YES:
            if doing.stored.voters.get(home) != doing.persons[row.number]:
                chosen[home] = (row, VoteCause.OWNER if owner else VoteCause.DELEGATED)
        elif owner and home not in doing.stored.voters and home not in chosen:
            chosen[home] = (row, VoteCause.OWNER)
    connection = doing.transaction.connection
    if giving := [home for home in chosen if home in doing.stored.voters]:
        await connection.execute(_GIVE_WAY, doing.tenant, giving)
    votes = [(new_id(), home, row, cause) for home, (row, cause) in chosen.items()]
    for vote, _, row, _ in votes:
        doing.effects[row.number]["vote"] = str(vote)
    await connection.execute(
        _INSERT_VOTES,
        [vote for vote, *_ in votes],
        [home for _, home, _, _ in votes],
        [doing.persons[row.number] for _, _, row, _ in votes],
        [cause for *_, cause in votes],
        doing.member,
    )
