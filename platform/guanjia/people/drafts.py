"""A person as somebody typed them, checked and in one form, before any row exists."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from guanjia.db.ids import new_id
from guanjia.graph.errors import BAD_USER_INPUT, Refusal
from guanjia.graph.texts import line
from guanjia.people.identity import (
    EARLIEST_BIRTH,
    DataWarning,
    Document,
    DocumentKind,
    Phone,
    Sex,
    disagreements,
    document,
    phone,
)

NAME_LENGTH = 50
ADDRESS_LENGTH = 200
MOST_DOCUMENTS = 10
MOST_PHONES = 5


@dataclass(frozen=True, slots=True)
class Given:
    """A document as it was typed."""

    kind: DocumentKind
    number: str


@dataclass(frozen=True, slots=True)
class Today:
    """What the rules need to know of the tenant and the moment."""

    date: dt.date
    own_regions: Collection[str] = ()
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A person that can be stored. Sex and day of birth are as declared, else as the document
    says."""

    name: str
    region_id: UUID
    region_path: str
    sex: Sex
    birth_date: dt.date | None
    address: str | None
    documents: tuple[Document, ...]
    phones: tuple[Phone, ...]
    warnings: tuple[DataWarning, ...]
    id: UUID = field(default_factory=new_id)


def draft(
    today: Today,
    *,
    name: str,
    region_id: UUID,
    region_path: str,
    documents: Sequence[Given] = (),
    phones: Sequence[str] = (),
    sex: Sex | None = None,
    birth_date: dt.date | None = None,
    address: str | None = None,
) -> Draft:
    """The person in one form; a Refusal that names the field otherwise."""
    read = checked_documents(documents, today)
    return Draft(
        name=checked_name(name),
        region_id=region_id,
        region_path=region_path,
        sex=sex or next((d.sex for d in read if d.sex), Sex.UNKNOWN),
        birth_date=checked_birth(birth_date, today)
        or next((d.birth_date for d in read if d.birth_date), None),
        address=line(address, "住址", "address", ADDRESS_LENGTH) or None,
        documents=read,
        phones=checked_phones(phones),
        warnings=warnings_of(read, sex, birth_date),
    )


def checked_name(given: str) -> str:
    name = line(given, "姓名", "name", NAME_LENGTH)
    if not name:
        raise Refusal(BAD_USER_INPUT, "请填写姓名。", ("name",))
    return name


def checked_birth(given: dt.date | None, today: Today) -> dt.date | None:
    if given is not None and not EARLIEST_BIRTH <= given <= today.date:
        raise Refusal(BAD_USER_INPUT, "出生日期应在 1880 年以后、今天以前。", ("birthDate",))
    return given


def checked_documents(
    given: Sequence[Given], today: Today, citizen_id: str | None = None
) -> tuple[Document, ...]:
    """The documents; at most one 居民身份证, which a 残疾人证 of the same person must contain."""
    if len(given) > MOST_DOCUMENTS:
        raise Refusal(BAD_USER_INPUT, f"一人最多登记 {MOST_DOCUMENTS} 件证件。", ("documents",))
    read: dict[int, Document] = {}
    # The citizen's number first, whatever the order: the card is compared with it.
    for place in sorted(range(len(given)), key=lambda n: given[n].kind != DocumentKind.CITIZEN_ID):
        found = document(
            given[place].kind,
            given[place].number,
            today.date,
            imported=today.imported,
            own_regions=today.own_regions,
            citizen_id=citizen_id,
            field=("documents", str(place), "number"),
        )
        if found.kind is DocumentKind.CITIZEN_ID:
            if citizen_id is not None and citizen_id != found.number:
                raise Refusal(BAD_USER_INPUT, "一人只能有一个公民身份号码。", ("documents",))
            citizen_id = found.number
        read[place] = found
    documents = tuple(read[place] for place in sorted(read))
    if len({(d.kind, d.number) for d in documents}) < len(documents):
        raise Refusal(BAD_USER_INPUT, "同一证件填写了两次。", ("documents",))
    return documents


def checked_phones(given: Sequence[str]) -> tuple[Phone, ...]:
    """The telephones in the order given, each once."""
    if len(given) > MOST_PHONES:
        raise Refusal(BAD_USER_INPUT, f"一人最多登记 {MOST_PHONES} 个电话。", ("phones",))
    return tuple(dict.fromkeys(phone(text, "phones", str(n)) for n, text in enumerate(given)))


def warnings_of(
    documents: Sequence[Document], sex: Sex | None, birth_date: dt.date | None
) -> tuple[DataWarning, ...]:
    """What is odd about the documents, and where they differ from what was declared."""
    odd = [w for d in documents for w in (*d.warnings, *disagreements(d, sex, birth_date))]
    return tuple(dict.fromkeys(odd))
