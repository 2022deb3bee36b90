"""What members are told: each kind of notice declares its words and its facts once.

A kind lives in the module that knows the occasion, in `notices.py`. `tell` writes the notice into
the inbox of each recipient, in the transaction in which the occasion happens: both or neither.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from uuid import UUID

from guanjia.db.channels import Channel, Heard, listened
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.graph.times import CHINA
from guanjia.notifications.delivery import enqueue
from guanjia.notifications.masking import masked
from guanjia.notifications.wording import Ways, ways_of
from guanjia.settings import MODULES

LABEL_LENGTH = 60
TEMPLATE_LENGTH, BODY_LENGTH = 300, 500
"""Characters of a template, and of a notice, where its facts are filled in."""
Subject = tuple[str, UUID]
"""The GraphQL type and the id of the row that a notice is about."""
_PLACE = re.compile(r"\{(\w+)\}")


class Form(Enum):
    """What a fact may be: a label (one line, a number or a name that is nobody's secret), a whole
    number, a day, a moment. There is no form for free text, and none for a protected field."""

    LABEL = "LABEL"
    COUNT = "COUNT"
    DAY = "DAY"
    TIME = "TIME"


_TYPES: Mapping[Form, tuple[type, ...]] = {
    Form.LABEL: (str, int),
    Form.COUNT: (int,),
    Form.DAY: (dt.date,),
    Form.TIME: (dt.datetime,),
}
_SAMPLES: Mapping[Form, Any] = {
    Form.LABEL: "示例",
    Form.COUNT: 3,
    Form.DAY: dt.date(2026, 3, 2),
    Form.TIME: dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A name that a template may use, with the form of what stands for it."""

    name: str
    form: Form = Form.LABEL

    @property
    def sample(self) -> Any:
        """What stands for it in a preview."""
        return _SAMPLES[self.form]


class WrongFacts(TypeError):
    """A notice was given other facts than its kind declares."""


class BadTemplate(ValueError):
    """A template that cannot be used; the sentence says why."""


@dataclass(frozen=True)
class NoticeKind:
    """One kind of notice. A bare name among the facts is a label; what is urgent
    does not wait for the end of quiet hours."""

    code: str
    title: str
    template: str
    facts: tuple[Fact | str, ...] = ()
    urgent: bool = False

    def __post_init__(self) -> None:
        check_template(self, self.template)

    @property
    def declared(self) -> dict[str, Fact]:
        facts = (fact if isinstance(fact, Fact) else Fact(fact) for fact in self.facts)
        return {fact.name: fact for fact in facts}


async def _received_since(
    connection: Any, tenant_id: UUID, since: dt.datetime, most: int
) -> list[Heard]:
    rows = await connection.fetch(
        "select id, recipient_id from notifications where tenant_id = $1 and created_at >= $2"
        " limit $3",
        tenant_id,
        since,
        most,
    )
    return [tuple(row) for row in rows]


RECEIVED = listened(Channel("notification_received", _received_since))
_KINDS: dict[str, NoticeKind] = {}


def register(kind: NoticeKind) -> None:
    """Members can be told so from now on."""
    if _KINDS.setdefault(kind.code, kind) is not kind:
        raise TypeError(f"{kind.code}: two kinds of this code")


def load_kinds() -> tuple[NoticeKind, ...]:
    """The kinds of all modules: each may have them in its `notices`."""
    for module in MODULES:
        if find_spec(f"guanjia.{module}.notices"):
            import_module(f"guanjia.{module}.notices")
    return tuple(_KINDS.values())


def kind_of(code: str) -> NoticeKind:
    """The kind of this code; KeyError when no module declares it."""
    if code not in _KINDS:
        load_kinds()
    return _KINDS[code]


async def tell(
    transaction: Transaction,
    code: str,
    *,
    recipients: Iterable[UUID],
    facts: Mapping[str, Any],
    subject: Subject | None = None,
    key: str,
    now: dt.datetime,
    ways: Ways | None = None,
) -> int:
    """Each recipient, a membership that is active and holds some role at `now`, has the notice when
    the transaction commits; once for this key. Returns how many were told by this call.

    facts: exactly those that the kind declares (WrongFacts otherwise), never a protected field;
    what looks like an identity or telephone number is hidden. ways: how it goes out beside the
    inbox, if not as the tenant has set it.
    """
    kind = kind_of(code)
    found = await transaction.connection.fetchval(
        "select template from notice_templates where tenant_id = $1 and kind = $2"
        " order by version desc limit 1",
        transaction.tenant_id,
        kind.code,
    )
    body = rendered(kind, in_force(kind, found), facts)
    members = sorted(set(recipients))
    rows = await transaction.connection.fetch(
        "insert into notifications (id, recipient_id, kind, key, title, body, subject_type,"
        " subject_id, created_at) select u.id, m.id, $3, $4, $5, $6, $7, $8, $9"
        " from unnest($1::uuid[], $2::uuid[]) u(id, member_id) join memberships m"
        " on m.tenant_id = $10 and m.id = u.member_id and m.active"
        " and exists (select from grants g where g.tenant_id = $10 and g.membership_id = m.id"
        " and g.revoked_at is null and g.valid_from <= $9"
        " and (g.valid_to is null or g.valid_to > $9))"
        " on conflict (tenant_id, kind, key, recipient_id) do nothing returning id, recipient_id",
        [new_id() for _ in members],
        members,
        kind.code,
        key,
        kind.title,
        body,
        *(subject or (None, None)),
        now,
        transaction.tenant_id,
    )
    await RECEIVED.notify(transaction, *((row["id"], row["recipient_id"]) for row in rows))
    ways = ways or await ways_of(transaction.connection, transaction.tenant_id)
    await enqueue(transaction, kind.code, rows, ways, urgent=kind.urgent, now=now)
    return len(rows)


def rendered(kind: NoticeKind, template: str, facts: Mapping[str, Any]) -> str:
    """The words of a notice; WrongFacts unless the facts are those that are declared."""
    declared = kind.declared
    if set(facts) != set(declared):
        raise WrongFacts(f"{kind.code}: {sorted(facts)} instead of {sorted(declared)}")
    words = {name: _words(kind, declared[name], value) for name, value in facts.items()}
    return _cut(masked(_PLACE.sub(lambda found: words[found[1]], template)), BODY_LENGTH)


def in_force(kind: NoticeKind, own: str | None) -> str:
    """The tenant's own words, unless there are none or they name what the kind has no more."""
    try:
        if own is not None:
            check_template(kind, own)
            return own
    except BadTemplate:
        pass
    return kind.template


def check_template(kind: NoticeKind, template: str) -> None:
    """BadTemplate unless the template is one line or more of text that names declared facts."""
    if not template.strip():
        raise BadTemplate("模板不能为空。")
    if len(template) > TEMPLATE_LENGTH:
        raise BadTemplate(f"模板最长{TEMPLATE_LENGTH}个字,现有{len(template)}个字。")
    unknown = sorted(set(_PLACE.findall(template)) - set(kind.declared))
    if unknown:
        known = "、".join(kind.declared) or "无"
        raise BadTemplate(f"模板中的 {{{unknown[0]}}} 不是该通知的内容;可用:{known}。")
    if re.search(r"[{}]", _PLACE.sub("", template)):
        raise BadTemplate("模板中的花括号须成对,其中只写一项内容的名称。")
    if masked(template) != template:
        raise BadTemplate("模板中不能写证件号码、账号或电话号码。")


def _words(kind: NoticeKind, fact: Fact, value: Any) -> str:
    # By the exact type: a value that somebody sealed, or a mapping, is none of these.
    if type(value) not in _TYPES[fact.form]:
        raise WrongFacts(f"{kind.code}: {fact.name} is no {fact.form.value}")
    if isinstance(value, dt.datetime):
        value = value.astimezone(CHINA)
        return f"{value.year}年{value.month}月{value.day}日{value:%H:%M}"
    if isinstance(value, dt.date):
        return f"{value.year}年{value.month}月{value.day}日"
    shown = "".join(c for c in str(value) if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return _cut(" ".join(shown.split()), LABEL_LENGTH)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


TESTED = NoticeKind(
    "notice.test", "通道测试", "这是一条测试消息,用以检查通知能否送达。", urgent=True
)  # fmt: skip
register(TESTED)
