"""Answers: each household once, from its own phone or at its door, however often it is sent.

An answer is named by a key that the phone makes, so that what was answered without a network can
be sent until it arrives, and again. What counts is when the household answered; the survey takes
it until its uploads end. Who answered for which home is on record, and what each home answered is
told nobody: the subject hears the choice alone.
"""

from __future__ import annotations

import datetime as dt
import hmac
import uuid
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.compounds.codes import WrongCode, count_try, forget_tries, hashed
from guanjia.compounds.points import Point, point
from guanjia.compounds.service.opening import local_day, record_write
from guanjia.db.pools import Transaction
from guanjia.db.scope import Reachable, Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.graph.texts import text
from guanjia.people.service.ages import is_adult
from guanjia.people.vault import Vault
from guanjia.surveys.models import SURVEY_REACH, TARGET_REACH, Channel, Satisfaction, SurveyState
from guanjia.surveys.subjects import Told, subject_of

ALREADY_ANSWERED = "ALREADY_ANSWERED"
NOT_ADULT = "NOT_ADULT"
NOT_INDEPENDENT = "NOT_INDEPENDENT"
TOO_EARLY, TOO_LATE = "TOO_EARLY", "TOO_LATE"
COMMENT_LENGTH = 500
CODE_NOUN = "survey-code"
_CLOCKS_APART = dt.timedelta(minutes=5)
"""A phone's clock may be so much ahead of ours."""
_MINE = (
    "select t.*, p.id as person_id from survey_targets t left join lateral (select p.id"
    " from persons p join house_bindings b on b.tenant_id = $1 and b.person_id = p.id"
    " and b.valid_to is null where p.tenant_id = $1 and p.membership_id = $3"
    " and b.house_unit_id = t.house_unit_id limit 1) p on true where t.tenant_id = $1"
    " and t.survey_id = $2 and (t.membership_id = $3 or p.id is not null)"
    " and ($4::uuid is null or t.house_unit_id = $4) order by t.way, t.id"
)
_SAME = ("target_id", "choice", "comment", "channel", "answered_at", "longitude", "latitude")


@dataclass(frozen=True, slots=True)
class Given:
    """What a household answered, as its phone or the visitor's says it."""

    choice: Satisfaction
    client_key: UUID
    answered_at: dt.datetime | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class Visit:
    """An answer at the door, with the household's code and where it was given."""

    house_unit_id: UUID
    given: Given
    code: str
    place: Point


