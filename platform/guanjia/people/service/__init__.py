"""Use-cases on persons: the vault after the transaction, then actor and scope."""

from guanjia.people.service.changes import change_person, link_member
from guanjia.people.service.looks import (
    SENSITIVE,
    PersonField,
    Revealed,
    RevealPurpose,
    TooManyLooks,
    checked_note,
    count_look,
    record_look,
    reveal_field,
)
from guanjia.people.service.merging import (
    DuplicateReason,
    ErasureReason,
    erase_person,
    find_duplicates,
    merge_persons,
)
from guanjia.people.service.opening import Opened, open_person
from guanjia.people.service.records import (
    Sealed,
    add_phones,
    holders_of,
    insert_drafts,
    insert_sealed,
    known_documents,
    phone_index,
    sealed,
)
from guanjia.people.service.registration import (
    KNOWN,
    AlreadyRegistered,
    find_person,
    register_person,
    residence,
    today_of,
)
from guanjia.people.service.withdrawing import withdraw_persons

__all__ = [
    "KNOWN",
    "SENSITIVE",
    "AlreadyRegistered",
    "DuplicateReason",
    "ErasureReason",
    "Opened",
    "PersonField",
    "RevealPurpose",
    "Revealed",
    "Sealed",
    "TooManyLooks",
    "add_phones",
    "change_person",
    "checked_note",
    "count_look",
    "erase_person",
    "find_duplicates",
    "find_person",
    "holders_of",
    "insert_drafts",
    "insert_sealed",
    "known_documents",
    "link_member",
    "merge_persons",
    "open_person",
    "phone_index",
    "record_look",
    "register_person",
    "residence",
    "reveal_field",
    "sealed",
    "today_of",
    "withdraw_persons",
]
