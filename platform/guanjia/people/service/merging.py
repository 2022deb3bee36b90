"""Two rows that are one person; and a person of whom nothing stays."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal
from guanjia.graph.texts import line
from guanjia.people.drafts import warnings_of
from guanjia.people.identity import Sex
from guanjia.people.models import PERSON_REACH
from guanjia.people.references import PersonReference, references
from guanjia.people.service.changes import sealed_address, sealed_birth, store
from guanjia.people.service.opening import Opened, citizen_id, documents_of, open_person
from guanjia.people.service.registration import today_of
from guanjia.people.vault import Vault

REASON_LENGTH = 200
MOST_PAIRS = 50
ERASED_NAME = "已删除"
_PAIRS = """
select a.id as first, b.id as second, a.birth_year = b.birth_year as same_year,
  exists (select 1 from person_phones pa join person_phones pb on pb.tenant_id = $1
    and pb.blind_index = pa.blind_index where pa.tenant_id = $1 and pa.person_id = a.id
    and pb.person_id = b.id) as same_phone
from persons a join persons b on b.tenant_id = $1 and b.search_text = a.search_text and b.id > a.id
where a.tenant_id = $1 and {scope_a} and {scope_b}
  and a.merged_into_id is null and b.merged_into_id is null
  and a.erased_at is null and b.erased_at is null
  and not (exists (select 1 from person_documents d where d.tenant_id = $1 and d.person_id = a.id
      and d.kind = 'CITIZEN_ID')
    and exists (select 1 from person_documents d where d.tenant_id = $1 and d.person_id = b.id
      and d.kind = 'CITIZEN_ID'))
order by a.id, b.id
"""


class DuplicateReason(StrEnum):
    """同名同出生年、同名同电话、同名且出生年不详"""

    SAME_NAME_AND_YEAR = "SAME_NAME_AND_YEAR"
    SAME_NAME_AND_PHONE = "SAME_NAME_AND_PHONE"
    SAME_NAME = "SAME_NAME"


class ErasureReason(StrEnum):
    """本人撤回同意、处理目的已实现、保存期限届满、误录、法律法规规定"""

    CONSENT_WITHDRAWN = "CONSENT_WITHDRAWN"
    PURPOSE_FULFILLED = "PURPOSE_FULFILLED"
    RETENTION_ENDED = "RETENTION_ENDED"
    ENTERED_BY_MISTAKE = "ENTERED_BY_MISTAKE"
    REQUIRED_BY_LAW = "REQUIRED_BY_LAW"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows that may be one person."""

    first: UUID
    second: UUID
    reasons: tuple[DuplicateReason, ...]


async def merge_persons(
    transaction: Transaction,
    vault: Vault,
    actor: Actor,
    scope: Scope,
    *,
    kept_id: UUID,
    kept_version: int,
    merged_id: UUID,
    merged_version: int,
    reason: str,
    now: dt.datetime,
) -> None:
    """The two are one: what refers to the merged row refers to the kept one, which also takes the
    values it lacked. The merged row stays as it was and points to the kept one.

    CONFLICT when they cannot be one person: two 公民身份号码, or two accounts.
    """
    said = line(reason, "理由", "reason", REASON_LENGTH)
    if not said:
        raise Refusal(BAD_USER_INPUT, "请说明认定为同一人的理由。", ("reason",))
    if kept_id == merged_id:
        raise Refusal(BAD_USER_INPUT, "不能与自身合并。", ("mergedId",))
    versions = {kept_id: (kept_version, "keptId"), merged_id: (merged_version, "mergedId")}
    opened = {
        # In one order, so that two mergers of the same rows wait instead of blocking each other.
        person_id: await open_person(transaction, vault, scope, person_id, *versions[person_id])
        for person_id in sorted(versions)
    }
    kept, merged = opened[kept_id], opened[merged_id]
    await _refuse_two(transaction, kept, merged, now)
    moved = {
        f"{reference.table}.{reference.column}": await _move(transaction, reference, kept, merged)
        for reference in references()
    }
    await store(transaction, merged_id, {"merged_into_id": kept_id, "membership_id": None})
    await store(transaction, kept_id, await _completed(transaction, kept, merged, now))
    await _forget_name(transaction, merged_id)
    await transaction.connection.execute(
        "insert into person_merges (id, kept_id, merged_id, reason, merged_by, merged_at, moved)"
        " values ($1, $2, $3, $4, $5, $6, $7)",
        new_id(), kept_id, merged_id, said, actor.membership_id, now, json.dumps(moved),
    )  # fmt: skip
    await record(
        transaction,
        actor=actor,
        action="person.merge",
        permission=scope.permission,
        object_type="Person",
        object_id=kept_id,
        region_path=kept.row["region_path"],
        detail={"merged": merged_id, "moved": moved},
    )