@dataclass(slots=True)
class Ballot:
    """A survey that is locked, behind its subject, and who is at it."""

    transaction: Transaction
    actor: Actor
    scope: Scope
    survey: Any
    subject: Told
    now: dt.datetime

    async def take(
        self, target: Any, given: Given, channel: Channel, place: Point | None = None
    ) -> UUID:
        """The target has answered, as it may now; the target's id."""
        self._refuse_late(given)
        if await self.transaction.connection.fetchval(
            "select exists (select 1 from survey_answers where tenant_id = $1 and target_id = $2)",
            self.transaction.tenant_id,
            target["id"],
        ):
            raise Refusal(ALREADY_ANSWERED, "该户已答:一户一次。", ("houseUnitId",))
        # First what may refuse: a visit among others that is refused has written nothing.
        await self.subject.answered(given.choice, channel)
        row = self._row(target, given, channel, place)
        await self.transaction.connection.execute(
            f"insert into survey_answers ({', '.join(row)})"
            f" values ({', '.join(f'${n}' for n in range(1, len(row) + 1))})",
            *row.values(),
        )
        await self.transaction.connection.execute(
            "update surveys set answered = answered + 1, version = version + 1,"
            f" {given.choice.lower()} = {given.choice.lower()} + 1"
            " where tenant_id = $1 and id = $2",
            self.transaction.tenant_id,
            self.survey["id"],
        )
        # Not the choice: who has answered is known, what they said is not.
        await record_write(
            self.transaction, self.actor, self.scope, "survey.answer", self.survey["id"],
            self.survey["region_path"], target=target["id"], channel=channel,
        )  # fmt: skip
        target_id: UUID = target["id"]
        return target_id

    async def sent_before(
        self, target_id: UUID, given: Given, channel: Channel, place: Point | None = None
    ) -> bool:
        """Whether this very answer is known. CONFLICT when the key was another answer's."""
        known = await self.transaction.connection.fetchrow(
            "select * from survey_answers where tenant_id = $1 and client_key = $2",
            self.transaction.tenant_id,
            given.client_key,
        )
        if known is None:
            return False
        row = self._row({"id": target_id}, given, channel, place)
        if given.answered_at is None:
            row["answered_at"] = known["answered_at"]
        by = known["collected_by"] or known["respondent_id"]
        if by != self.actor.membership_id or any(known[name] != row[name] for name in _SAME):
            raise Refusal(CONFLICT, "该标识已用于另一个答复,请更换后重试。", ("clientKey",))
        return True

    def _row(
        self, target: Any, given: Given, channel: Channel, place: Point | None
    ) -> dict[str, Any]:
        me, online = self.actor.membership_id, channel is Channel.ONLINE
        return {
            # At random: their order must not tell who gave which answer.
            "id": uuid.uuid4(),
            "survey_id": self.survey["id"],
            "target_id": target["id"],
            "choice": given.choice,
            "comment": given.comment,
            "channel": channel,
            "client_key": given.client_key,
            "answered_at": given.answered_at or self.now,
            "received_at": self.now,
            "respondent_id": me if online else None,
            "collected_by": None if online else me,
            "longitude": place and place.longitude,
            "latitude": place and place.latitude,
        }

    def _refuse_late(self, given: Given) -> None:
        survey, answered_at = self.survey, given.answered_at or self.now
        if answered_at > self.now + _CLOCKS_APART:
            raise Refusal(BAD_USER_INPUT, "答复时间晚于现在,请校准手机时间。", ("answeredAt",))
        if answered_at < survey["opened_at"]:
            raise Refusal(TOO_EARLY, "答复时间早于调查开始。", ("answeredAt",))
        if answered_at >= survey["closes_at"]:
            raise Refusal(TOO_LATE, "答复时间晚于调查截止,不能计入。", ("answeredAt",))
        if survey["state"] != SurveyState.OPEN or self.now >= survey["uploads_until"]:
            raise Refusal(TOO_LATE, "调查已结束,不再接收答复。", ("surveyId",))

    def refuse_involved(self) -> None:
        """NOT_INDEPENDENT for who belongs to whom the survey judges, or worked for them on it."""
        survey, actor = self.survey, self.actor
        if actor.membership_id in survey["excluded_membership_ids"] or set(
            actor.organisation_ids
        ) & set(survey["excluded_organisation_ids"]):
            raise Refusal(NOT_INDEPENDENT, "处置单位的人员不能参与评价或代为收集评价。")


async def open_ballot(
    transaction: Transaction, actor: Actor, scope: Scope, survey_id: UUID, now: dt.datetime
) -> Ballot:
    """The survey in reach, locked. NOT_FOUND out of it."""
    found = await _reached(transaction, scope, "surveys", SURVEY_REACH, survey_id)
    if found is None:
        raise not_found("调查", "surveyId")
    subject = await subject_of(found["kind"]).open(transaction, found["subject_id"], now)
    survey = await transaction.connection.fetchrow(
        "select * from surveys where tenant_id = $1 and id = $2 for update",
        transaction.tenant_id,
        survey_id,
    )
    return Ballot(transaction, actor, scope, survey, subject, now)


