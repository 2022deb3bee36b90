"""Whether a person is of age, without anybody seeing their day of birth."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.people.vault import SealedKey, Vault

ADULT_YEARS = 18
"""民法典 17."""


async def is_adult(
    transaction: Transaction, vault: Vault, person_id: UUID, day: dt.date
) -> bool | None:
    """Whether the person is 18 on the day; None while no day of birth is registered. The day is
    unsealed only in the one year in which it decides."""
    row = await transaction.connection.fetchrow(
        "select birth_year, birth_cipher, sealed_key, key_version from persons"
        " where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        person_id,
    )
    if row is None or row["birth_year"] is None:
        return None
    years: int = day.year - row["birth_year"]
    if years != ADULT_YEARS:
        return years > ADULT_YEARS
    keyring = await vault.reading(transaction.connection, transaction.tenant_id)
    if keyring is None or row["birth_cipher"] is None:
        return None
    key = keyring.open_key(SealedKey(row["sealed_key"], row["key_version"]), "persons", person_id)
    born = dt.date.fromisoformat(
        key.open(row["birth_cipher"], "persons", "birth_cipher", person_id)
    )
    return (born.month, born.day) <= (day.month, day.day)
