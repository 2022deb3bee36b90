"""Every use-case of cases with an input that is complete, and somebody who may do them all."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from guanjia.access.actor import Held
from guanjia.cases.reasons import DeclineReason, Satisfaction, SuspensionReason
from guanjia.db.ids import new_id

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
ROLES = (
    ("COMM", "north1"), ("SLEAD", "north"), ("DSUP", "district"), ("AUD", "district"),
    ("PROP", "north1"), ("GRID", "north1grid"),
)  # fmt: skip
ROWS_OF = {
    "approve_suspension": ("approve_suspension", "refuse_suspension"),
    "approve_extension": ("approve_extension", "refuse_extension"),
    "check_case": ("pass_check", "fail_check"),
    "evaluate_case": ("evaluate_case", "collect_evaluation"),
}


def everybody(town: Any) -> Any:
    """A person with every role, in every organisation: only the state can be in the way."""
    grants = tuple(
        Held(new_id(), role, (at := town.tenant.regions[place]).id, at.path, LONG_AGO, None)
        for role, place in ROLES
    )
    organisations = tuple(sorted(town.organisations.values()))
    return replace(town.people["clerk"], grants=grants, organisation_ids=organisations)


def actions(town: Any, original: Any, now: dt.datetime) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each use-case with its permission and complete input."""
    company, helper = town.organisations["company"], town.organisations["helper"]
    return {
        "submit_case": ("report", {"no_photo_reason": "无"}),
        "verify_case": ("verify", {}),
        "file_case": ("file", {}),
        "decline_case": ("file", {"reason": DeclineReason.UNCLEAR, "answer": "无"}),
        "link_duplicate": ("link_duplicate", {"original_id": original.id}),
        "escalate_case": ("escalate", {"reason": "无"}),
        "dispatch_case": ("dispatch", {"organisation_id": company}),
        "accept_case": ("handle", {}),
        "return_case": (
            "handle",
            {
                "reason": "无",
                "evidence": "无",
                "suggested_id": town.organisations["committee"],
            },
        ),
        "rule_return": ("dispatch", {"accepted": True, "reason": "无"}),
        "start_case": ("handle", {"plan": "无"}),
        "request_suspension": (
            "handle",
            {
                "reason": SuspensionReason.LITIGATION,
                "plan": "无",
                "review_at": now + dt.timedelta(days=3),
            },
        ),
        "approve_suspension": ("approve_suspension", {}),
        "resume_case": ("handle", {}),
        "request_extension": ("handle", {"value": 1, "reason": "无"}),
        "approve_extension": ("approve_extension", {}),
        "assign_part": ("dispatch", {"organisation_id": helper, "task": "无"}),
        "release_part": ("dispatch", {"organisation_id": helper, "reason": "无"}),
        "complete_part": ("handle", {"note": "无"}),
        "give_feedback": ("handle", {"result": "无", "no_photo_reason": "无"}),
        "check_case": ("check", {"passed": True}),
        "close_case": ("close", {"callback": "无"}),
        "evaluate_case": ("evaluate", {"choice": Satisfaction.PARTLY}),
        "finish_evaluation": ("close", {}),
        "reopen_case": ("reopen", {"reason": "无"}),
        "archive_case": ("archive", {}),
        "void_case": ("void", {"reason": "无"}),
        "supervise_case": ("supervise", {"reason": "无"}),
        "release_supervision": ("supervise", {"reason": "无"}),
    }
