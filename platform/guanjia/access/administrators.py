"""A tenant cannot lock itself out, today or on the day when somebody's right runs out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from guanjia.access.actor import FAR_FUTURE
from guanjia.access.policy import Policy
from guanjia.db.pools import Transaction
from guanjia.graph.errors import Refusal
from guanjia.tenancy.models import LOCAL


@dataclass(frozen=True, slots=True)
class Term:
    """From when until when somebody can give roles."""

    start: dt.datetime
    end: dt.datetime


async def refuse_without_administrator(
    transaction: Transaction, policy: Policy, leaving: Sequence[UUID], now: dt.datetime
) -> None:
    """Refused when without these grants there would be nobody who can give roles at some later
    moment at which with them there is somebody. A grant that ends counts until it ends, one that
    begins later from when it begins."""
    rows = await transaction.connection.fetch(
        "select g.id, g.valid_from, g.valid_to from grants g"
        " join memberships m on m.id = g.membership_id and m.active"
        " where g.role = any($1) and g.revoked_at is null"
        " and (g.valid_to is null or g.valid_to > $2)",
        [role.code for role in policy.roles.values() if role.code in role.may_grant],
        now,
    )
    terms = {
        row["id"]: Term(max(row["valid_from"], now), row["valid_to"] or FAR_FUTURE) for row in rows
    }
    left = [term for grant, term in terms.items() if grant not in leaving]
    for term in sorted((terms[g] for g in leaving if g in terms), key=lambda t: t.start):
        alone = uncovered(term, left)
        if alone is not None:
            raise Refusal("LAST_ADMINISTRATOR", _sentence(alone, now), ("grantId",))


def uncovered(term: Term, others: Iterable[Term]) -> dt.datetime | None:
    """The first moment of the term in which none of the others runs; None if there is none."""
    moment = term.start
    for other in sorted(others, key=lambda t: t.start):
        if other.start > moment:
            break
        moment = max(moment, other.end)
    return moment if moment < term.end else None


def _sentence(alone: dt.datetime, now: dt.datetime) -> str:
    if alone <= now:
        return "这是最后一名能够授权的安全管理员,请先授予接任者。"
    local = alone.astimezone(LOCAL)
    return (
        f"其他安全管理员的授权只到 {local:%Y-%m-%d %H:%M},此后无人能够授权;"
        "请先授予任期足够的接任者。"
    )
