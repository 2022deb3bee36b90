"""What is registered of a person changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.access.models import MEMBER_REACH
from guanjia.audit.service import record
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.graph.texts import line
from guanjia.people.drafts import (
    ADDRESS_LENGTH,
    Today,
    checked_birth,
    checked_documents,
    checked_name,
    checked_phones,
    warnings_of,
)
from guanjia.people.identity import Document, Sex
from guanjia.people.masks import mask_address, mask_name
from guanjia.people.service.opening import Opened, citizen_id, documents_of, open_person
from guanjia.people.service.records import PERSONS, add_documents, add_phones, index_names
from guanjia.people.service.registration import refuse_known, residence, today_of
from guanjia.people.vault import Vault
from guanjia.reading.conditions import normal

CHANGEABLE = frozenset(
    {"name", "sex", "birth_date", "region_id", "address", "phones", "documents", "removed"}
)


async def change_person(
    transaction: Transaction,
    vault: Vault,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    changes: Mapping[str, Any],
    now: dt.datetime,
) -> None:
    """What `changes` names (of CHANGEABLE) is as it says and everything else as before.

    `documents` are added, `removed` are the ids of those that go, `phones` replace the old ones.
    Somebody who moves must be in scope before and after.
    """
    assert set(changes) <= CHANGEABLE
    opened = await open_person(transaction, vault, scope, id, version)
    today = await today_of(transaction, now)
    values: dict[str, Any] = {}
    if "region_id" in changes:
        values["region_path"] = await residence(transaction, scope, changes["region_id"])
        values["region_id"] = changes["region_id"]
    if "name" in changes:
        await _rename(transaction, opened, checked_name(changes["name"]), values)
    if "address" in changes:
        values |= _address(opened, changes["address"])
    if "phones" in changes:
        await _replace_phones(transaction, opened, changes["phones"], now)
    documents = await _documents(transaction, opened, changes, today, now)
    values |= _described(opened, documents, changes, today)
    await store(transaction, opened.id, values)
    await record(
        transaction,
        actor=actor,
        action="person.change",
        permission=scope.permission,
        object_type="Person",
        object_id=id,
        region_path=values.get("region_path", opened.row["region_path"]),
        detail={"fields": sorted(changes)},
    )


async def link_member(
    transaction: Transaction,
    vault: Vault,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    member_id: UUID | None,
    now: dt.datetime,
) -> None:
    """The person is whoever logs in as this member, and reaches their own record; None ends it.

    The member must have a role within the scope and be somebody else than the one who links.
    """
    opened = await open_person(transaction, vault, scope, id, version)
    if member_id is not None:
        await _linkable(transaction, actor, scope, member_id, opened.id)
    await store(transaction, opened.id, {"membership_id": member_id})
    await record(
        transaction,
        actor=actor,
        action="person.link_member",
        permission=scope.permission,
        object_type="Person",
        object_id=id,
        region_path=opened.row["region_path"],
        detail={"member": member_id},
    )


async def store(transaction: Transaction, person_id: UUID, values: Mapping[str, Any]) -> None:
    """The person's row has these values and a new version."""
    assignments = "".join(f", {column} = ${n}" for n, column in enumerate(values, 3))
    await transaction.connection.execute(
        f"update persons set version = version + 1{assignments} where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        person_id,
        *values.values(),
    )


def sealed_birth(opened: Opened, birth: dt.date | None) -> dict[str, Any]:
    """The columns that hold a day of birth."""
    if birth is None:
        return {"birth_year": None, "birth_cipher": None}
    sealed = opened.key.seal(birth.isoformat(), PERSONS, "birth_cipher", opened.id)
    return {"birth_year": birth.year, "birth_cipher": sealed}


def sealed_address(opened: Opened, address: str | None) -> dict[str, Any]:
    """The columns that hold an address."""
    if not address:
        return {"address_cipher": None, "address_mask": None}
    sealed = opened.key.seal(address, PERSONS, "address_cipher", opened.id)
    return {"address_cipher": sealed, "address_mask": mask_address(address)}


