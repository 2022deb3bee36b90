"""What the modules below seal, under the tenants' keys: each row has a key of its own, as each
person has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from guanjia.db import seals
from guanjia.people.ciphers import Place
from guanjia.people.vault import RowKey, SealedKey, Vault, vault_of
from guanjia.settings import Settings


@dataclass(frozen=True, slots=True)
class RowSeal:
    """One row's key."""

    holder: seals.Holder
    key: RowKey = field(repr=False)

    def seal(self, plain: bytes, place: str) -> bytes:
        return self.key.key.seal(self.key.suite, plain, self._place(place))

    def open(self, sealed: bytes, place: str) -> bytes:
        return self.key.key.open(sealed, self._place(place))

    def _place(self, place: str) -> Place:
        return Place(self.key.tenant_id, self.holder.sealed_in, place, self.holder.row_id)


class RowSealing:
    """Seals with the keys of the tenants."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def new(
        self, connection: Any, tenant_id: UUID, holder: seals.Holder
    ) -> tuple[seals.Seal, seals.StoredKey]:
        keyring = await self._vault.writing(connection, tenant_id)
        key, stored = keyring.new_key(holder.table, holder.row_id)
        return RowSeal(holder, key), seals.StoredKey(stored.sealed, stored.version)

    async def existing(
        self, connection: Any, tenant_id: UUID, holder: seals.Holder, key: seals.StoredKey
    ) -> seals.Seal:
        keyring = await self._vault.reading(connection, tenant_id)
        assert keyring is not None, "something was sealed, so there are keys"
        stored = SealedKey(key.sealed, key.version)
        return RowSeal(holder, keyring.open_key(stored, holder.table, holder.row_id))


def sealing(settings: Settings) -> seals.Sealing:
    return RowSealing(vault_of(settings))


seals.provide(sealing)
