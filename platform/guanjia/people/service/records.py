"""Drafts into rows: sealed, masked, indexed. One person or a hundred thousand, the same way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.people.drafts import Draft
from guanjia.people.identity import Document, DocumentKind, Phone
from guanjia.people.masks import mask_address, mask_document, mask_name, mask_phone
from guanjia.people.vault import Keyring, RowKey
from guanjia.reading.conditions import grams, normal

PERSONS, DOCUMENTS, PHONES = "persons", "person_documents", "person_phones"
_INSERT_PERSONS = """
insert into persons (id, name, name_mask, search_text, sex, birth_year, birth_cipher, region_id,
  region_path, address_cipher, address_mask, warnings, sealed_key, key_version, created_at,
  created_by)
select u.id, u.name, u.name_mask, u.search_text, u.sex, u.birth_year, u.birth_cipher, u.region_id,
  u.region_path, u.address_cipher, u.address_mask, string_to_array(u.warnings, ','), u.sealed_key,
  u.key_version, $15, $16
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::bytea[],
  $8::uuid[], $9::text[], $10::bytea[], $11::text[], $12::text[], $13::bytea[], $14::int[])
  u(id, name, name_mask, search_text, sex, birth_year, birth_cipher, region_id, region_path,
    address_cipher, address_mask, warnings, sealed_key, key_version)
"""
_INSERT_DOCUMENTS = """
insert into person_documents (id, person_id, kind, cipher, legacy_cipher, mask, blind_index,
  recorded_at)
select u.*, $8 from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::bytea[],
  $6::text[], $7::bytea[]) u
"""
_INSERT_PHONES = """
insert into person_phones (id, person_id, kind, position, cipher, mask, blind_index, recorded_at)
select u.*, $8 from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::bytea[], $6::text[],
  $7::bytea[]) u
