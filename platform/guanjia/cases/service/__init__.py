"""The use-cases: one function each, named like its mutation."""

from __future__ import annotations

from guanjia.cases.service.advance import advance_case
from guanjia.cases.service.affected import name_affected_buildings
from guanjia.cases.service.archive import (
    add_correction_note,
    archive_case,
    finish_evaluation,
    reopen_case,
    void_case,
)
from guanjia.cases.service.calendars import CalendarYear, calendar_years, load_calendar_year
from guanjia.cases.service.casefile import case_in_reach
from guanjia.cases.service.categories import change_category, create_category
from guanjia.cases.service.check import check_case, close_case
from guanjia.cases.service.contacts import reveal_contact, seal_plain_contacts
from guanjia.cases.service.dispatch import (
    accept_case,
    dispatch_case,
    return_case,
    rule_return,
)
from guanjia.cases.service.duplicates import duplicate_candidates
from guanjia.cases.service.files import archive_fault
from guanjia.cases.service.filing import (
    decline_case,
    escalate_case,
    file_case,
    link_duplicate,
    verify_case,
)
from guanjia.cases.service.handling import complete_part, give_feedback, start_case
from guanjia.cases.service.parts import assign_part, release_part
from guanjia.cases.service.report import report_case, submit_case
from guanjia.cases.service.requests import (
    approve_extension,
    approve_suspension,
    request_extension,
    request_suspension,
    resume_case,
)
from guanjia.cases.service.supervision import release_supervision, supervise_case
from guanjia.cases.service.tasklinks import issue_task_link, revoke_task_link
from guanjia.cases.service.tasks import accept_task, complete_task, report_task

__all__ = [
    "CalendarYear",
    "accept_case",
    "accept_task",
    "add_correction_note",
    "advance_case",
    "approve_extension",
    "approve_suspension",
    "archive_case",
    "archive_fault",
    "assign_part",
    "calendar_years",
    "case_in_reach",
    "change_category",
    "check_case",
    "close_case",
    "complete_part",
    "complete_task",
    "create_category",
    "decline_case",
    "dispatch_case",
    "duplicate_candidates",
    "escalate_case",
    "file_case",
    "finish_evaluation",
    "give_feedback",
    "issue_task_link",
    "link_duplicate",
    "load_calendar_year",
    "name_affected_buildings",
    "release_part",
    "release_supervision",
    "reopen_case",
    "report_case",
    "report_task",
    "request_extension",
    "request_suspension",
    "resume_case",
    "return_case",
    "reveal_contact",
    "revoke_task_link",
    "rule_return",
    "seal_plain_contacts",
    "start_case",
    "submit_case",
    "supervise_case",
    "verify_case",
    "void_case",
]
