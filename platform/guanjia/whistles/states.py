"""The life of a whistle as data, in the one form of state machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from guanjia.cases.machine import Guard, Machine, Transition
from guanjia.cases.states import FINISHED
from guanjia.cases.states import State as CaseState
from guanjia.graph.errors import CONFLICT, Refusal


class WhistleLevel(StrEnum):
    """L2 社区吹哨、街道报到;L3 街道吹哨、部门报到"""

    L2 = "L2"
    L3 = "L3"


class WhistleState(StrEnum):
    """已吹哨、已报到、已反馈、已评价、已收哨、已终止"""

    SOUNDED = "SOUNDED"
    ATTENDED = "ATTENDED"
    ANSWERED = "ANSWERED"
    SCORED = "SCORED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


class Condition(StrEnum):
    """群众反映突出而解决不了、综合执法、应急处置、各方意见不一、须街道力量"""

    BEYOND_MEANS = "BEYOND_MEANS"
    ENFORCEMENT = "ENFORCEMENT"
    EMERGENCY = "EMERGENCY"
    PARTIES_DISAGREE = "PARTIES_DISAGREE"
    STREET_FORCE = "STREET_FORCE"


class Score(StrEnum):
    """满意、不满意"""

    SATISFIED = "SATISFIED"
    DISSATISFIED = "DISSATISFIED"


class Part(StrEnum):
    """Who takes a step."""

    LEVEL = "LEVEL"
    """Who may whistle at the region of the whistle's level in which the case lies."""
    WHISTLER = "WHISTLER"
    """The person who whistled, or who holds the same role at the same region."""
    OFFICE = "OFFICE"
    """Whoever may score for the region that whistled."""
    CALLED = "CALLED"
    """A member of the organisation that was called."""
    SYSTEM = "SYSTEM"
    """Nobody: it follows from the step before it."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a guard may look at: the case, the whistle and the call that a step is about."""

    now: datetime
    data: Mapping[str, Any]
    case_state: CaseState
    sounded: bool = False
    """A whistle of this level is open for the case."""
    unit_kinds: frozenset[str] = frozenset()
    level: WhistleLevel | None = None
    condition_levels: frozenset[str] = frozenset()
    call: Mapping[str, Any] | None = None
    answer_by: datetime | None = None
    held: bool = False
    """A sign-in of the unit waits for the whistler's word."""


TITLES = {
    WhistleState.SOUNDED: "已吹哨",
    WhistleState.ATTENDED: "已报到",
    WhistleState.ANSWERED: "已反馈",
    WhistleState.SCORED: "已评价",
    WhistleState.WITHDRAWN: "已收哨",
    WhistleState.EXPIRED: "已终止",
}
ENDED = frozenset({WhistleState.SCORED, WhistleState.WITHDRAWN, WhistleState.EXPIRED})
OPEN = frozenset(WhistleState) - ENDED
UNIT_KINDS = {
    WhistleLevel.L2: frozenset({"STREET_OFFICE"}),
    WhistleLevel.L3: frozenset({"DEPARTMENT"}),
}
"""Which kinds of organisation a whistle of a level calls."""
WHISTLING = {WhistleLevel.L2: "COMMUNITY", WhistleLevel.L3: "STREET"}
"""The level of region at which a whistle is sounded."""
_SETTLED = FINISHED | {CaseState.DRAFT}


def _case_is_open(s: Situation) -> Refusal | None:
    if s.case_state not in _SETTLED:
        return None
    return Refusal("CASE_NOT_OPEN", "案件尚未上报或已经办结,不能吹哨。", ("caseId",))


def _condition_fits(s: Situation) -> Refusal | None:
    if s.level in s.condition_levels:
        return None
    return Refusal("CONDITION_NOT_ALLOWED", "本级吹哨不适用该条件。", ("condition",))


def _units_fit(s: Situation) -> Refusal | None:
    assert s.level is not None
    if s.unit_kinds and s.unit_kinds <= UNIT_KINDS[s.level]:
        return None
    called = "街道办事处" if s.level is WhistleLevel.L2 else "区级部门"
    return Refusal("UNIT_NOT_ALLOWED", f"本级吹哨只能请{called}报到。", ("organisationIds",))


def _nothing_sounded(s: Situation) -> Refusal | None:
    if not s.sounded:
        return None
    return Refusal("ALREADY_SOUNDED", "该案件已有本级的哨,收哨或了结后才能再吹。", ("caseId",))


def _not_attended(s: Situation) -> Refusal | None:
    assert s.call is not None
    if s.held:
        return Refusal(CONFLICT, "已有一次报到待吹哨方确认;到了现场可以再次报到。")
    if s.call["attended_at"] is None:
        return None
    return Refusal("ALREADY_ATTENDED", "本单位已经报到。")