"""
_INSERT_GRAMS = (
    "insert into person_grams (gram, person_id)"
    " select u.* from unnest($1::text[], $2::uuid[]) u on conflict do nothing"
)
_KNOWN = (
    "select d.kind, d.blind_index, p.id, p.name, p.region_path, p.erased_at is null"
    " and p.merged_into_id is null as in_force, p.sealed_key, p.key_version"
    " from unnest($2::text[], $3::bytea[]) u(kind, index)"
    # One by one, however small the planner takes the tables for; and the next in an order that only
    # the right index has: of a tenant that it knows nothing of, it thinks that any will do.
    " cross join lateral (select * from person_documents x where x.tenant_id = $1"
    " and x.kind = u.kind and x.blind_index >= u.index order by x.blind_index limit 1) d"
    " cross join lateral (select * from persons x where x.tenant_id = $1 and x.id >= d.person_id"
    " order by x.id limit 1) p where d.blind_index = u.index and p.id = d.person_id"
)


@dataclass(frozen=True, slots=True)
class Sealed:
    """Persons as the rows that are inserted: sealed, masked, indexed."""

    persons: list[tuple]
    documents: list[tuple]
    phones: list[tuple]
    names: list[tuple[UUID, str]]


async def insert_drafts(
    transaction: Transaction,
    keyring: Keyring,
    drafts: Sequence[Draft],
    created_by: UUID,
    now: dt.datetime,
) -> None:
    """The persons exist with their documents, phones and searchable names."""
    await insert_sealed(transaction, sealed_drafts(keyring, drafts), created_by, now)


def sealed_drafts(keyring: Keyring, drafts: Sequence[Draft]) -> Sealed:
    """The rows of the persons. Pure, and slow for many: what a thread can do meanwhile."""
    rows, documents, phones = [], [], []
    for d in drafts:
        key, sealed = keyring.new_key("persons", d.id)
        birth = d.birth_date
        rows.append(
            (
                d.id, d.name, mask_name(d.name), normal(d.name), d.sex,
                birth.year if birth else None,
                key.seal(birth.isoformat(), PERSONS, "birth_cipher", d.id) if birth else None,
                d.region_id, d.region_path,
                key.seal(d.address, PERSONS, "address_cipher", d.id) if d.address else None,
                mask_address(d.address) if d.address else None,
                ",".join(d.warnings), sealed.sealed, sealed.version,
            )
        )  # fmt: skip
        documents += [document_row(keyring, key, d.id, document) for document in d.documents]
        phones += [phone_row(keyring, key, d.id, n, phone) for n, phone in enumerate(d.phones)]
    return Sealed(rows, documents, phones, [(d.id, d.name) for d in drafts])


async def insert_sealed(
    transaction: Transaction, sealed: Sealed, created_by: UUID, now: dt.datetime
) -> None:
    connection = transaction.connection
    await connection.execute(_INSERT_PERSONS, *_columns(sealed.persons, 14), now, created_by)
    await connection.execute(_INSERT_DOCUMENTS, *_columns(sealed.documents, 7), now)
    await connection.execute(_INSERT_PHONES, *_columns(sealed.phones, 7), now)
    await index_names(transaction, sealed.names)


async def add_documents(
    transaction: Transaction,
    keyring: Keyring,
    key: RowKey,
    person_id: UUID,
    documents: Iterable[Document],
    now: dt.datetime,
) -> None:
    rows = [document_row(keyring, key, person_id, document) for document in documents]
    await transaction.connection.execute(_INSERT_DOCUMENTS, *_columns(rows, 7), now)


async def add_phones(
    transaction: Transaction,
    keyring: Keyring,
    key: RowKey,
    person_id: UUID,
    phones: Iterable[tuple[int, Phone]],
    now: dt.datetime,
) -> None:
    rows = [phone_row(keyring, key, person_id, n, phone) for n, phone in phones]
    await transaction.connection.execute(_INSERT_PHONES, *_columns(rows, 7), now)


async def index_names(transaction: Transaction, names: Sequence[tuple[UUID, str]]) -> None:
    """The names can be searched."""
    pieces = [(gram, person_id) for person_id, name in names for gram in grams(name)]
    await transaction.connection.execute(_INSERT_GRAMS, *_columns(pieces, 2))


async def known_documents(
    transaction: Transaction, keyring: Keyring, documents: Sequence[Document]
) -> dict[tuple[DocumentKind, str], UUID]:
    """Which of the documents are registered, each with its person."""
    numbers = [(d.kind, d.number) for d in documents]
    found = await holders_of(transaction.connection, keyring, numbers)
    return {number: row["id"] for number, row in found.items()}


async def holders_of(
    connection: Any, keyring: Keyring, numbers: Collection[tuple[DocumentKind, str]]
) -> dict[tuple[DocumentKind, str], Any]:
    """The registered persons who hold documents of these kinds and numbers, wherever they live."""
    by_index = {(kind, document_index(keyring, kind, n)): (kind, n) for kind, n in numbers}
    rows = await connection.fetch(
        _KNOWN,
        keyring.tenant_id,
        [kind for kind, _ in by_index],
        [index for _, index in by_index],
    )
    return {by_index[DocumentKind(r["kind"]), bytes(r["blind_index"])]: r for r in rows}


def document_index(keyring: Keyring, kind: DocumentKind, number: str) -> bytes:
    return keyring.blind_index(f"document:{kind}", number)


def phone_index(keyring: Keyring, number: str) -> bytes:
    return keyring.blind_index("phone", number)


def document_row(keyring: Keyring, key: RowKey, person_id: UUID, d: Document) -> tuple:
    row_id = new_id()
    return (
        row_id, person_id, d.kind,
        key.seal(d.number, DOCUMENTS, "cipher", row_id),
        key.seal(d.legacy, DOCUMENTS, "legacy_cipher", row_id) if d.legacy else None,
        mask_document(d), document_index(keyring, d.kind, d.number),
    )  # fmt: skip


def phone_row(keyring: Keyring, key: RowKey, person_id: UUID, position: int, phone: Phone) -> tuple:
    row_id = new_id()
    return (
        row_id, person_id, phone.kind, position,
        key.seal(phone.number, PHONES, "cipher", row_id),
        mask_phone(phone), phone_index(keyring, phone.number),
    )  # fmt: skip


def _columns(rows: Sequence[tuple], width: int) -> list[list]:
    """Rows as the arrays that unnest takes."""
    return [[row[n] for row in rows] for n in range(width)]