async def erase_person(
    transaction: Transaction,
    vault: Vault,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    reason: ErasureReason,
    now: dt.datetime,
) -> None:
    """Nothing of the person stays but an empty row that says when and why (个人信息保护法 art. 47).

    The person's key is destroyed: what is sealed with it, in whatever table, cannot be opened any
    more. The rows that were merged into this one go the same way.
    """
    opened = await open_person(transaction, vault, scope, id, version)
    rows = await transaction.connection.fetch(
        "with recursive same as (select id from persons where tenant_id = $1 and id = $2"
        " union select p.id from persons p join same on p.tenant_id = $1"
        " and p.merged_into_id = same.id) select id from same",
        transaction.tenant_id,
        id,
    )
    everyone = [row["id"] for row in rows]
    for reference in references():
        if reference.erased:
            await transaction.connection.execute(
                f"delete from {reference.table} where tenant_id = $1"
                f" and {reference.column} = any($2)",
                transaction.tenant_id,
                everyone,
            )
    for person_id in everyone:
        await _forget_name(transaction, person_id)
        await store(transaction, person_id, _nothing(now))
    await record(
        transaction,
        actor=actor,
        action="person.erase",
        permission=scope.permission,
        object_type="Person",
        object_id=id,
        region_path=opened.row["region_path"],
        detail={"reason": reason, "rows": len(everyone)},
    )


async def find_duplicates(connection: Any, scope: Scope, tenant_id: UUID) -> list[Pair]:
    """Up to MOST_PAIRS pairs in scope that bear one name and may be one person: the same year of
    birth, a telephone in common, or a year of birth that is not known."""
    arguments: list[Any] = [tenant_id]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    sql = _PAIRS.format(
        scope_a=scope.predicate(PERSON_REACH, "a", "$1", bind),
        scope_b=scope.predicate(PERSON_REACH, "b", "$1", bind),
    )
    rows = await connection.fetch(
        f"select * from ({sql}) p where same_year is not false or same_phone limit {MOST_PAIRS}",
        *arguments,
    )
    return [Pair(row["first"], row["second"], _reasons(row)) for row in rows]


def _reasons(row: Any) -> tuple[DuplicateReason, ...]:
    found = []
    if row["same_year"]:
        found.append(DuplicateReason.SAME_NAME_AND_YEAR)
    if row["same_phone"]:
        found.append(DuplicateReason.SAME_NAME_AND_PHONE)
    return tuple(found) or (DuplicateReason.SAME_NAME,)


async def _refuse_two(
    transaction: Transaction, kept: Opened, merged: Opened, now: dt.datetime
) -> None:
    today = await today_of(transaction, now)
    numbers = {
        citizen_id(list((await documents_of(transaction, each, today)).values()))
        for each in (kept, merged)
    }
    if len(numbers - {None}) > 1:
        raise Refusal(
            CONFLICT,
            "两行的公民身份号码不同,不是同一人;如其中一个录错,请先更正。",
            ("mergedId",),
        )
    if kept.row["membership_id"] and merged.row["membership_id"]:
        raise Refusal(CONFLICT, "两行各关联了一个账号,请先解除其中一个。", ("mergedId",))


