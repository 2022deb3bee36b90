"""The keys behind protected fields: master → tenant → row.

The master key comes from the environment and wraps the keys of each tenant (`data_keys`): the data
key, in versions, and the index key of the blind indexes. The data key seals one key a person, and
that key seals the person's fields wherever they are stored. So a rotation re-seals one small column
while everything stays readable, and removing a person's key makes all their fields unreadable,
in every table, at once. Other rows with protected fields have a key each in the same way: their
table `holds_keys`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from guanjia.db.ids import new_id
from guanjia.people.ciphers import Key, Place, Suite
from guanjia.settings import Settings, SettingsError

DATA, INDEX = "DATA", "INDEX"
_TABLE = "data_keys"
_KEYS = (
    "select id, purpose, version, suite, wrapped, wrapped_by from data_keys"
    " where tenant_id = $1 order by purpose, version"
)
# A writer holds the version it seals with until it commits, so that no rotation drops it meanwhile.
_HOLD = (
    "select version from data_keys where tenant_id = $1 and purpose = 'DATA'"
    " order by version desc limit 1 for share"
)
_ADD = (
    "insert into data_keys (id, purpose, version, suite, wrapped, wrapped_by)"
    " values ($1, $2, $3, $4, $5, $6) on conflict do nothing"
)
_HOLDERS = ["persons", "import_batches", "notice_gateways"]


def holds_keys(table: str) -> None:
    """The rows of the table have a key each, in `sealed_key` and `key_version`: rotations seal it
    anew, and drop no data key while one of them needs it."""
    if table not in _HOLDERS:
        _HOLDERS.append(table)


def holders() -> tuple[str, ...]:
    return tuple(_HOLDERS)


class MissingMasterKey(SettingsError):
    """A tenant's keys are wrapped with a master key that the environment does not give."""


@dataclass(frozen=True, slots=True)
class RowKey:
    """The key of one row's protected fields, and of what belongs to it, whatever table it is in."""

    tenant_id: UUID
    suite: Suite
    key: Key = field(repr=False)

    def seal(self, plain: str, table: str, column: str, row_id: UUID) -> bytes:
        place = Place(self.tenant_id, table, column, row_id)
        return self.key.seal(self.suite, plain.encode(), place)

    def open(self, sealed: bytes, table: str, column: str, row_id: UUID) -> str:
        return self.key.open(sealed, Place(self.tenant_id, table, column, row_id)).decode()


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A row's key as it is stored, and the version of the data key that sealed it."""

    sealed: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Keyring:
    """The unwrapped keys of one tenant as of one transaction. `version` seals what is new."""

    tenant_id: UUID
    version: int
    data: Mapping[int, tuple[Suite, Key]] = field(repr=False)
    index: tuple[Suite, Key] = field(repr=False)

    def new_key(self, holder: str, row_id: UUID) -> tuple[RowKey, SealedKey]:
        """A key for a new row of the table `holder`, and its stored form."""
        suite, _ = self.data[self.version]
        key = RowKey(self.tenant_id, suite, Key.new())
        return key, self.sealed(key, holder, row_id)

    def open_key(self, sealed: SealedKey, holder: str, row_id: UUID) -> RowKey:
        suite, data_key = self.data[sealed.version]
        secret = data_key.open(bytes(sealed.sealed), self._place(holder, row_id))
        return RowKey(self.tenant_id, suite, Key(secret))

    def sealed(self, key: RowKey, holder: str, row_id: UUID) -> SealedKey:
        """The row's key under the newest data key."""
        suite, data_key = self.data[self.version]
        return SealedKey(
            data_key.seal(suite, key.key.secret, self._place(holder, row_id)), self.version
        )

    def blind_index(self, noun: str, value: str) -> bytes:
        """What is stored and compared instead of the value."""
        suite, key = self.index
        return key.index(suite, noun, value)

    def _place(self, holder: str, row_id: UUID) -> Place:
        return Place(self.tenant_id, holder, "sealed_key", row_id)


class Vault:
    """Unwraps tenants' keys. Unwrapped keys are kept in memory: a stored key never changes."""

    def __init__(self, masters: Sequence[Key], suite: Suite) -> None:
        self._masters = {key.fingerprint: key for key in masters}
        self._current = masters[0]
        self._suite = suite
        self._unwrapped: dict[UUID, Key] = {}

    async def reading(self, connection: Any, tenant_id: UUID) -> Keyring | None:
        """The tenant's keys; None before anything was sealed."""
        rows = await connection.fetch(_KEYS, tenant_id)
        return self._keyring(tenant_id, rows, None) if rows else None

    async def writing(self, connection: Any, tenant_id: UUID) -> Keyring:
        """The tenant's keys to seal with until this transaction ends; made at first use."""
        held = await connection.fetchval(_HOLD, tenant_id)
        if held is None:
            await self.add_key(connection, tenant_id, DATA, 1)
            await self.add_key(connection, tenant_id, INDEX, 1)
            held = await connection.fetchval(_HOLD, tenant_id)
        return self._keyring(tenant_id, await connection.fetch(_KEYS, tenant_id), held)

    async def add_key(self, connection: Any, tenant_id: UUID, purpose: str, version: int) -> None:
        """The tenant has a key of this version; one that is there stays."""
        row_id = new_id()
        wrapped = self._current.seal(
            self._suite, Key.new().secret, Place(tenant_id, _TABLE, purpose, row_id)
        )
        await connection.execute(
            _ADD, row_id, purpose, version, self._suite, wrapped, self._current.fingerprint
        )

    def rewrapped(self, tenant_id: UUID, row: Mapping[str, Any]) -> tuple[bytes, str] | None:
        """A stored key under the current master key, with its fingerprint; None if it is so."""
        if row["wrapped_by"] == self._current.fingerprint:
            return None
        place = Place(tenant_id, _TABLE, row["purpose"], row["id"])
        secret = self._unwrap(tenant_id, row).secret
        return self._current.seal(self._suite, secret, place), self._current.fingerprint

    def _keyring(
        self, tenant_id: UUID, rows: Sequence[Mapping[str, Any]], held: int | None
    ) -> Keyring:
        keys = {
            (row["purpose"], row["version"]): (Suite(row["suite"]), self._unwrap(tenant_id, row))
            for row in rows
        }
        data = {version: key for (purpose, version), key in keys.items() if purpose == DATA}
        return Keyring(tenant_id, held or max(data), data, keys[INDEX, 1])

    def _unwrap(self, tenant_id: UUID, row: Mapping[str, Any]) -> Key:
        known = self._unwrapped.get(row["id"])
        if known is None:
            master = self._masters.get(row["wrapped_by"])
            if master is None:
                raise MissingMasterKey(
                    f"租户密钥由主密钥 {row['wrapped_by']} 保护,"
                    "环境变量 GUANJIA_MASTER_KEY 中没有它。"
                )
            place = Place(tenant_id, _TABLE, row["purpose"], row["id"])
            known = self._unwrapped[row["id"]] = Key(master.open(bytes(row["wrapped"]), place))
        return known


@lru_cache
def vault_of(settings: Settings) -> Vault:
    """The vault of this process."""
    masters = [Key(secret) for secret in settings.master_keys()]
    return Vault(masters, Suite(settings.cipher_suite))