async def answer_survey(
    transaction: Transaction,
    vault: Vault,
    actor: Actor,
    scope: Scope,
    *,
    survey_id: UUID,
    given: Given,
    house_unit_id: UUID | None,
    now: dt.datetime,
) -> UUID:
    """The actor has answered for their household, as an adult who is bound to its home; the
    target's id. The first to answer does so for all. `house_unit_id` says for which home, where
    they are bound to several that are asked."""
    ballot = await open_ballot(transaction, actor, scope, survey_id, now)
    targets = await transaction.connection.fetch(
        _MINE, transaction.tenant_id, survey_id, actor.membership_id, house_unit_id
    )
    if not targets:
        raise not_found("房屋", "houseUnitId")
    if len(targets) > 1:
        raise Refusal(BAD_USER_INPUT, "您有多套房屋在调查范围内,请指明房屋。", ("houseUnitId",))
    [target] = targets
    if await ballot.sent_before(target["id"], given, Channel.ONLINE):
        found: UUID = target["id"]
        return found
    ballot.refuse_involved()
    if target["person_id"] is not None:
        adult = await is_adult(transaction, vault, target["person_id"], local_day(now))
        if not adult:
            said = (
                "您的出生日期尚未登记,请联系社区补登,或由网格员入户。"
                if adult is None
                else "未满 18 周岁,不能代表本户评价。"
            )
            raise Refusal(NOT_ADULT, said)
    return await ballot.take(target, given, Channel.ONLINE)


async def collect_answer(ballot: Ballot, secret: bytes, visit: Visit) -> UUID:
    """The household has answered at its door: its code says so; the target's id. WrongCode and
    TooManyTries are to be answered, not raised: see `count_try`."""
    transaction, me = ballot.transaction, ballot.actor.membership_id
    target = await transaction.connection.fetchrow(
        "select * from survey_targets where tenant_id = $1 and survey_id = $2"
        " and house_unit_id = $3",
        transaction.tenant_id,
        ballot.survey["id"],
        visit.house_unit_id,
    )
    if target is None or not await _reached(
        transaction, ballot.scope, "survey_targets", TARGET_REACH, target["id"]
    ):
        raise not_found("房屋", "houseUnitId")
    if await ballot.sent_before(target["id"], visit.given, Channel.DOOR, visit.place):
        found: UUID = target["id"]
        return found
    ballot.refuse_involved()
    if target["code_issued_by"] == me:
        raise Refusal(NOT_INDEPENDENT, "确认码由您发出,须由他人入户收集。", ("code",))
    await count_try(transaction, me, ballot.now)
    right = target["code_hash"]
    if right is None or not hmac.compare_digest(
        bytes(right), code_hash(secret, target["id"], visit.code)
    ):
        raise WrongCode
    await forget_tries(transaction, me)
    return await ballot.take(target, visit.given, Channel.DOOR, visit.place)


def answer_given(
    choice: Satisfaction,
    client_key: str,
    answered_at: dt.datetime | None,
    comment: str | None,
) -> Given:
    """An answer as it was sent; Refusal for what is none. Without a time it was given now."""
    try:
        key = UUID(client_key)
    except ValueError:
        raise Refusal(BAD_USER_INPUT, "clientKey 须为 UUID。", ("clientKey",)) from None
    said = text(comment, "意见", "comment", COMMENT_LENGTH)
    return Given(Satisfaction(choice), key, answered_at, said or None)


def visited(longitude: float, latitude: float) -> Point:
    """Where the visitor stood; Refusal outside China."""
    found = point(longitude, latitude)
    assert found is not None
    return found


def code_hash(secret: bytes, target_id: UUID, code: str) -> bytes:
    """What is kept of the code of one target."""
    return hashed(secret, f"{CODE_NOUN}:{target_id}", code)


async def _reached(
    transaction: Transaction, scope: Scope, table: str, reach: Reachable, row_id: UUID
) -> Any:
    """The row, where the scope reaches it."""
    arguments: list[Any] = [transaction.tenant_id, row_id]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    return await transaction.connection.fetchrow(
        f"select x.* from {table} x where x.tenant_id = $1 and x.id = $2"
        f" and {scope.predicate(reach, 'x', '$1', bind)}",
        *arguments,
    )
