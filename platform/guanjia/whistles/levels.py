"""L1–L4: who calls on whom, for what, and the life of an escalation as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from guanjia.cases.machine import Guard, Machine, Transition
from guanjia.cases.states import FINISHED
from guanjia.cases.states import State as CaseState
from guanjia.graph.errors import Refusal


class EscalationLevel(StrEnum):
    """L1 网格→社区、L2 社区→街道、L3 街道→区级部门、L4 区级联席会议"""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"


class Trigger(StrEnum):
    """为何升级"""

    UNSOLVABLE = "UNSOLVABLE"
    UNACCEPTED = "UNACCEPTED"
    DISAGREEMENT = "DISAGREEMENT"
    STREET_FORCE = "STREET_FORCE"
    LIMIT_NEAR = "LIMIT_NEAR"
    CONDITIONS = "CONDITIONS"
    OVERDUE = "OVERDUE"
    OVERDUE_TWICE = "OVERDUE_TWICE"
    DISPUTE = "DISPUTE"
    HOUSEHOLDS = "HOUSEHOLDS"
    REFERRED = "REFERRED"
    WHISTLE = "WHISTLE"


class EscalationState(StrEnum):
    """待回应、已回应、已终止"""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    ENDED = "ENDED"


TRIGGER_TITLES = {
    Trigger.UNSOLVABLE: "现场解决不了",
    Trigger.UNACCEPTED: "派遣后无人签收",
    Trigger.DISAGREEMENT: "两方以上意见不一",
    Trigger.STREET_FORCE: "须街道力量",
    Trigger.LIMIT_NEAR: "处置时限将尽",
    Trigger.CONDITIONS: "符合吹哨条件",
    Trigger.OVERDUE: "超过处置时限",
    Trigger.OVERDUE_TWICE: "超期达处置时限的一倍",
    Trigger.DISPUTE: "跨部门争议",
    Trigger.HOUSEHOLDS: "影响户数多",
    Trigger.REFERRED: "上报上级负责",
    Trigger.WHISTLE: "吹哨",
}
BY_HAND = {
    EscalationLevel.L1: frozenset({Trigger.UNSOLVABLE}),
    EscalationLevel.L2: frozenset({Trigger.DISAGREEMENT, Trigger.STREET_FORCE}),
    EscalationLevel.L3: frozenset({Trigger.CONDITIONS}),
    EscalationLevel.L4: frozenset({Trigger.DISPUTE, Trigger.HOUSEHOLDS}),
}
"""What people may raise each level for; other triggers follow from the clock or another step."""
FROM = {
    EscalationLevel.L1: frozenset({"GRID"}),
    EscalationLevel.L2: frozenset({"COMMUNITY"}),
    EscalationLevel.L3: frozenset({"STREET"}),
    EscalationLevel.L4: frozenset({"STREET", "DISTRICT"}),
}
"""At which level of region each may be raised."""
TO = {
    EscalationLevel.L1: "COMMUNITY",
    EscalationLevel.L2: "STREET",
    EscalationLevel.L3: "DISTRICT",
    EscalationLevel.L4: "DISTRICT",
}
"""At which level of region each is answered."""


class Side(StrEnum):
    """Who takes a step: whoever is below, whoever was called on above, nobody."""

    BELOW = "BELOW"
    ABOVE = "ABOVE"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that a guard may look at."""

    case_state: CaseState
    level: EscalationLevel
    data: Mapping[str, Any] = field(default_factory=dict)
    raised: bool = False
    """One of this level and trigger waits for its answer."""


def _case_is_open(c: Circumstances) -> Refusal | None:
    if c.case_state not in FINISHED | {CaseState.DRAFT}:
        return None
    return Refusal("CASE_NOT_OPEN", "案件尚未上报或已经办结,不能升级。", ("caseId",))


def _trigger_fits(c: Circumstances) -> Refusal | None:
    if c.data.get("trigger") in BY_HAND[c.level]:
        return None
    titles = "、".join(sorted(TRIGGER_TITLES[each] for each in BY_HAND[c.level]))
    return Refusal("TRIGGER_NOT_ALLOWED", f"{c.level} 只能因{titles}升级。", ("trigger",))


def _not_raised(c: Circumstances) -> Refusal | None:
    if not c.raised:
        return None
    return Refusal("ALREADY_RAISED", "同一事由的升级正待回应。", ("caseId",))


def _no_meeting(c: Circumstances) -> Refusal | None:
    if c.level is not EscalationLevel.L4:
        return None
    return Refusal("MEETING_NEEDED", "L4 升级以联席会议的纪要回应。")


def _meeting(c: Circumstances) -> Refusal | None:
    if c.level is EscalationLevel.L4:
        return None
    return Refusal("NO_MEETING_NEEDED", "只有 L4 升级召开联席会议。")


_GUARDS: dict[str, Guard[Circumstances]] = {
    guard.__name__.lstrip("_"): guard
    for guard in (_case_is_open, _trigger_fits, _not_raised, _no_meeting, _meeting)
}
LABELS = {
    "trigger": "升级的事由",
    "reason": "理由",
    "answer": "回应",
    "minutes": "会议纪要",
    "tasks": "会议交办的任务",
}
S = EscalationState


def _t(
    code: str,
    action: str,
    title: str,
    sources: tuple[EscalationState | None, ...],
    target: EscalationState,
    who: Side,
    requires: tuple[str, ...] = (),
    guards: tuple[str, ...] = (),
) -> Transition[EscalationState, Side]:
    return Transition(code, action, title, frozenset(sources), target, (who,), requires, guards)


ROWS = (
    _t("RAISED", "raise_escalation", "升级", (None,), S.OPEN, Side.BELOW,
       ("trigger", "reason"), ("case_is_open", "trigger_fits", "not_raised")),
    _t("RAISED", "raise_automatically", "自动升级", (None,), S.OPEN, Side.SYSTEM),
    _t("ESCALATION_ANSWERED", "answer_escalation", "回应升级", (S.OPEN,), S.ANSWERED, Side.ABOVE,
       ("answer",), ("no_meeting",)),
    _t("JOINT_MEETING", "record_joint_meeting", "联席会议", (S.OPEN,), S.ANSWERED, Side.ABOVE,
       ("minutes", "tasks"), ("meeting",)),
    _t("ESCALATION_ANSWERED", "answer_by_step", "升级已回应", (S.OPEN,), S.ANSWERED, Side.SYSTEM),
    _t("ESCALATION_ENDED", "end_escalation", "升级终止", (S.OPEN,), S.ENDED, Side.SYSTEM),
)  # fmt: skip

ESCALATION_MACHINE: Machine[EscalationState, Side, Circumstances] = Machine(
    ROWS,
    noun="升级",
    titles={S.OPEN: "待回应", S.ANSWERED: "已回应", S.ENDED: "已终止"},
    terminal={S.ANSWERED, S.ENDED},
    guards=_GUARDS,
    labels=LABELS,
)
