"""What a meeting may decide, and what comes of a vote: the rules, without a database."""

from __future__ import annotations

from dataclasses import dataclass

from guanjia.graph.errors import BAD_USER_INPUT, Refusal
from guanjia.meetings.models.records import OUTCOME_TITLES, Outcome
from guanjia.meetings.rules import DecidedBy, Matter

NO_QUORUM = "NO_QUORUM"
RESERVED_MATTER = "RESERVED_MATTER"
DECIDES_NOTHING = "DECIDES_NOTHING"
_SENT_TO = {
    DecidedBy.OWNERS_VOTE: Outcome.TO_OWNERS_VOTE,
    DecidedBy.RESIDENTS_MEETING: Outcome.TO_RESIDENTS_MEETING,
}


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many of the four seats, and how many resident representatives."""

    seats: int
    residents: int


@dataclass(frozen=True, slots=True)
class Votes:
    """One vote a seat."""

    in_favour: int
    against: int
    abstained: int


def refuse_without_quorum(needed: Quorum, present: Quorum) -> None:
    """NO_QUORUM with what is missing."""
    short = []
    if present.seats < needed.seats:
        short.append(f"到会席位 {present.seats} 个,须 {needed.seats} 个")
    if present.residents < needed.residents:
        short.append(f"居民代表 {present.residents} 户,须 {needed.residents} 户")
    if short:
        raise Refusal(NO_QUORUM, f"未达到会人数,不能形成决议:{';'.join(short)}。", ("meetingId",))


def refuse_reserved(matter: Matter | None, outcome: Outcome, field: str) -> None:
    """What the owners or the residents decide is not settled by a meeting: it is sent to them, or
    put off, or not taken up. What is nobody else's is not sent to the owners."""
    if matter is None:
        if outcome == Outcome.TO_OWNERS_VOTE:
            raise Refusal(
                BAD_USER_INPUT, "该议题没有注明属于业主共同决定的哪一项事项,不能提请。", (field,)
            )
        return
    sent_to = _SENT_TO[matter.decided_by]
    if outcome not in (sent_to, Outcome.DEFERRED, Outcome.REJECTED):
        raise Refusal(
            RESERVED_MATTER,
            f"“{matter.title}”不由会议决定({matter.source}),只能“{OUTCOME_TITLES[sent_to]}”"
            "、续议或不予采纳。",
            (field,),
        )


def adopted(votes: Votes, seats: int) -> bool:
    """A simple majority of the seats that attend."""
    if min(votes.in_favour, votes.against, votes.abstained) < 0:
        raise Refusal(BAD_USER_INPUT, "票数不能为负。", ("votesFor",))
    if votes.in_favour + votes.against + votes.abstained != seats:
        raise Refusal(
            BAD_USER_INPUT,
            f"赞成、反对、弃权之和须等于到会席位数 {seats}:一席一票。",
            ("votesFor",),
        )
    return votes.in_favour * 2 > seats
