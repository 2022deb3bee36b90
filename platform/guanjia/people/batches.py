"""Staged imports under the tenant's keys: each batch has a key of its own, as each person has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from guanjia.imports import seals
from guanjia.people.ciphers import Key, Place, Suite
from guanjia.people.vault import Keyring, Vault, vault_of
from guanjia.settings import Settings


@dataclass(frozen=True, slots=True)
class BatchSeal:
    """One batch's key."""

    tenant_id: UUID
    batch_id: UUID
    suite: Suite
    key: Key = field(repr=False)

    def seal(self, plain: bytes, place: str) -> bytes:
        return self.key.seal(self.suite, plain, self._place(place))

    def open(self, sealed: bytes, place: str) -> bytes:
        return self.key.open(sealed, self._place(place))

    def _place(self, place: str) -> Place:
        return Place(self.tenant_id, "import_chunks", place, self.batch_id)


class BatchSealing:
    """Seals what imports stage with the keys of the tenants."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def new(
        self, connection: Any, tenant_id: UUID, batch_id: UUID
    ) -> tuple[seals.Seal, seals.StoredKey]:
        keyring = await self._vault.writing(connection, tenant_id)
        key, suite = Key.new(), keyring.data[keyring.version][0]
        sealed, version = stored(keyring, key, batch_id)
        return BatchSeal(tenant_id, batch_id, suite, key), seals.StoredKey(sealed, version)

    async def existing(
        self, connection: Any, tenant_id: UUID, batch_id: UUID, key: seals.StoredKey
    ) -> seals.Seal:
        keyring = await self._vault.reading(connection, tenant_id)
        assert keyring is not None, "a batch was sealed, so there are keys"
        suite = keyring.data[key.version][0]
        return BatchSeal(tenant_id, batch_id, suite, opened(keyring, key, batch_id))


def opened(keyring: Keyring, key: seals.StoredKey, batch_id: UUID) -> Key:
    """The key of a batch out of its stored form."""
    data_key = keyring.data[key.version][1]
    return Key(data_key.open(key.sealed, _place(keyring, batch_id)))


def stored(keyring: Keyring, key: Key, batch_id: UUID) -> tuple[bytes, int]:
    """The key of a batch under the newest data key, and that key's version."""
    suite, data_key = keyring.data[keyring.version]
    return data_key.seal(suite, key.secret, _place(keyring, batch_id)), keyring.version


def _place(keyring: Keyring, batch_id: UUID) -> Place:
    return Place(keyring.tenant_id, "import_batches", "sealed_key", batch_id)


def sealing(settings: Settings) -> seals.Sealing:
    return BatchSealing(vault_of(settings))
