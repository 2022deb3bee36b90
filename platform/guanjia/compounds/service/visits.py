"""Visit codes: a grid member at the door proves who lives there; the resident confirms it.

A code is shown once to whoever issues it and kept as a keyed hash. It is good for one home, one
relation, one use and VALID_FOR; who types wrong codes may not go on for TRIES_FOR.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.compounds.codes import (
    WrongCode,
    count_try,
    forget_tries,
    hashed,
    made,
    shown,
)
from guanjia.compounds.models import BindingProof, BindingRelation
from guanjia.compounds.service.bindings import add_binding
from guanjia.compounds.service.homes import open_home
from guanjia.compounds.service.opening import local_day, record_write
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import CONFLICT, Refusal

VALID_FOR = dt.timedelta(hours=48)
_NOUN = "visit-code"


async def issue_visit_code(
    transaction: Transaction,
    secret: bytes,
    actor: Actor,
    scope: Scope,
    *,
    house_unit_id: UUID,
    relation: BindingRelation,
    now: dt.datetime,
) -> tuple[str, dt.datetime]:
    """A code for the home and the moment it expires; an older one for the same is void."""
    home = await open_home(transaction, scope, house_unit_id)
    await transaction.connection.execute(
        "update visit_codes set ended_at = $4 where tenant_id = $1 and house_unit_id = $2"
        " and relation = $3 and ended_at is null",
        transaction.tenant_id, house_unit_id, relation, now,
    )  # fmt: skip
    code = made()
    expires = now + VALID_FOR
    await transaction.connection.execute(
        "insert into visit_codes (id, house_unit_id, relation, code_hash, issued_by, issued_at,"
        " expires_at) values ($1, $2, $3, $4, $5, $6, $7)",
        new_id(), house_unit_id, relation, hashed(secret, _NOUN, code), actor.membership_id, now,
        expires,
    )  # fmt: skip
    await record_write(
        transaction, actor, scope, "house_unit.visit_code", house_unit_id, home["region_path"],
        relation=relation,
    )  # fmt: skip
    return shown(code), expires


async def confirm_visit_code(
    transaction: Transaction,
    secret: bytes,
    actor: Actor,
    scope: Scope,
    *,
    code: str,
    now: dt.datetime,
) -> UUID:
    """The person who is logged in is bound to the code's home, proven by whoever issued it; the
    binding's id. WrongCode and TooManyTries are to be answered, not raised: see `count_try`."""
    person_id = await transaction.connection.fetchval(
        "select id from persons where tenant_id = $1 and membership_id = $2",
        transaction.tenant_id,
        actor.membership_id,
    )
    if person_id is None:
        raise Refusal(CONFLICT, "您的账号尚未与居民登记关联,请先联系社区办理。", ("code",))
    await count_try(transaction, actor.membership_id, now)
    found = await _take(transaction, hashed(secret, _NOUN, code), now)
    if found is None:
        raise WrongCode
    home = await transaction.connection.fetchrow(
        "select * from house_units where tenant_id = $1 and id = $2 for update",
        transaction.tenant_id,
        found["house_unit_id"],
    )
    if home["valid_to"] is not None:
        raise WrongCode
    binding_id = await add_binding(
        transaction, actor, home, person_id, BindingRelation(found["relation"]),
        BindingProof.VISIT_CODE, local_day(now), now, proven_by=found["issued_by"],
    )  # fmt: skip
    await forget_tries(transaction, actor.membership_id)
    await record_write(
        transaction, actor, scope, "house_binding.confirm", binding_id, home["region_path"],
        home=home["id"], relation=found["relation"],
    )  # fmt: skip
    return binding_id


async def _take(transaction: Transaction, hashed: bytes, now: dt.datetime) -> Any:
    """The code's row, used up; None when there is none that can be used."""
    return await transaction.connection.fetchrow(
        "update visit_codes set ended_at = $3 where tenant_id = $1 and code_hash = $2"
        " and ended_at is null and expires_at > $3 returning house_unit_id, relation, issued_by",
        transaction.tenant_id,
        hashed,
        now,
    )
