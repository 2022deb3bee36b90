"""Persons are bound to homes, and one of those who are votes for the home."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.compounds.models import BindingProof, BindingRelation, VoteCause
from guanjia.compounds.models.bindings import BINDING_REACH
from guanjia.compounds.service.homes import open_home
from guanjia.compounds.service.households import known_person
from guanjia.compounds.service.opening import open_row, past_day, record_write, store
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal

_FIRST_OWNER = (
    "select person_id from house_bindings where tenant_id = $1 and house_unit_id = $2"
    " and relation = 'OWNER' and valid_to is null order by valid_from, id limit 1"
)
_HOLDING = (
    "select id, person_id, cause from vote_holdings where tenant_id = $1 and house_unit_id = $2"
    " and ended_at is null"
)


async def bind_person(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    people: Scope,
    *,
    house_unit_id: UUID,
    person_id: UUID,
    relation: BindingRelation,
    proof: BindingProof,
    since: dt.date | None,
    now: dt.datetime,
) -> UUID:
    """The person is bound to the home, as somebody with the permission has proven; the binding's
    id. A home that nobody votes for is voted for by its first owner."""
    if proof is BindingProof.VISIT_CODE:
        raise Refusal(BAD_USER_INPUT, "入户验证码须由居民本人用自己的账号确认。", ("proof",))
    home = await open_home(transaction, scope, house_unit_id)
    await known_person(transaction, people, person_id, "personId")
    since = past_day(since, now, "validFrom")
    binding_id = await add_binding(transaction, actor, home, person_id, relation, proof, since, now)
    await record_write(
        transaction, actor, scope, "house_binding.create", binding_id, home["region_path"],
        home=house_unit_id, person=person_id, relation=relation, proof=proof,
    )  # fmt: skip
    return binding_id


async def add_binding(
    transaction: Transaction,
    actor: Actor,
    home: Any,
    person_id: UUID,
    relation: BindingRelation,
    proof: BindingProof,
    since: dt.date,
    now: dt.datetime,
    proven_by: UUID | None = None,
) -> UUID:
    """A binding in force to a home that is locked; its id. CONFLICT when the person has one."""
    if since < home["valid_from"]:
        raise Refusal(BAD_USER_INPUT, "起始日期不能早于房屋的起始日期。", ("validFrom",))
    if await transaction.connection.fetchval(
        "select exists (select 1 from house_bindings where tenant_id = $1 and house_unit_id = $2"
        " and person_id = $3 and valid_to is null)",
        transaction.tenant_id,
        home["id"],
        person_id,
    ):
        raise Refusal(CONFLICT, "此人已绑定该房屋;关系有变时请先结束原绑定。", ("personId",))
    binding_id = new_id()
    await transaction.connection.execute(
        "insert into house_bindings (id, house_unit_id, building_id, compound_id, person_id,"
        " region_path, relation, proof, proven_by, proven_at, valid_from)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        binding_id, home["id"], home["building_id"], home["compound_id"], person_id,
        home["region_path"], relation, proof, proven_by or actor.membership_id, now, since,
    )  # fmt: skip
    await _settle_vote(transaction, actor, home["id"], now)
    return binding_id


async def end_binding(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    until: dt.date | None,
    now: dt.datetime,
) -> None:
    """The binding was in force until `until`. Whoever voted by it does so no more: the first owner
    that remains does, or nobody."""
    binding = await open_row(
        transaction, scope, "house_bindings", BINDING_REACH, id, "绑定", version=version
    )
    if binding["valid_to"] is not None:
        raise Refusal(CONFLICT, "该绑定已结束。", ("id",))
    until = past_day(until, now, "validTo")
    if until < binding["valid_from"]:
        raise Refusal(BAD_USER_INPUT, "结束日期不能早于起始日期。", ("validTo",))
    # The lock on the home: who votes for it is settled by one transaction after the other.
    await _lock_home(transaction, binding["house_unit_id"])
    if await transaction.connection.fetchval(
        "select exists (select 1 from house_bindings where tenant_id = $1 and house_unit_id = $2"
        " and person_id = $3 and until = $4)",
        transaction.tenant_id, binding["house_unit_id"], binding["person_id"], until,
    ):  # fmt: skip
        raise Refusal(CONFLICT, "同一人在该房屋已有一条于同日结束的绑定。", ("validTo",))
    await store(transaction, "house_bindings", id, {"valid_to": until})
    await _settle_vote(transaction, actor, binding["house_unit_id"], now)
    await record_write(
        transaction, actor, scope, "house_binding.end", id, binding["region_path"],
        home=binding["house_unit_id"],
    )  # fmt: skip


async def set_vote_holder(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    binding_id: UUID,
    version: int,
    now: dt.datetime,
) -> UUID:
    """The bound person votes for the home from now on, as its owner or for the owner; the home's
    id. Nobody votes for an owner who is not bound, and a tenant does for none."""
    binding = await open_row(
        transaction, scope, "house_bindings", BINDING_REACH, binding_id, "绑定", version=version
    )
    home: UUID = binding["house_unit_id"]
    if binding["valid_to"] is not None:
        raise Refusal(CONFLICT, "该绑定已结束。", ("id",))
    if binding["relation"] == BindingRelation.TENANT:
        raise Refusal(CONFLICT, "承租人不能作为房屋的投票代表。", ("id",))
    await _lock_home(transaction, home)
    if await _owner(transaction, home) is None:
        raise Refusal(CONFLICT, "该房屋尚无已核实的产权人,不能委托投票。", ("id",))
    holding = await transaction.connection.fetchrow(_HOLDING, transaction.tenant_id, home)
    if holding is not None and holding["person_id"] == binding["person_id"]:
        raise Refusal(CONFLICT, "此人已是该房屋的投票代表。", ("id",))
    owner = binding["relation"] == BindingRelation.OWNER
    await _hold(
        transaction, actor, home, binding["person_id"],
        VoteCause.OWNER if owner else VoteCause.DELEGATED, now,
    )  # fmt: skip
    await store(transaction, "house_bindings", binding_id, {})
    await record_write(
        transaction, actor, scope, "house_binding.vote_holder", binding_id,
        binding["region_path"], home=home,
    )  # fmt: skip
    return home


async def _settle_vote(
    transaction: Transaction, actor: Actor, home_id: UUID, now: dt.datetime
) -> None:
    """Whoever votes for the home may do so, and a home with an owner has somebody who does."""
    owner = await _owner(transaction, home_id)
    holding = await transaction.connection.fetchrow(_HOLDING, transaction.tenant_id, home_id)
    if holding and owner and await _may_vote(transaction, home_id, holding["person_id"]):
        return
    if owner is not None:
        await _hold(transaction, actor, home_id, owner, VoteCause.OWNER, now)
    elif holding is not None:
        await _end_holding(transaction, home_id, now)


async def _may_vote(transaction: Transaction, home_id: UUID, person_id: UUID) -> bool:
    found: bool = await transaction.connection.fetchval(
        "select exists (select 1 from house_bindings where tenant_id = $1 and house_unit_id = $2"
        " and person_id = $3 and relation <> 'TENANT' and valid_to is null)",
        transaction.tenant_id,
        home_id,
        person_id,
    )
    return found


async def _owner(transaction: Transaction, home_id: UUID) -> UUID | None:
    found: UUID | None = await transaction.connection.fetchval(
        _FIRST_OWNER, transaction.tenant_id, home_id
    )
    return found


async def _hold(
    transaction: Transaction,
    actor: Actor,
    home_id: UUID,
    person_id: UUID,
    cause: VoteCause,
    now: dt.datetime,
) -> None:
    await _end_holding(transaction, home_id, now)
    await transaction.connection.execute(
        "insert into vote_holdings (id, house_unit_id, person_id, cause, began_at, recorded_by)"
        " values ($1, $2, $3, $4, $5, $6)",
        new_id(), home_id, person_id, cause, now, actor.membership_id,
    )  # fmt: skip


async def _end_holding(transaction: Transaction, home_id: UUID, now: dt.datetime) -> None:
    await transaction.connection.execute(
        "update vote_holdings set ended_at = greatest($3, began_at)"
        " where tenant_id = $1 and house_unit_id = $2 and ended_at is null",
        transaction.tenant_id,
        home_id,
        now,
    )


async def _lock_home(transaction: Transaction, home_id: UUID) -> None:
    await transaction.connection.execute(
        "select 1 from house_units where tenant_id = $1 and id = $2 for update",
        transaction.tenant_id,
        home_id,
    )
