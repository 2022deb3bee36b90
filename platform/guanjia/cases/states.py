"""The states of a case and the six stages of the work they belong to."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    DRAFT = "DRAFT"
    REPORTED = "REPORTED"
    VERIFYING = "VERIFYING"
    NOT_FILED = "NOT_FILED"
    FILED = "FILED"
    DISPATCHED = "DISPATCHED"
    RETURNED = "RETURNED"
    ACCEPTED = "ACCEPTED"
    IN_PROGRESS = "IN_PROGRESS"
    SUSPENDED = "SUSPENDED"
    FEEDBACK = "FEEDBACK"
    CHECKING = "CHECKING"
    REWORK = "REWORK"
    CLOSED = "CLOSED"
    VOIDED = "VOIDED"
    EVALUATING = "EVALUATING"
    EVALUATED = "EVALUATED"
    ARCHIVED = "ARCHIVED"


class Stage(StrEnum):
    REPORTING = "REPORTING"
    DISPATCHING = "DISPATCHING"
    HANDLING = "HANDLING"
    CHECKING = "CHECKING"
    EVALUATING = "EVALUATING"
    ARCHIVING = "ARCHIVING"


STATE_TITLES: dict[State, str] = {
    State.DRAFT: "草稿",
    State.REPORTED: "已上报",
    State.VERIFYING: "核实中",
    State.NOT_FILED: "不予立案",
    State.FILED: "已立案",
    State.DISPATCHED: "已派遣",
    State.RETURNED: "已退单",
    State.ACCEPTED: "已签收",
    State.IN_PROGRESS: "处置中",
    State.SUSPENDED: "挂账",
    State.FEEDBACK: "已反馈",
    State.CHECKING: "核查中",
    State.REWORK: "返工",
    State.CLOSED: "已结案",
    State.VOIDED: "已作废",
    State.EVALUATING: "评价中",
    State.EVALUATED: "已评价",
    State.ARCHIVED: "已归档",
}

STAGE_TITLES: dict[Stage, str] = {
    Stage.REPORTING: "采集上报",
    Stage.DISPATCHING: "指挥派遣",
    Stage.HANDLING: "处置反馈",
    Stage.CHECKING: "核查结案",
    Stage.EVALUATING: "综合评价",
    Stage.ARCHIVING: "事件归档",
}

STAGES: dict[State, Stage] = {
    State.DRAFT: Stage.REPORTING,
    State.REPORTED: Stage.REPORTING,
    State.VERIFYING: Stage.REPORTING,
    State.NOT_FILED: Stage.REPORTING,
    State.FILED: Stage.REPORTING,
    State.DISPATCHED: Stage.DISPATCHING,
    State.RETURNED: Stage.DISPATCHING,
    State.ACCEPTED: Stage.DISPATCHING,
    State.IN_PROGRESS: Stage.HANDLING,
    State.SUSPENDED: Stage.HANDLING,
    State.FEEDBACK: Stage.HANDLING,
    State.CHECKING: Stage.CHECKING,
    State.REWORK: Stage.CHECKING,
    State.CLOSED: Stage.CHECKING,
    State.VOIDED: Stage.CHECKING,
    State.EVALUATING: Stage.EVALUATING,
    State.EVALUATED: Stage.EVALUATING,
    State.ARCHIVED: Stage.ARCHIVING,
}

TERMINAL = frozenset({State.NOT_FILED, State.VOIDED, State.ARCHIVED})
"""No transition leaves these."""

FINISHED = TERMINAL | {State.CLOSED, State.EVALUATING, State.EVALUATED}
"""The matter itself is settled: no deadline runs, nothing can become overdue."""

OPEN = frozenset(State) - FINISHED
"""What is still to be done; a case may be voided, or joined as a duplicate, only here."""

AT_WORK = frozenset({State.DISPATCHED, State.ACCEPTED, State.IN_PROGRESS, State.REWORK})
"""The next step is that of whoever leads."""


def stage_of(state: State) -> Stage:
    return STAGES[state]
