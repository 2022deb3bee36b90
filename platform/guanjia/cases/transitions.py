"""T1–T22: the life of a case as data.

`Who` pairs a permission with the authority it must be held with. A person acts if one of the
pairs of the row is theirs. The rows without a target are attribute events: they are recorded in
the timeline and leave the state as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from guanjia.cases.calendar import Amount
from guanjia.cases.machine import Transition
from guanjia.cases.states import OPEN, TERMINAL, State
from guanjia.graph.times import Unit


class Authority(StrEnum):
    """How near to a case a permission must be held."""

    REACH = "REACH"
    """Anywhere the permission reaches the case."""
    REPORTER = "REPORTER"
    """As the one who reported it, or is about to."""
    OWN_LEVEL = "OWN_LEVEL"
    """At a region of the level that is in charge of the case."""
    LEVEL_ABOVE = "LEVEL_ABOVE"
    """One level above the one in charge; the district answers for itself."""
    ABOVE_DISPATCHER = "ABOVE_DISPATCHER"
    """One level above the one that dispatched the case."""
    OWN_LEVEL_OR_ABOVE = "OWN_LEVEL_OR_ABOVE"
    SUPERVISOR = "SUPERVISOR"
    """The street for cases of communities and streets, the district for its own."""
    DISTRICT = "DISTRICT"
    CLOSING_LEVEL = "CLOSING_LEVEL"
    """The level that dispatched the case, or the one it was escalated to since."""
    ON_SITE = "ON_SITE"
    """At the level in charge or any below it: whoever is near enough to go and look."""
    CHECKER = "CHECKER"
    """At the level in charge or, for a community's case, in its grid; never the reporter, never
    their supervisor and never a member of an organisation that handles or handled the case. Where
    nobody is left, the case is escalated."""
    LEAD = "LEAD"
    """As a member of the organisation in charge of the work (主办)."""
    ASSISTANT = "ASSISTANT"
    """As a member of the assisting organisation (协办) whose part it is."""
    LINK = "LINK"
    """By the link through which the part was given out, as whoever holds it."""
    SYSTEM = "SYSTEM"
    """Nobody: it follows from the step before it, in the same transaction, or from the clock."""


@dataclass(frozen=True, slots=True)
class Who:
    permission: str
    authority: Authority


@dataclass(frozen=True, slots=True)
class Limit:
    value: Amount
    unit: Unit


@dataclass(frozen=True, slots=True)
class StepLimit:
    """How long a case may stay in a state until the next step; `urgent` for urgent cases."""

    ordinary: Limit
    urgent: Limit

    def of(self, urgent: bool) -> Limit:
        return self.urgent if urgent else self.ordinary


def _same(value: Amount, unit: Unit) -> StepLimit:
    return StepLimit(Limit(value, unit), Limit(value, unit))


STEP_LIMITS: dict[State, StepLimit] = {
    State.REPORTED: StepLimit(Limit(2, Unit.WORK_HOUR), Limit(Fraction(1, 2), Unit.URGENT_HOUR)),
    State.VERIFYING: StepLimit(Limit(2, Unit.WORK_HOUR), Limit(Fraction(1, 2), Unit.URGENT_HOUR)),
    State.FILED: _same(1, Unit.WORK_HOUR),
    State.DISPATCHED: _same(2, Unit.WORK_HOUR),
    State.CHECKING: StepLimit(Limit(1, Unit.WORK_DAY), Limit(2, Unit.URGENT_HOUR)),
    State.EVALUATING: _same(7, Unit.CALENDAR_DAY),
    State.EVALUATED: _same(5, Unit.WORK_DAY),
}

RETURN_WINDOW_HOURS = 4
"""工作时 after dispatch in which a handler may return a case (T7)."""
FREE_RETURNS = 2
"""Returns that the dispatcher rules on; later ones need a supervisor (T7)."""
MOST_EXTENSIONS = 2
PLAN_FROM_WORKDAYS = 3
"""A limit of more workdays than this needs a plan (T9)."""
LONGEST_REVIEW_DAYS = 30
LONGEST_SUPERVISION_DAYS = 365
"""A bound against slips of the pen; no rule sets one."""
NEAR_METRES = 30
"""Open cases of one category nearer than this may be the same matter (T3)."""
REOPEN_HOUSEHOLDS = 2
"""Dissatisfied households from which, with half of the answers, a case may be reopened (T21)."""

LABELS = {
    "category_id": "案件类别",
    "region_id": "所在网格或社区",
    "title": "标题",
    "location": "发生地点",
    "source": "来源渠道",
    "no_photo_reason": "无照片的原因",
    "verifier_id": "核实人",
    "reason_code": "原因",
    "answer": "给上报人的答复",
    "organisation_id": "主办单位",
    "limit_value": "处置时限",
    "limit_unit": "处置时限的单位",
    "reason": "理由",
    "evidence": "依据",
    "suggested_id": "建议的处置单位",
    "ruling": "是否同意退单",
    "plan": "处置方案",
    "review_at": "复核时间",
    "result": "处置结果",
    "failed_item": "未通过的事项",
    "callback": "对上报人的回访情况",
    "original_id": "被并入的案件",
    "note": "完成情况",
    "task": "任务",
    "text": "更正内容",
    "value": "延期的时长",
}

S = State
_BEFORE_FILING = (S.REPORTED, S.VERIFYING)
_IN_HAND = (S.REPORTED, S.VERIFYING, S.FILED, S.DISPATCHED, S.RETURNED, S.ACCEPTED, S.IN_PROGRESS)
_WORKED_ON = (S.DISPATCHED, S.ACCEPTED, S.IN_PROGRESS, S.SUSPENDED, S.REWORK)
SYSTEM_STEP = Who("", Authority.SYSTEM)


def _t(
    code: str,
    action: str,
    title: str,
    sources: tuple[State | None, ...],
    target: State | None,
    *who: Who,
    requires: tuple[str, ...] = (),
    guards: tuple[str, ...] = (),
    clock: tuple[str, ...] = (),
) -> Transition[State, Who]:
    return Transition(
        code,
        action,
        title,
        frozenset(sources),
        target,
        who or (SYSTEM_STEP,),
        requires,
        guards,
        clock,
    )


def _who(permission: str, authority: Authority) -> Who:
    return Who(f"case:{permission}", authority)


A = Authority
_REPORTERS = (_who("report", A.REACH), _who("report", A.REPORTER))
_DISPATCHERS = (
    _who("dispatch", A.OWN_LEVEL_OR_ABOVE),
    _who("dispatch_below", A.OWN_LEVEL_OR_ABOVE),
)
_ISSUER, _LINKED = Who("task:issue", A.OWN_LEVEL_OR_ABOVE), Who("task:work", A.LINK)
_HANDLER = _who("handle", A.LEAD)
_REPORT = ("category_id", "region_id", "title", "location", "source")

ROWS: tuple[Transition[State, Who], ...] = (
    _t("T1", "report_case", "上报", (None,), S.REPORTED, *_REPORTERS,
       requires=(*_REPORT, "no_photo_reason"), clock=("reported_at",)),
    _t("T1", "draft_case", "存为草稿", (None,), S.DRAFT, *_REPORTERS,
       requires=_REPORT),
    _t("T1", "submit_case", "提交草稿", (S.DRAFT,), S.REPORTED, _who("report", A.REPORTER),
       requires=("no_photo_reason",), clock=("reported_at",)),
    _t("T2", "verify_case", "核实", (S.REPORTED,), S.VERIFYING, _who("verify", A.ON_SITE),
       requires=("verifier_id",), guards=("verifier_is_not_reporter",)),
    _t("T3", "file_case", "立案", _BEFORE_FILING, S.FILED, _who("file", A.OWN_LEVEL),
       guards=("verified_where_needed", "no_open_duplicate"), clock=("filed_at",)),
    _t("T4", "decline_case", "不予立案", _BEFORE_FILING, S.NOT_FILED, _who("file", A.OWN_LEVEL),
       requires=("reason_code", "answer"), clock=("limits end",)),
    _t("T4", "link_duplicate", "并案", _BEFORE_FILING, S.NOT_FILED,
       _who("link_duplicate", A.OWN_LEVEL), requires=("original_id", "answer"),
       guards=("same_category",), clock=("limits end",)),
    _t("T5", "dispatch_case", "派遣", (S.FILED,), S.DISPATCHED,
       _who("dispatch", A.OWN_LEVEL), _who("dispatch_below", A.LEVEL_ABOVE),
       requires=("organisation_id", "limit_value", "limit_unit"),
       guards=("handler_fits_level",), clock=("dispatched_at", "due_at starts")),
    _t("T6", "accept_case", "签收", (S.DISPATCHED,), S.ACCEPTED, _HANDLER, clock=("accepted_at",)),
    _t("T7", "return_case", "退单", (S.DISPATCHED, S.ACCEPTED), S.RETURNED, _HANDLER,
       requires=("reason", "evidence", "suggested_id"), guards=("within_return_window",),
       clock=("due_at keeps running",)),
    _t("T8", "rule_return", "退单裁定", (S.RETURNED,), S.DISPATCHED,
       *_DISPATCHERS, requires=("reason",), guards=("few_returns", "handler_fits_level"),
       clock=("due_at starts anew if accepted",)),
    _t("T8", "rule_repeated_return", "多次退单裁定", (S.RETURNED,), S.DISPATCHED,
       _who("approve_suspension", A.SUPERVISOR), requires=("reason",),
       guards=("handler_fits_level",), clock=("due_at starts anew if accepted",)),
    _t("T9", "start_case", "开始处置", (S.ACCEPTED,), S.IN_PROGRESS, _HANDLER,
       guards=("plan_for_long_limit",)),
    _t("T10", "approve_suspension", "批准挂账", (S.IN_PROGRESS,), S.SUSPENDED,
       _who("approve_suspension", A.SUPERVISOR),
       guards=("suspension_requested", "review_within_bounds"), clock=("due_at stops",)),
    _t("T11", "resume_case", "恢复处置", (S.SUSPENDED,), S.IN_PROGRESS, _HANDLER,
       clock=("due_at += suspended time",)),
    _t("T11", "resume_at_review", "到期恢复处置", (S.SUSPENDED,), S.IN_PROGRESS,
       guards=("review_time_reached",), clock=("due_at += suspended time",)),
    _t("T12", "approve_extension", "批准延期", (S.ACCEPTED, S.IN_PROGRESS), None,
       _who("approve_extension", A.ABOVE_DISPATCHER),
       guards=("extension_requested", "extension_within_bounds"), clock=("due_at moves",)),
    _t("T13", "give_feedback", "反馈", (S.IN_PROGRESS,), S.FEEDBACK, _HANDLER,
       requires=("result",), guards=("parts_done", "photos_or_reason"), clock=("handled_at",)),
    _t("T14", "send_to_check", "转核查", (S.FEEDBACK,), S.CHECKING),
    _t("T15", "fail_check", "核查不通过", (S.CHECKING,), S.REWORK, _who("check", A.CHECKER),
       requires=("failed_item",),
       clock=("due_at = half the limit", "first_due_at stays")),
    _t("T16", "start_case", "开始返工", (S.REWORK,), S.IN_PROGRESS, _HANDLER),
    _t("T17", "close_case", "结案", (S.CHECKING,), S.CLOSED, _who("close", A.CLOSING_LEVEL),
       requires=("callback",), guards=("check_passed",), clock=("closed_at",)),
    _t("T18", "void_case", "作废", tuple(OPEN), S.VOIDED, _who("void", A.DISTRICT),
       requires=("reason",), clock=("limits end",)),
    _t("T19", "open_survey", "开始评价", (S.CLOSED,), S.EVALUATING),
    _t("T20", "finish_evaluation", "结束评价", (S.EVALUATING,), S.EVALUATED,
       _who("close", A.CLOSING_LEVEL), SYSTEM_STEP, guards=("survey_over",),
       clock=("evaluated_at",)),
    _t("T21", "reopen_case", "重新核查", (S.EVALUATED,), S.CHECKING, _who("reopen", A.REACH),
       requires=("reason",),
       guards=("many_dissatisfied", "not_reopened_before", "before_archive")),
    _t("T22", "archive_case", "归档", (S.EVALUATED,), S.ARCHIVED, _who("archive", A.REACH),
       SYSTEM_STEP, guards=("archive_time_reached",), clock=("archived_at",)),
    _t("ESCALATED", "escalate_case", "上报上级(吹哨)", (*_IN_HAND, S.CHECKING), None,
       _who("escalate", A.OWN_LEVEL), requires=("reason",), guards=("level_above_exists",)),
    _t("SUPERVISED", "supervise_case", "督办", tuple(OPEN - {S.DRAFT}), None,
       _who("supervise", A.DISTRICT), SYSTEM_STEP, requires=("reason",),
       guards=("not_supervised", "answer_lies_ahead")),
    _t("SUPERVISION_RELEASED", "release_supervision", "解除督办",
       tuple(frozenset(S) - TERMINAL - {S.DRAFT}), None, _who("supervise", A.DISTRICT),
       requires=("reason",), guards=("is_supervised",)),
    _t("JOINED", "join_duplicate", "并入", tuple(OPEN - {S.DRAFT}), None,
       _who("link_duplicate", A.REACH)),
    _t("AFFECTED_NAMED", "name_affected", "登记受影响范围", tuple(OPEN - {S.DRAFT}), None,
       _who("name_affected", A.ON_SITE)),
    _t("SUSPENSION_REQUESTED", "request_suspension", "申请挂账", (S.IN_PROGRESS,), None, _HANDLER,
       requires=("reason_code", "plan", "review_at"),
       guards=("nothing_requested", "review_within_bounds")),
    _t("SUSPENSION_REFUSED", "refuse_suspension", "不批准挂账", (S.IN_PROGRESS,), None,
       _who("approve_suspension", A.SUPERVISOR), requires=("reason",),
       guards=("suspension_requested",)),
    _t("EXTENSION_REQUESTED", "request_extension", "申请延期", (S.ACCEPTED, S.IN_PROGRESS), None,
       _HANDLER, requires=("value", "reason"),
       guards=("nothing_requested", "before_due", "extension_within_bounds")),
    _t("EXTENSION_REFUSED", "refuse_extension", "不批准延期", (S.ACCEPTED, S.IN_PROGRESS), None,
       _who("approve_extension", A.ABOVE_DISPATCHER), requires=("reason",),
       guards=("extension_requested",)),
    _t("PART_ASSIGNED", "assign_part", "交办协办任务", _WORKED_ON, None, *_DISPATCHERS,
       requires=("task",)),
    _t("PART_RELEASED", "release_part", "解除协办", _WORKED_ON, None, *_DISPATCHERS,
       requires=("reason",)),
    _t("PART_DONE", "complete_part", "协办完成", (S.ACCEPTED, S.IN_PROGRESS), None,
       _who("handle", A.ASSISTANT), _LINKED, requires=("note",)),
    _t("PART_ACCEPTED", "accept_part", "签收协办任务", _WORKED_ON, None, _LINKED),
    _t("PART_REPORTED", "report_part", "报告协办进展", _WORKED_ON, None, _LINKED,
       requires=("note",)),
    _t("TASK_LINK_ISSUED", "issue_task_link", "签发任务链接", _WORKED_ON, None, _ISSUER),
    _t("TASK_LINK_REVOKED", "revoke_task_link", "撤销任务链接",
       tuple(frozenset(S) - TERMINAL - {S.DRAFT}), None, _ISSUER),
    _t("CHECK_PASSED", "pass_check", "核查通过", (S.CHECKING,), None, _who("check", A.CHECKER),
       guards=("not_passed_yet",), clock=("checked_at",)),
    _t("ANSWERED", "evaluate_case", "评价", (S.EVALUATING,), None),
    _t("ANSWERED", "collect_evaluation", "入户评价", (S.EVALUATING,), None),
    _t("CORRECTED", "add_correction_note", "更正说明", (S.ARCHIVED,), None,
       _who("correct", A.CLOSING_LEVEL), requires=("text", "reason")),
    _t("DUE_RECOMPUTED", "recompute_due", "重新计算时限", tuple(OPEN | {S.EVALUATING, S.EVALUATED}),
       None, clock=("due_at computed anew",)),
)  # fmt: skip

SURVEYED = "CASE"
"""The kind of survey that judges a case."""
WORKERS = frozenset({Authority.LEAD, Authority.ASSISTANT, Authority.LINK})
HANDLING = frozenset(row.action for row in ROWS if any(who.authority in WORKERS for who in row.who))
"""The actions by which somebody works on a case for an organisation."""
