"""The named guards of the transitions, and the machine they complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from guanjia.attachments.models import Purpose
from guanjia.cases.calendar import LONGEST_LIMIT, Calendar
from guanjia.cases.facts import CaseFacts
from guanjia.cases.machine import Guard, Machine, input_name
from guanjia.cases.reasons import LEVEL_ORDER, SEEN_FROM_AFAR, Level, Source
from guanjia.cases.states import STATE_TITLES, TERMINAL, State
from guanjia.cases.transitions import (
    FREE_RETURNS,
    LABELS,
    LONGEST_REVIEW_DAYS,
    LONGEST_SUPERVISION_DAYS,
    MOST_EXTENSIONS,
    PLAN_FROM_WORKDAYS,
    REOPEN_HOUSEHOLDS,
    RETURN_WINDOW_HOURS,
    ROWS,
    Who,
)
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal
from guanjia.graph.times import Unit

HANDLER_KINDS: dict[Level, frozenset[str]] = {
    Level.COMMUNITY: frozenset({"COMMUNITY", "PROPERTY_COMPANY"}),
    Level.STREET: frozenset({"COMMUNITY", "PROPERTY_COMPANY", "STREET_OFFICE"}),
    Level.DISTRICT: frozenset({"COMMUNITY", "PROPERTY_COMPANY", "STREET_OFFICE", "DEPARTMENT"}),
}
"""Which kinds of organisation a level may put in charge (T5). An external party has no account and
therefore only assists."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a suspension or an extension that nobody has decided yet."""

    reason_code: str | None = None
    review_at: datetime | None = None
    value: int = 0


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a guard may look at."""

    facts: CaseFacts
    now: datetime
    calendar: Calendar
    data: Mapping[str, Any]
    reporter_id: UUID | None = None
    source: Source = Source.COMMUNITY
    verify_first: bool = False
    """Whoever reported the case was not on duty there, whatever channel they named."""
    handler_kind: str = ""
    acting_level: Level | None = None
    actor_handles: bool = False
    photo_pair: bool = False
    photos: frozenset[Purpose] = frozenset()
    parts_open: tuple[str, ...] = ()
    """The assisting organisations whose part is not done yet."""
    suspension: Request | None = None
    extension: Request | None = None
    other: CaseFacts | None = field(default=None)
    duplicates: tuple[str, ...] = ()
    """The numbers of open cases that may be the same matter."""


def _guard_failed(code: str, message: str, *names: str) -> Refusal:
    return Refusal(code, message, tuple(map(input_name, names)))


def verifier_is_not_reporter(s: Situation) -> Refusal | None:
    if s.data.get("verifier_id") != s.reporter_id:
        return None
    return _guard_failed("VERIFIER_IS_REPORTER", "核实人不能是上报人本人。", "verifier_id")


def verified_where_needed(s: Situation) -> Refusal | None:
    on_duty = s.source not in SEEN_FROM_AFAR and not s.verify_first
    if s.facts.state is State.VERIFYING or on_duty:
        return None
    return _guard_failed("NOT_VERIFIED", "居民或热线上报的案件须先到现场核实,再立案。")


def no_open_duplicate(s: Situation) -> Refusal | None:
    if not s.duplicates or s.data.get("not_duplicate"):
        return None
    return _guard_failed(
        "POSSIBLE_DUPLICATE",
        f"附近有同类未结案件{'、'.join(s.duplicates)}:同一问题请并案;"
        "确认不是同一问题的,请注明不是重复案件。",
        "not_duplicate",
    )


def same_category(s: Situation) -> Refusal | None:
    if s.other is not None and s.other.category_id == s.facts.category_id:
        return None
    return _guard_failed("DIFFERENT_CATEGORY", "只有同一类别的案件才能并案。", "original_id")


def handler_fits_level(s: Situation) -> Refusal | None:
    if s.handler_kind in HANDLER_KINDS[s.acting_level or s.facts.level]:
        return None
    return _guard_failed(
        "HANDLER_NOT_ALLOWED",
        "该单位不能由本层级派为主办单位;需要上级部门处置的,请先上报上级。",
        "organisation_id",
    )


def within_return_window(s: Situation) -> Refusal | None:
    dispatched = s.facts.dispatched_at
    if dispatched is None:
        return None
    window = s.calendar.due(dispatched, RETURN_WINDOW_HOURS, Unit.WORK_HOUR)
    if s.now <= window.at:
        return None
    return _guard_failed("RETURN_TOO_LATE", f"派遣后超过{RETURN_WINDOW_HOURS}个工作时,不能再退单。")


def few_returns(s: Situation) -> Refusal | None:
    if s.facts.return_count <= FREE_RETURNS:
        return None
    return _guard_failed(
        "RULING_NEEDED", f"已退单{s.facts.return_count}次,须由分管领导或区级督办裁定。"
    )


def plan_for_long_limit(s: Situation) -> Refusal | None:
    value, unit = s.facts.limit_value, s.facts.limit_unit
    if value is None or unit is None or s.data.get("plan"):
        return None
    if not s.calendar.exceeds_workdays(value, Unit(unit), PLAN_FROM_WORKDAYS):
        return None
    return _guard_failed(
        "MISSING_DATA", f"处置时限超过{PLAN_FROM_WORKDAYS}个工作日,请填写处置方案。", "plan"
    )


def nothing_requested(s: Situation) -> Refusal | None:
    if s.suspension is None and s.extension is None:
        return None
    return _guard_failed(CONFLICT, "已有一项申请等待审批。")


def suspension_requested(s: Situation) -> Refusal | None:
    if s.suspension is not None:
        return None
    return _guard_failed("NOTHING_REQUESTED", "没有待审批的挂账申请。")


def extension_requested(s: Situation) -> Refusal | None:
    if s.extension is not None:
        return None
    return _guard_failed("NOTHING_REQUESTED", "没有待审批的延期申请。")


def review_within_bounds(s: Situation) -> Refusal | None:
    review = s.data.get("review_at") or (s.suspension and s.suspension.review_at)
    if review and s.now < review <= s.now + timedelta(days=LONGEST_REVIEW_DAYS):
        return None
    return _guard_failed(
        BAD_USER_INPUT, f"复核时间须在今后{LONGEST_REVIEW_DAYS}天之内。", "review_at"
    )


def review_time_reached(s: Situation) -> Refusal | None:
    if s.facts.review_at is not None and s.now >= s.facts.review_at:
        return None
    return _guard_failed("TOO_EARLY", "还没有到复核时间。")


def before_due(s: Situation) -> Refusal | None:
    if s.facts.due_at is None or s.now <= s.facts.due_at:
        return None
    return _guard_failed("TOO_LATE", "时限已过,不能再申请延期。")


def extension_within_bounds(s: Situation) -> Refusal | None:
    if s.facts.extension_count >= MOST_EXTENSIONS:
        return _guard_failed("TOO_MANY_EXTENSIONS", f"每个案件最多延期{MOST_EXTENSIONS}次。")
    value = s.data.get("value") or (s.extension.value if s.extension else 0)
    if 0 < value <= min(s.facts.limit_value or 0, LONGEST_LIMIT):
        return None
    return _guard_failed(
        BAD_USER_INPUT, f"每次延期不能超过原时限({s.facts.limit_value})。", "value"
    )


def parts_done(s: Situation) -> Refusal | None:
    if not s.parts_open:
        return None
    return _guard_failed("PARTS_OPEN", f"协办单位{'、'.join(s.parts_open)}的任务还没有完成。")


def photos_or_reason(s: Situation) -> Refusal | None:
    paired = {Purpose.BEFORE, Purpose.AFTER} <= s.photos | frozenset(s.data.get("photos", ()))
    if not s.photo_pair or paired or s.data.get("no_photo_reason"):
        return None
    return _guard_failed(
        "MISSING_DATA", "该类案件需要处置前后的照片;没有照片的,请说明原因。", "no_photo_reason"
    )


def not_passed_yet(s: Situation) -> Refusal | None:
    if s.facts.checked_at is None:
        return None
    return _guard_failed(CONFLICT, "核查已经通过。")


def check_passed(s: Situation) -> Refusal | None:
    if s.facts.checked_at is not None:
        return None
    return _guard_failed("NOT_CHECKED", "核查通过后才能结案。")


def survey_over(s: Situation) -> Refusal | None:
    ends, target = s.facts.step_due_at, s.facts.affected_households
    if ends is None or s.now >= ends or (target and s.facts.answer_count >= target):
        return None
    return _guard_failed("TOO_EARLY", "评价期还没有结束,也还没有全部答复。")


def survey_open(s: Situation) -> Refusal | None:
    if s.facts.step_due_at is None or s.now < s.facts.step_due_at:
        return None
    return _guard_failed("TOO_LATE", "评价期已经结束。")


def answers_left(s: Situation) -> Refusal | None:
    target = s.facts.affected_households
    if target is None or s.facts.answer_count < target:
        return None
    return _guard_failed("ALL_ANSWERED", f"受影响的{target}户都已评价。")


def answerer_is_independent(s: Situation) -> Refusal | None:
    if not s.actor_handles:
        return None
    return _guard_failed("NOT_INDEPENDENT", "处置单位的人员不能参与评价或代为收集评价。")


def many_dissatisfied(s: Situation) -> Refusal | None:
    against, answers = s.facts.dissatisfied_count, s.facts.answer_count
    if against >= REOPEN_HOUSEHOLDS and 2 * against >= answers:
        return None
    return _guard_failed(
        "SATISFIED_ENOUGH", f"不满意的户数不足(须不少于{REOPEN_HOUSEHOLDS}户,且达到一半)。"
    )


def not_reopened_before(s: Situation) -> Refusal | None:
    if not s.facts.reopened:
        return None
    return _guard_failed("ALREADY_REOPENED", "每个案件只能重新核查一次。")


def before_archive(s: Situation) -> Refusal | None:
    if s.facts.step_due_at is None or s.now < s.facts.step_due_at:
        return None
    return _guard_failed("TOO_LATE", "评价结束已满5个工作日,案件须归档,不能再重新核查。")


def not_supervised(s: Situation) -> Refusal | None:
    if not s.facts.supervised:
        return None
    return _guard_failed("ALREADY_SUPERVISED", "案件已在督办中。")


def is_supervised(s: Situation) -> Refusal | None:
    if s.facts.supervised:
        return None
    return _guard_failed("NOT_SUPERVISED", "案件没有在督办中。")


def answer_lies_ahead(s: Situation) -> Refusal | None:
    answer_by = s.data.get("answer_by")
    if answer_by is None or s.now < answer_by <= s.now + timedelta(days=LONGEST_SUPERVISION_DAYS):
        return None
    return _guard_failed(
        BAD_USER_INPUT, f"督办期限须在今后{LONGEST_SUPERVISION_DAYS}天之内。", "answer_by"
    )


def archive_time_reached(s: Situation) -> Refusal | None:
    if s.facts.step_due_at is None or s.now >= s.facts.step_due_at:
        return None
    return _guard_failed("TOO_EARLY", "评价结束满5个工作日后才能归档。")


def level_above_exists(s: Situation) -> Refusal | None:
    if s.facts.level is not LEVEL_ORDER[-1]:
        return None
    return _guard_failed("HIGHEST_LEVEL", "案件已在区级,没有更高的层级。")


_GUARDS: dict[str, Guard[Situation]] = {
    guard.__name__: guard
    for guard in (
        verifier_is_not_reporter,
        verified_where_needed,
        no_open_duplicate,
        same_category,
        handler_fits_level,
        within_return_window,
        few_returns,
        plan_for_long_limit,
        nothing_requested,
        suspension_requested,
        extension_requested,
        review_within_bounds,
        review_time_reached,
        before_due,
        extension_within_bounds,
        parts_done,
        photos_or_reason,
        not_passed_yet,
        check_passed,
        survey_over,
        survey_open,
        answers_left,
        answerer_is_independent,
        many_dissatisfied,
        not_reopened_before,
        before_archive,
        not_supervised,
        is_supervised,
        answer_lies_ahead,
        archive_time_reached,
        level_above_exists,
    )
}

MACHINE: Machine[State, Who, Situation] = Machine(
    ROWS,
    noun="案件",
    titles=STATE_TITLES,
    terminal=TERMINAL,
    guards=_GUARDS,
    labels=LABELS,
)
