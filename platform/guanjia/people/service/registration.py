"""A person comes into the register, or is found there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.audit.replay import once, request_hash
from guanjia.audit.service import record
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.graph.texts import line
from guanjia.people.drafts import Draft, Given, Today, draft
from guanjia.people.identity import Document, DocumentKind, Sex, document
from guanjia.people.models import PERSON_REACH
from guanjia.people.service.records import document_index, insert_drafts, known_documents
from guanjia.people.vault import Keyring, Vault
from guanjia.tenancy.models import LOCAL

RESIDENCES = ("COMMUNITY", "GRID")
_KEY_LENGTH = 100
_LOCK = "select pg_advisory_xact_lock(hashtextextended($1, 0))"
KNOWN = "该证件已有登记,不能重复登记:请核对已有登记;看不到的,请向上一级核对。"


class AlreadyRegistered(Refusal):
    """A document belongs to a person who is in the register. The sentence is the same wherever
    that person lives; `person_id` is for those who may read them."""

    def __init__(self, person_id: UUID) -> None:
        super().__init__(CONFLICT, KNOWN, ("documents",))
        self.person_id = person_id


async def register_person(
    transaction: Transaction,
    vault: Vault,
    actor: Actor,
    scope: Scope,
    *,
    name: str,
    region_id: UUID,
    now: dt.datetime,
    documents: Sequence[Given] = (),
    phones: Sequence[str] = (),
    sex: Sex | None = None,
    birth_date: dt.date | None = None,
    address: str | None = None,
    idempotency_key: str | None = None,
) -> UUID:
    """The person is in the register of a grid or community in scope; their id.

    A document that is registered already is AlreadyRegistered. The same idempotency key gives the
    same person again.
    """
    region_path = await residence(transaction, scope, region_id)
    made = draft(
        await today_of(transaction, now),
        name=name,
        region_id=region_id,
        region_path=region_path,
        documents=documents,
        phones=phones,
        sex=sex,
        birth_date=birth_date,
        address=address,
    )
    keyring = await vault.writing(transaction.connection, transaction.tenant_id)

    async def effect() -> UUID:
        await refuse_known(transaction, keyring, made.documents)
        await insert_drafts(transaction, keyring, [made], actor.membership_id, now)
        await record(
            transaction,
            actor=actor,
            action="person.register",
            permission=scope.permission,
            object_type="Person",
            object_id=made.id,
            region_path=region_path,
            detail={
                "documents": [d.kind for d in made.documents],
                "phones": len(made.phones),
                "warnings": list(made.warnings),
            },
        )
        return made.id

    key = line(idempotency_key, "幂等键", "idempotencyKey", _KEY_LENGTH)
    if not key:
        return await effect()
    request = request_hash(_indexed(keyring, made))
    return await once(transaction, actor.membership_id, "registerPerson", key, request, effect)


async def find_person(
    connection: Any,
    vault: Vault,
    scope: Scope,
    tenant_id: UUID,
    kind: DocumentKind,
    number: str,
    now: dt.datetime,
) -> UUID | None:
    """The person in scope who holds this document; None when there is none there."""
    found = document(kind, number, now.astimezone(LOCAL).date(), imported=True)
    keyring = await vault.reading(connection, tenant_id)
    if keyring is None:
        return None
    arguments: list[Any] = [tenant_id, kind, document_index(keyring, kind, found.number)]

    def bind(value: Any, sql_kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{sql_kind}"

    reachable = scope.predicate(PERSON_REACH, "p", "$1", bind)
    person_id: UUID | None = await connection.fetchval(
        "select p.id from person_documents d join persons p on p.tenant_id = d.tenant_id"
        " and p.id = d.person_id where d.tenant_id = $1 and p.tenant_id = $1 and d.kind = $2"
        f" and d.blind_index = $3 and {reachable}",
        *arguments,
    )
    return person_id


async def residence(transaction: Transaction, scope: Scope, region_id: UUID) -> str:
    """The path of the grid or community in force where somebody is to live, within the scope."""
    region = await transaction.connection.fetchrow(
        "select path, level from regions where tenant_id = $1 and id = $2 and valid_to is null",
        transaction.tenant_id,
        region_id,
    )
    if region is None or not scope.covering(region["path"]):
        raise not_found("区域", "regionId")
    if region["level"] not in RESIDENCES:
        raise Refusal(BAD_USER_INPUT, "请选择居住的网格或社区。", ("regionId",))
    path: str = region["path"]
    return path


async def today_of(transaction: Transaction, now: dt.datetime, *, imported: bool = False) -> Today:
    """The local date and the tenant's own six-digit code."""
    code = await transaction.connection.fetchval(
        "select code from tenants where tenant_id = $1", transaction.tenant_id
    )
    return Today(now.astimezone(LOCAL).date(), {code}, imported)


async def refuse_known(
    transaction: Transaction,
    keyring: Keyring,
    documents: Sequence[Document],
    owner: UUID | None = None,
) -> None:
    """AlreadyRegistered for a document of anybody but `owner`. Two who register the same document
    at once wait for each other here."""
    for index in sorted(document_index(keyring, d.kind, d.number) for d in documents):
        await transaction.connection.execute(_LOCK, f"{transaction.tenant_id}:{index.hex()}")
    known = await known_documents(transaction, keyring, documents)
    for person_id in known.values():
        if person_id != owner:
            raise AlreadyRegistered(person_id)


def _indexed(keyring: Keyring, made: Draft) -> dict[str, Any]:
    """The request in a form that can be compared and tells nothing."""
    return {
        "name": made.name,
        "region": made.region_id,
        "sex": made.sex,
        "about": keyring.blind_index(
            "request", f"{made.birth_date}|{made.address}|{made.documents}|{made.phones}"
        ).hex(),
    }
