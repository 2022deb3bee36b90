"""The rows of meetings, a file for each noun; Tortoise looks for them here."""

from guanjia.meetings.models.feeds import CalendarFeed
from guanjia.meetings.models.kinds import (
    HolidayRule,
    Meeting,
    MeetingSeries,
    MeetingState,
    MeetingType,
)
from guanjia.meetings.models.records import (
    AgendaItem,
    Attendance,
    AttendanceKind,
    ItemSource,
    MinuteSignature,
    Outcome,
    ReadBack,
    Resolution,
)
from guanjia.meetings.models.votes import Choice, HouseholdPoll, OwnersVote, VoteState

__all__ = [
    "AgendaItem",
    "Attendance",
    "AttendanceKind",
    "CalendarFeed",
    "Choice",
    "HolidayRule",
    "HouseholdPoll",
    "ItemSource",
    "Meeting",
    "MeetingSeries",
    "MeetingState",
    "MeetingType",
    "MinuteSignature",
    "Outcome",
    "OwnersVote",
    "ReadBack",
    "Resolution",
    "VoteState",
]
