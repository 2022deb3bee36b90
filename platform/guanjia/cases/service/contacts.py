"""Whom to call about a case: sealed with a key of the case's own, shown masked.

The contact is no registered person and is linked to none, so that who reported without giving a
name stays unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.audit.service import record
from guanjia.cases.models import Case
from guanjia.db.pools import Database, Transaction
from guanjia.graph.errors import Refusal
from guanjia.people import identity
from guanjia.people.masks import mask_digits, mask_name, mask_phone
from guanjia.people.service import RevealPurpose, checked_note, record_look
from guanjia.people.vault import SealedKey, Vault, holds_keys

REVEAL = "case.reveal_contact"
TABLE = "case_contacts"
BATCH = 500
_PLAIN = "contact_name is not null or contact_phone is not null"

holds_keys(TABLE)


@dataclass(frozen=True, slots=True)
class Contact:
    """A name and a number in clear, either of which may be unknown."""

    name: str | None = None
    phone: str | None = None


async def keep_contact(
    transaction: Transaction, vault: Vault | None, case_id: UUID, contact: Contact
) -> None:
    """The contact of the case is stored; of an empty one nothing is."""
    name, phone = contact.name, contact.phone
    if not name and not phone:
        return
    assert vault is not None, "a contact is not stored in clear"
    keyring = await vault.writing(transaction.connection, transaction.tenant_id)
    key, sealed = keyring.new_key(TABLE, case_id)
    await transaction.connection.execute(
        "insert into case_contacts"
        " (id, name_cipher, name_mask, phone_cipher, phone_mask, sealed_key, key_version)"
        " values ($1, $2, $3, $4, $5, $6, $7)",
        case_id,
        key.seal(name, TABLE, "name_cipher", case_id) if name else None,
        mask_name(name) if name else None,
        key.seal(phone, TABLE, "phone_cipher", case_id) if phone else None,
        _masked(phone) if phone else None,
        sealed.sealed,
        sealed.version,
    )


async def reveal_contact(
    transaction: Transaction,
    vault: Vault,
    actor: Actor,
    case: Any,
    *,
    permission: str,
    purpose: str,
    limit: int,
    now: datetime,
) -> Contact:
    """The contact of a case that the actor may look at, in clear; the look is counted and on
    record like that at a person's protected field. TooManyLooks beyond `limit` within an hour."""
    note = checked_note(purpose, "purpose")
    await record_look(
        transaction,
        actor,
        action=REVEAL,
        permission=permission,
        object_type=Case.__name__,
        object_id=case["id"],
        region_path=case["region_path"],
        detail={"field": "CONTACT", "purpose": RevealPurpose.CONTACT, "note": note},
        limit=limit,
        now=now,
    )
    return await _opened(transaction, vault, case["id"])


async def seal_plain_contacts(database: Database, vault: Vault, tenant_id: UUID) -> int:
    """No contact of the tenant lies in clear any more: those from before contacts were sealed are
    moved, in batches, each a transaction of its own; how many. Again, it changes nothing."""
    moved = 0
    while True:
        async with database.tenant_transaction(tenant_id) as transaction:
            rows = await transaction.connection.fetch(
                "select id, contact_name, contact_phone from cases"
                f" where tenant_id = $1 and ({_PLAIN}) order by id limit {BATCH} for update",
                tenant_id,
            )
            if not rows:
                return moved
            for row in rows:
                contact = Contact(row["contact_name"], row["contact_phone"])
                await keep_contact(transaction, vault, row["id"], contact)
            await transaction.connection.execute(
                "update cases set contact_name = null, contact_phone = null"
                " where tenant_id = $1 and id = any($2)",
                tenant_id,
                [row["id"] for row in rows],
            )
            await record(transaction, action="case.seal_contacts", detail={"cases": len(rows)})
        moved += len(rows)


async def _opened(transaction: Transaction, vault: Vault, case_id: UUID) -> Contact:
    connection, tenant = transaction.connection, transaction.tenant_id
    row = await connection.fetchrow(
        "select name_cipher, phone_cipher, sealed_key, key_version from case_contacts"
        " where tenant_id = $1 and id = $2",
        tenant,
        case_id,
    )
    if row is None:
        return Contact()
    keyring = await vault.writing(connection, tenant)
    key = keyring.open_key(SealedKey(row["sealed_key"], row["key_version"]), TABLE, case_id)
    return Contact(
        *(
            key.open(bytes(row[column]), TABLE, column, case_id) if row[column] else None
            for column in ("name_cipher", "phone_cipher")
        )
    )


def _masked(number: str) -> str:
    """Residents leave all kinds of numbers; one that is no telephone of a known form is hidden
    but for its end."""
    try:
        return mask_phone(identity.phone(number))
    except Refusal:
        return mask_digits(number)
