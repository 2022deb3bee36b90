"""Where text messages find the numbers of members who are registered persons."""

from __future__ import annotations

from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.notifications.addresses import Phone, knows_phones
from guanjia.people import sealing as sealing  # makes itself known: the worker has no API
from guanjia.people.identity import PhoneKind
from guanjia.people.vault import SealedKey, vault_of
from guanjia.settings import Settings

_PHONE = """
select p.id as person_id, p.region_path, p.sealed_key, p.key_version, f.id, f.cipher
from persons p join person_phones f on f.tenant_id = $1 and f.person_id = p.id
where p.tenant_id = $1 and p.membership_id = $2 and p.merged_into_id is null
  and p.erased_at is null and f.kind = $3
order by f.recorded_at desc, f.id desc limit 1
"""


async def _phone_of(transaction: Transaction, member: UUID, settings: Settings) -> Phone | None:
    """The number that was recorded last, unsealed for one message."""
    row = await transaction.connection.fetchrow(
        _PHONE, transaction.tenant_id, member, PhoneKind.MOBILE
    )
    if row is None:
        return None
    keyring = await vault_of(settings).reading(transaction.connection, transaction.tenant_id)
    assert keyring is not None, "what is sealed has a key"
    key = keyring.open_key(
        SealedKey(row["sealed_key"], row["key_version"]), "persons", row["person_id"]
    )
    number = key.open(row["cipher"], "person_phones", "cipher", row["id"])
    return Phone(number, row["person_id"], row["region_path"])


knows_phones(_phone_of)
