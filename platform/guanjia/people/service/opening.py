"""A registered person, opened to be read in full or written: locked, in scope, with the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import CONFLICT, Refusal, not_found
from guanjia.people.drafts import Today
from guanjia.people.identity import Document, DocumentKind, document
from guanjia.people.models import PERSON_REACH
from guanjia.people.vault import Keyring, RowKey, SealedKey, Vault

CHANGED = "该登记已被他人修改,请刷新后再试。"
GONE = "该登记已合并或已删除,不能再办理。"


@dataclass(frozen=True, slots=True)
class Opened:
    """The stored row as it was locked, and the keys to its sealed values."""

    row: Mapping[str, Any]
    key: RowKey
    keyring: Keyring

    @property
    def id(self) -> UUID:
        person_id: UUID = self.row["id"]
        return person_id

    def value(self, column: str) -> str | None:
        """A sealed column of the person's own row, in clear."""
        sealed = self.row[column]
        return None if sealed is None else self.key.open(sealed, "persons", column, self.id)


async def open_person(
    transaction: Transaction,
    vault: Vault,
    scope: Scope,
    person_id: UUID,
    version: int | None = None,
    *field: str,
) -> Opened:
    """The person in scope, locked until the transaction ends.

    NOT_FOUND out of scope; CONFLICT when the version is an older one, or the person was merged into
    another or erased.
    """
    arguments: list[Any] = [transaction.tenant_id, person_id]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    reachable = scope.predicate(PERSON_REACH, "p", "$1", bind)
    row = await transaction.connection.fetchrow(
        f"select p.* from persons p where p.tenant_id = $1 and p.id = $2 and {reachable}"
        " for update",
        *arguments,
    )
    if row is None:
        raise not_found("人", *(field or ("id",)))
    if row["merged_into_id"] is not None or row["erased_at"] is not None:
        raise Refusal(CONFLICT, GONE, field or ("id",))
    if version is not None and version != row["version"]:
        raise Refusal(CONFLICT, CHANGED, ("version",))
    # After the lock: a rotation may have sealed the person's key anew while this one waited.
    keyring = await vault.writing(transaction.connection, transaction.tenant_id)
    sealed = SealedKey(row["sealed_key"], row["key_version"])
    return Opened(row, keyring.open_key(sealed, "persons", person_id), keyring)


async def documents_of(
    transaction: Transaction, opened: Opened, today: Today
) -> dict[UUID, Document]:
    """The person's documents, read again by the rules, by the id of their row."""
    rows = await transaction.connection.fetch(
        "select id, kind, cipher from person_documents where tenant_id = $1 and person_id = $2"
        " order by recorded_at, id",
        transaction.tenant_id,
        opened.id,
    )
    return {
        row["id"]: document(
            DocumentKind(row["kind"]),
            opened.key.open(row["cipher"], "person_documents", "cipher", row["id"]),
            today.date,
            own_regions=today.own_regions,
        )
        for row in rows
    }


def citizen_id(documents: Sequence[Document]) -> str | None:
    return next((d.number for d in documents if d.kind is DocumentKind.CITIZEN_ID), None)
