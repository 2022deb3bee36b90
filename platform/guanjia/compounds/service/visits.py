"""Visit codes: a grid member at the door proves who lives there; the resident confirms it.

A code is shown once to whoever issues it and kept as a keyed hash. It is good for one home, one
relation, one use and VALID_FOR; who types wrong codes may not go on for TRIES_FOR.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.compounds.models import BindingProof, BindingRelation
from guanjia.compounds.service.bindings import add_binding
from guanjia.compounds.service.homes import open_home
from guanjia.compounds.service.opening import local_day, record_write
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import CONFLICT, LIMIT_EXCEEDED, NOT_FOUND, Refusal

VALID_FOR = dt.timedelta(hours=48)
MOST_TRIES = 5
TRIES_FOR = dt.timedelta(hours=1)
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without what is mistaken for something else when read aloud or written by hand."""
LENGTH = 10
_COUNT = """
insert into visit_code_tries as t (membership_id, tries, since) values ($1, 1, $2)
on conflict (tenant_id, membership_id) do update set
  tries = case when t.since > $3 then t.tries + 1 else 1 end,
  since = case when t.since > $3 then t.since else $2 end
returning tries
"""


class WrongCode(Refusal):
    """The code is none that can be used; the try counts, and stays counted."""

    def __init__(self) -> None:
        super().__init__(NOT_FOUND, "验证码不正确、已使用或已过期。", ("code",))


class TooManyTries(Refusal):
    """The member typed as many wrong codes as anybody may within the hour."""

    def __init__(self) -> None:
        super().__init__(LIMIT_EXCEEDED, "验证码输错次数过多,请一小时后再试。", ("code",))


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
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    expires = now + VALID_FOR
    await transaction.connection.execute(
        "insert into visit_codes (id, house_unit_id, relation, code_hash, issued_by, issued_at,"
        " expires_at) values ($1, $2, $3, $4, $5, $6, $7)",
        new_id(), house_unit_id, relation, _hash(secret, code), actor.membership_id, now, expires,
    )  # fmt: skip
    await record_write(
        transaction, actor, scope, "house_unit.visit_code", house_unit_id, home["region_path"],
        relation=relation,
    )  # fmt: skip
    return f"{code[:5]}-{code[5:]}", expires


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
    binding's id. WrongCode and TooManyTries are to be answered, not raised, or the count is lost.
    """
    person_id = await transaction.connection.fetchval(
        "select id from persons where tenant_id = $1 and membership_id = $2",
        transaction.tenant_id,
        actor.membership_id,
    )
    if person_id is None:
        raise Refusal(CONFLICT, "您的账号尚未与居民登记关联,请先联系社区办理。", ("code",))
    tries = await transaction.connection.fetchval(_COUNT, actor.membership_id, now, now - TRIES_FOR)
    if tries > MOST_TRIES:
        raise TooManyTries
    found = await _take(transaction, _hash(secret, code), now)
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
    await transaction.connection.execute(
        "delete from visit_code_tries where tenant_id = $1 and membership_id = $2",
        transaction.tenant_id,
        actor.membership_id,
    )
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


def _hash(secret: bytes, code: str) -> bytes:
    """What is kept of a code, whatever its case and its dashes."""
    plain = "".join(c for c in code.upper() if c in ALPHABET)
    return hmac.digest(secret, b"visit-code:" + plain.encode(), hashlib.sha256)