def _attended(s: Situation) -> Refusal | None:
    assert s.call is not None
    if s.call["attended_at"] is not None:
        return None
    return Refusal("NOT_ATTENDED", "到现场报到后才能反馈结果。")


def _not_answered(s: Situation) -> Refusal | None:
    assert s.call is not None
    if s.call["answered_at"] is None:
        return None
    return Refusal(CONFLICT, "本单位已经反馈结果。")


def _answered_or_late(s: Situation) -> Refusal | None:
    assert s.call is not None
    if s.call["answered_at"] is not None:
        return None
    late = s.answer_by is not None and s.now > s.answer_by
    if late and s.data.get("choice") == Score.DISSATISFIED:
        return None
    return Refusal("NOT_ANSWERED", "该单位还没有反馈结果;逾期未反馈的,可评价为不满意。")


def _reason_if_against(s: Situation) -> Refusal | None:
    if s.data.get("choice") != Score.DISSATISFIED or s.data.get("reason"):
        return None
    return Refusal("MISSING_DATA", "评价为不满意的,请填写理由。", ("reason",))


def _not_scored(s: Situation) -> Refusal | None:
    assert s.call is not None
    if s.call["score"] is None:
        return None
    return Refusal("ALREADY_SCORED", "该单位的响应已经评价,一次哨只评一次。")


_GUARDS: dict[str, Guard[Situation]] = {
    guard.__name__.lstrip("_"): guard
    for guard in (
        _case_is_open,
        _condition_fits,
        _units_fit,
        _nothing_sounded,
        _not_attended,
        _attended,
        _not_answered,
        _answered_or_late,
        _reason_if_against,
        _not_scored,
    )
}
LABELS = {
    "condition": "吹哨的条件",
    "reason": "理由",
    "organisation_ids": "请哪些单位报到",
    "measures": "现场采取的措施",
    "accepted": "是否认可报到",
    "result": "办理结果",
    "choice": "是否满意",
}
S = WhistleState


def _t(
    code: str,
    action: str,
    title: str,
    sources: tuple[WhistleState | None, ...],
    target: WhistleState | None,
    who: Part,
    requires: tuple[str, ...] = (),
    guards: tuple[str, ...] = (),
) -> Transition[WhistleState, Part]:
    return Transition(code, action, title, frozenset(sources), target, (who,), requires, guards)


ROWS = (
    _t("WHISTLED", "sound_whistle", "吹哨", (None,), S.SOUNDED, Part.LEVEL,
       ("condition", "reason", "organisation_ids"),
       ("case_is_open", "condition_fits", "units_fit", "nothing_sounded")),
    _t("ATTENDED", "sign_in_on_site", "现场报到", (S.SOUNDED,), None, Part.CALLED,
       ("measures",), ("not_attended",)),
    _t("ATTENDANCE_RULED", "rule_sign_in", "报到裁定", (S.SOUNDED,), None, Part.WHISTLER,
       ("accepted",)),
    _t("ATTENDANCE_LATE", "note_lateness", "逾期未报到", (S.SOUNDED,), None, Part.SYSTEM),
    _t("ALL_ATTENDED", "all_attended", "全部报到", (S.SOUNDED,), S.ATTENDED, Part.SYSTEM),
    _t("WHISTLE_ANSWERED", "answer_whistle", "报到单位反馈", (S.SOUNDED, S.ATTENDED), None,
       Part.CALLED, ("result",), ("attended", "not_answered")),
    _t("ALL_ANSWERED", "all_answered", "全部反馈", (S.ATTENDED,), S.ANSWERED, Part.SYSTEM),
    _t("RESPONSE_SCORED", "score_response", "评价部门响应", (S.SOUNDED, S.ATTENDED, S.ANSWERED),
       None, Part.OFFICE, ("choice",), ("not_scored", "answered_or_late", "reason_if_against")),
    _t("ALL_SCORED", "all_scored", "全部评价", (S.SOUNDED, S.ATTENDED, S.ANSWERED), S.SCORED,
       Part.SYSTEM),
    _t("WHISTLE_WITHDRAWN", "withdraw_whistle", "收哨", (S.SOUNDED, S.ATTENDED), S.WITHDRAWN,
       Part.WHISTLER, ("reason",)),
    _t("WHISTLE_EXPIRED", "expire_whistle", "哨随案件终止", (S.SOUNDED, S.ATTENDED), S.EXPIRED,
       Part.SYSTEM),
)  # fmt: skip

WHISTLE_MACHINE: Machine[WhistleState, Part, Situation] = Machine(
    ROWS, noun="哨", titles=TITLES, terminal=ENDED, guards=_GUARDS, labels=LABELS
)
