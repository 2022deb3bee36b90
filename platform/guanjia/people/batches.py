"""Staged imports under the tenant's keys: each batch has a key of its own, as each person has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from guanjia.imports import seals
from guanjia.people.ciphers import Place
from guanjia.people.vault import RowKey, SealedKey, Vault, vault_of
from guanjia.settings import Settings

_HOLDER = "import_batches"


@dataclass(frozen=True, slots=True)
class BatchSeal:
    """One batch's key."""

    batch_id: UUID
    key: RowKey = field(repr=False)

    def seal(self, plain: bytes, place: str) -> bytes:
        return self.key.key.seal(self.key.suite, plain, self._place(place))

    def open(self, sealed: bytes, place: str) -> bytes:
        return self.key.key.open(sealed, self._place(place))

    def _place(self, place: str) -> Place:
        return Place(self.key.tenant_id, "import_chunks", place, self.batch_id)


class BatchSealing:
    """Seals what imports stage with the keys of the tenants."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def new(
        self, connection: Any, tenant_id: UUID, batch_id: UUID
    ) -> tuple[seals.Seal, seals.StoredKey]:
        keyring = await self._vault.writing(connection, tenant_id)
        key, stored = keyring.new_key(_HOLDER, batch_id)
        return BatchSeal(batch_id, key), seals.StoredKey(stored.sealed, stored.version)

    async def existing(
        self, connection: Any, tenant_id: UUID, batch_id: UUID, key: seals.StoredKey
    ) -> seals.Seal:
        keyring = await self._vault.reading(connection, tenant_id)
        assert keyring is not None, "a batch was sealed, so there are keys"
        stored = SealedKey(key.sealed, key.version)
        return BatchSeal(batch_id, keyring.open_key(stored, _HOLDER, batch_id))


def sealing(settings: Settings) -> seals.Sealing:
    return BatchSealing(vault_of(settings))
