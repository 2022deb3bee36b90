"""Schemes of weights: each is in force from a day until the next begins; what was in force stays.

A figure of a past day keeps the weights of that day, so a scheme begins tomorrow at the earliest,
and only one that has not begun can be taken back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases.metrics import SCORE
from guanjia.compounds.service.opening import local_day, record_write, same_version
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.graph.texts import line
from guanjia.indicators.service.score import Weight

FARTHEST = dt.timedelta(days=3 * 366)
MOST_PRIOR = 1_000
_LOCK = "select 1 from score_schemes where tenant_id = $1 for update"
_IN_FORCE = (
    "select * from score_schemes where tenant_id = $1"
    " and daterange(valid_from, valid_to) @> $2::date"
)
_NEXT = (
    "select min(valid_from) from score_schemes where tenant_id = $1 and valid_from > $2"
    " and valid_from is distinct from valid_to"
)
_UNTIL = (
    "update score_schemes set valid_to = $3, version = version + 1 where tenant_id = $1 and id = $2"
)


class Asked(Protocol):
    """A weight as it is asked for."""

    metric: str
    percent: int
    prior: int


async def create_score_scheme(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    on: dt.date,
    source: str,
    weights: Sequence[Asked],
    now: dt.datetime,
) -> UUID:
    """The score is made of these weights from the day on, tomorrow or later, until the next scheme
    that is planned. Returns its id. CONFLICT when one begins on that day already."""
    today = local_day(now)
    if not today < on <= today + FARTHEST:
        raise Refusal(
            BAD_USER_INPUT,
            f"起日须不早于 {today + dt.timedelta(days=1)},且在今后三年之内;"
            "已过去的日子保持当时的权重。",
            ("on",),
        )
    asked = _weighed(weights)
    why = line(source, "依据", "source")
    if not why:
        raise Refusal(BAD_USER_INPUT, "请填写依据。", ("source",))
    connection, tenant = transaction.connection, transaction.tenant_id
    await connection.execute(_LOCK, tenant)
    before = await connection.fetchrow(_IN_FORCE, tenant, on)
    if before is not None and before["valid_from"] == on:
        raise Refusal(CONFLICT, f"自 {on} 起已另有一套权重,请先撤回它。", ("on",))
    if before is not None:
        await connection.execute(_UNTIL, tenant, before["id"], on)
    until = await connection.fetchval(_NEXT, tenant, on)
    made = await store(connection, on, until, why, asked, now)
    return await record_write(
        transaction, actor, scope, "score_scheme.create", made, None,
        since=on, source=why, weights={each.metric: [each.percent, each.prior] for each in asked},
    )  # fmt: skip


async def withdraw_score_scheme(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    reason: str,
    now: dt.datetime,
) -> UUID:
    """The scheme never comes into force: the one before it stays until it would have ended."""
    connection, tenant = transaction.connection, transaction.tenant_id
    await connection.execute(_LOCK, tenant)
    row = await connection.fetchrow(
        "select * from score_schemes where tenant_id = $1 and id = $2", tenant, id
    )
    if row is None:
        raise not_found("权重方案", "id")
    same_version(row, version, "权重方案")
    why = line(reason, "理由", "reason")
    if not why:
        raise Refusal(BAD_USER_INPUT, "请填写理由。", ("reason",))
    begins, ends = row["valid_from"], row["valid_to"]
    if begins is not None and begins == ends:
        raise Refusal(BAD_USER_INPUT, "这套权重已经撤回。", ("id",))
    if begins is None or begins <= local_day(now):
        raise Refusal(
            BAD_USER_INPUT, "这套权重已经生效,不能撤回;请另立一套,自今后某日起有效。", ("id",)
        )
    before = await connection.fetchrow(
        "select id from score_schemes where tenant_id = $1 and valid_to = $2"
        " and valid_from is distinct from valid_to",
        tenant,
        begins,
    )
    await connection.execute(
        "update score_schemes set valid_to = valid_from, reason = $3, version = version + 1"
        " where tenant_id = $1 and id = $2",
        tenant,
        id,
        why,
    )
    if before is not None:
        await connection.execute(_UNTIL, tenant, before["id"], ends)
    return await record_write(
        transaction, actor, scope, "score_scheme.withdraw", id, None, since=begins, reason=why
    )


async def store(
    connection: Any,
    valid_from: dt.date | None,
    valid_to: dt.date | None,
    source: str,
    weights: Sequence[Weight],
    now: dt.datetime,
) -> UUID:
    """The scheme is there, with its weights; its id."""
    made = new_id()
    await connection.execute(
        "insert into score_schemes (id, valid_from, valid_to, source, created_at)"
        " values ($1, $2, $3, $4, $5)",
        made, valid_from, valid_to, source, now,
    )  # fmt: skip
    await connection.executemany(
        "insert into score_weights (id, scheme_id, metric, percent, prior)"
        " values ($1, $2, $3, $4, $5)",
        [(new_id(), made, each.metric, each.percent, each.prior) for each in weights],
    )
    return made


def _weighed(weights: Sequence[Asked]) -> list[Weight]:
    """The weights: of parts of the score, each once, 100 % together."""
    parts = {part.id: part.title for part in SCORE.parts}
    asked = [Weight(str(each.metric), each.percent, each.prior) for each in weights]
    names = [each.metric for each in asked]
    said = ""
    if not parts.keys() >= set(names):
        possible = "、".join(f"{title}({part})" for part, title in parts.items())
        said = f"综合评价只由这些指标合成:{possible}。"
    elif len(set(names)) < len(names):
        said = "同一指标只能列一次。"
    elif any(not 1 <= each.percent <= 100 for each in asked):
        said = "每项权重须为 1 到 100 的整数(%);不计的指标不列。"
    elif (whole := sum(each.percent for each in asked)) != 100:
        said = f"各项权重之和须为 100%,现为 {whole}%。"
    elif any(not 0 <= each.prior <= MOST_PRIOR for each in asked):
        said = f"加入的件(户)数须在 0 到 {MOST_PRIOR} 之间。"
    if said:
        raise Refusal(BAD_USER_INPUT, said, ("weights",))
    return asked