def _address(opened: Opened, given: str | None) -> dict[str, Any]:
    return sealed_address(opened, line(given, "住址", "address", ADDRESS_LENGTH))


async def _rename(
    transaction: Transaction, opened: Opened, name: str, values: dict[str, Any]
) -> None:
    values |= {"name": name, "name_mask": mask_name(name), "search_text": normal(name)}
    await transaction.connection.execute(
        "delete from person_grams where tenant_id = $1 and person_id = $2",
        transaction.tenant_id,
        opened.id,
    )
    await index_names(transaction, [(opened.id, name)])


async def _replace_phones(
    transaction: Transaction, opened: Opened, given: list[str], now: dt.datetime
) -> None:
    phones = checked_phones(given)
    await transaction.connection.execute(
        "delete from person_phones where tenant_id = $1 and person_id = $2",
        transaction.tenant_id,
        opened.id,
    )
    await add_phones(transaction, opened.keyring, opened.key, opened.id, enumerate(phones), now)


async def _documents(
    transaction: Transaction,
    opened: Opened,
    changes: Mapping[str, Any],
    today: Today,
    now: dt.datetime,
) -> list[Document]:
    """The person's documents after the change."""
    held = await documents_of(transaction, opened, today)
    removed = set(changes.get("removed", ()))
    if removed - set(held):
        raise not_found("证件", "removedDocumentIds")
    await transaction.connection.execute(
        "delete from person_documents where tenant_id = $1 and id = any($2)",
        transaction.tenant_id,
        list(removed),
    )
    kept = [found for row_id, found in held.items() if row_id not in removed]
    added = checked_documents(changes.get("documents", ()), today, citizen_id(kept))
    fresh = [d for d in added if d.number not in {k.number for k in kept if k.kind is d.kind}]
    await refuse_known(transaction, opened.keyring, fresh, opened.id)
    await add_documents(transaction, opened.keyring, opened.key, opened.id, fresh, now)
    return [*kept, *fresh]


def _described(
    opened: Opened, documents: list[Document], changes: Mapping[str, Any], today: Today
) -> dict[str, Any]:
    """Sex, day of birth and warnings: as declared now or before, else as the documents say."""
    sex, birth = Sex(opened.row["sex"]), opened.value("birth_cipher")
    born = dt.date.fromisoformat(birth) if birth else None
    if "sex" in changes:
        sex = changes["sex"] or Sex.UNKNOWN
    if "birth_date" in changes:
        born = checked_birth(changes["birth_date"], today)
    if sex is Sex.UNKNOWN:
        sex = next((d.sex for d in documents if d.sex), Sex.UNKNOWN)
    born = born or next((d.birth_date for d in documents if d.birth_date), None)
    return {
        "sex": sex,
        "warnings": list(warnings_of(documents, sex, born)),
        **sealed_birth(opened, born),
    }


async def _linkable(
    transaction: Transaction, actor: Actor, scope: Scope, member_id: UUID, person_id: UUID
) -> None:
    if member_id == actor.membership_id:
        raise Refusal(BAD_USER_INPUT, "不能由本人关联自己的账号。", ("memberId",))
    arguments: list[Any] = [transaction.tenant_id, member_id]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    reachable = scope.predicate(MEMBER_REACH, "m", "$1", bind)
    if not await transaction.connection.fetchval(
        "select exists (select 1 from memberships m where m.tenant_id = $1 and m.id = $2"
        f" and m.active and {reachable})",
        *arguments,
    ):
        raise not_found("成员", "memberId")
    if await transaction.connection.fetchval(
        "select exists (select 1 from persons where tenant_id = $1 and membership_id = $2"
        " and id <> $3)",
        transaction.tenant_id,
        member_id,
        person_id,
    ):
        raise Refusal(CONFLICT, "该账号已关联另一个人。", ("memberId",))