async def _move(
    transaction: Transaction, reference: PersonReference, kept: Opened, merged: Opened
) -> int:
    """The rows of the merged person belong to the kept one; how many."""
    connection, tenant = transaction.connection, transaction.tenant_id
    table, column = reference.table, reference.column
    if reference.same:
        same = " and ".join(f"k.{name} = m.{name}" for name in reference.same)
        await connection.execute(
            f"delete from {table} m using {table} k where m.tenant_id = $1 and k.tenant_id = $1"
            f" and m.{column} = $2 and k.{column} = $3 and {same}",
            tenant,
            merged.id,
            kept.id,
        )
    if reference.other:
        await connection.execute(
            f"delete from {table} where tenant_id = $1 and {column} = $2"
            f" and {reference.other} = $3",
            tenant,
            merged.id,
            kept.id,
        )
    if reference.sealed:
        await _seal_anew(transaction, reference, kept, merged)
    status: str = await connection.execute(
        f"update {table} set {column} = $3 where tenant_id = $1 and {column} = $2",
        tenant,
        merged.id,
        kept.id,
    )
    return int(status.rsplit(" ", 1)[-1])


async def _seal_anew(
    transaction: Transaction, reference: PersonReference, kept: Opened, merged: Opened
) -> None:
    table, columns = reference.table, reference.sealed
    rows = await transaction.connection.fetch(
        f"select id, {', '.join(columns)} from {table}"
        f" where tenant_id = $1 and {reference.column} = $2",
        transaction.tenant_id,
        merged.id,
    )
    assignments = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, 3))
    for row in rows:
        values = [_resealed(kept, merged, table, name, row) for name in columns]
        await transaction.connection.execute(
            f"update {table} set {assignments} where tenant_id = $1 and id = $2",
            transaction.tenant_id,
            row["id"],
            *values,
        )


def _resealed(kept: Opened, merged: Opened, table: str, column: str, row: Any) -> bytes | None:
    if row[column] is None:
        return None
    plain = merged.key.open(row[column], table, column, row["id"])
    return kept.key.seal(plain, table, column, row["id"])


async def _completed(
    transaction: Transaction, kept: Opened, merged: Opened, now: dt.datetime
) -> dict[str, Any]:
    """What the kept row takes from the merged one, because it had none."""
    values: dict[str, Any] = {}
    if kept.row["membership_id"] is None and merged.row["membership_id"] is not None:
        values["membership_id"] = merged.row["membership_id"]
    if kept.row["address_cipher"] is None:
        values |= sealed_address(kept, merged.value("address_cipher"))
    sex, birth = Sex(kept.row["sex"]), kept.value("birth_cipher")
    if sex is Sex.UNKNOWN:
        sex = Sex(merged.row["sex"])
    birth = birth or merged.value("birth_cipher")
    born = dt.date.fromisoformat(birth) if birth else None
    today = await today_of(transaction, now)
    documents: Sequence[Any] = list((await documents_of(transaction, kept, today)).values())
    return {
        **values,
        **sealed_birth(kept, born),
        "sex": sex,
        "warnings": list(warnings_of(documents, sex, born)),
    }


def _nothing(now: dt.datetime) -> dict[str, Any]:
    return {
        "name": ERASED_NAME, "name_mask": ERASED_NAME, "search_text": "", "sex": Sex.UNKNOWN,
        "birth_year": None, "birth_cipher": None, "address_cipher": None, "address_mask": None,
        "membership_id": None, "warnings": [], "sealed_key": None, "key_version": None,
        "erased_at": now,
    }  # fmt: skip


async def _forget_name(transaction: Transaction, person_id: UUID) -> None:
    """Searches by name do not find the row any more."""
    await transaction.connection.execute(
        "delete from person_grams where tenant_id = $1 and person_id = $2",
        transaction.tenant_id,
        person_id,
    )
