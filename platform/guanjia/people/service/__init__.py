"""Use-cases on persons: the vault after the transaction, then actor and scope."""

from guanjia.people.service.records import insert_drafts, known_documents
from guanjia.people.service.registration import (
    AlreadyRegistered,
    find_person,
    register_person,
    residence,
    today_of,
)

__all__ = [
    "AlreadyRegistered",
    "find_person",
    "insert_drafts",
    "known_documents",
    "register_person",
    "residence",
    "today_of",
]
