"""A list of homes and residents is taken back, unless something was built on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.db.references import referring
from guanjia.graph.errors import CONFLICT, Refusal
from guanjia.imports.kinds import Effect, Place
from guanjia.people.service import withdraw_persons

_RESTORE_HOMES = """
update house_units h set area_dm2 = u.area, estate_code = u.code, version = h.version + 1
from unnest($2::uuid[], $3::int[], $4::int[], $5::text[]) u(id, version, area, code)
where h.tenant_id = $1 and h.id = u.id and h.version = u.version returning h.id
"""
# A home with an owner has somebody who votes for it: the first that is left.
_NEXT_VOTERS = """
insert into vote_holdings (id, house_unit_id, person_id, cause, began_at, recorded_by)
select gen_random_uuid(), b.house_unit_id, b.person_id, 'OWNER', now(), $3
from (select distinct on (house_unit_id) house_unit_id, person_id from house_bindings
  where tenant_id = $1 and house_unit_id = any($2) and relation = 'OWNER' and valid_to is null
  order by house_unit_id, valid_from, id) b
where not exists (select 1 from vote_holdings v where v.tenant_id = $1
  and v.house_unit_id = b.house_unit_id and v.ended_at is null)
"""


async def undo(transaction: Transaction, place: Place, effects: Sequence[Effect]) -> int:
    """Bindings, votes, telephones, changes, homes and persons of the rows are as before; how many
    persons stay. CONFLICT when something else hangs on a home or a binding was changed."""
    homes = list({effect.id for effect in effects})
    await transaction.connection.execute(
        "select 1 from house_units where tenant_id = $1 and id = any($2) for update",
        transaction.tenant_id,
        homes,
    )
    await _untie(transaction, effects)
    await transaction.connection.execute(
        _NEXT_VOTERS, transaction.tenant_id, homes, place.scope.membership_id
    )
    await _drop_phones(transaction, effects)
    await _restore_homes(transaction, effects)
    await _remove_homes(transaction, effects)
    return await withdraw_persons(transaction, _ids(effects, "person"))


def _ids(effects: Sequence[Effect], name: str) -> list[UUID]:
    return [UUID(effect.before[name]) for effect in effects if name in effect.before]


async def _untie(transaction: Transaction, effects: Sequence[Effect]) -> None:
    """The bindings and the votes of the rows are gone; both stand as they were made."""
    for table, name, changed, said in (
        ("vote_holdings", "vote", "ended_at is not null", "房屋的投票代表"),
        ("house_bindings", "binding", "valid_to is not null or version <> 1", "房屋绑定"),
    ):
        ids = _ids(effects, name)
        moved = await transaction.connection.fetchval(
            f"select count(*) from {table} where tenant_id = $1 and id = any($2) and ({changed})",
            transaction.tenant_id,
            ids,
        )
        if moved:
            raise Refusal(CONFLICT, f"有 {moved} 项{said}此后已有变动,不能撤销。")
        await transaction.connection.execute(
            f"delete from {table} where tenant_id = $1 and id = any($2)",
            transaction.tenant_id,
            ids,
        )


async def _drop_phones(transaction: Transaction, effects: Sequence[Effect]) -> None:
    added: list[tuple[str, str]] = [
        effect.before["phone"] for effect in effects if "phone" in effect.before
    ]
    await transaction.connection.execute(
        "delete from person_phones p using unnest($2::uuid[], $3::bytea[]) u(person, index)"
        " where p.tenant_id = $1 and p.person_id = u.person and p.blind_index = u.index",
        transaction.tenant_id,
        [UUID(person) for person, _ in added],
        [bytes.fromhex(index) for _, index in added],
    )


async def _restore_homes(transaction: Transaction, effects: Sequence[Effect]) -> None:
    changed: list[tuple[UUID, Any]] = [
        (effect.id, effect.before["changed"]) for effect in effects if "changed" in effect.before
    ]
    restored = await transaction.connection.fetch(
        _RESTORE_HOMES,
        transaction.tenant_id,
        [home for home, _ in changed],
        [version for _, (version, _, _) in changed],
        [area for _, (_, area, _) in changed],
        [code for _, (_, _, code) in changed],
    )
    if len(restored) < len(changed):
        raise Refusal(CONFLICT, f"有 {len(changed) - len(restored)} 套房屋此后又有修改,不能撤销。")


async def _remove_homes(transaction: Transaction, effects: Sequence[Effect]) -> None:
    made = _ids(effects, "made")
    if not made:
        return
    connection = transaction.connection
    removed: str = await connection.fetchval(
        "select count(*) from house_units where tenant_id = $1 and id = any($2) and version = 1"
        " and valid_to is null",
        transaction.tenant_id,
        made,
    )
    if int(removed) < len(made):
        raise Refusal(CONFLICT, f"有 {len(made) - int(removed)} 套房屋此后已有修改,不能撤销。")
    if await referring(connection, "house_units", made):
        raise Refusal(CONFLICT, "其中有房屋此后已有新的登记(绑定、居住户等),不能撤销。")
    await connection.execute(
        "delete from house_units where tenant_id = $1 and id = any($2)",
        transaction.tenant_id,
        made,
    )
