"""The closed lists that a person chooses from: levels, sources, kinds and reasons."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """Who is in charge of a case. Escalation moves it up; it never moves down."""

    COMMUNITY = "COMMUNITY"
    STREET = "STREET"
    DISTRICT = "DISTRICT"

    @property
    def above(self) -> Level:
        """The next level; the district has none above it and answers for itself."""
        return _ABOVE[self]


_ABOVE = {
    Level.COMMUNITY: Level.STREET,
    Level.STREET: Level.DISTRICT,
    Level.DISTRICT: Level.DISTRICT,
}
LEVEL_ORDER = (Level.COMMUNITY, Level.STREET, Level.DISTRICT)
LEVEL_TITLES = {Level.COMMUNITY: "社区", Level.STREET: "街道", Level.DISTRICT: "区级"}


class Source(StrEnum):
    """居民、网格巡查、楼栋长、志愿者、社区、物业、会议、12345 热线"""

    RESIDENT = "RESIDENT"
    GRID_PATROL = "GRID_PATROL"
    BUILDING_STEWARD = "BUILDING_STEWARD"
    VOLUNTEER = "VOLUNTEER"
    COMMUNITY = "COMMUNITY"
    PROPERTY_PARTY = "PROPERTY_PARTY"
    MEETING = "MEETING"
    HOTLINE = "HOTLINE"


SEEN_FROM_AFAR = frozenset({Source.RESIDENT, Source.HOTLINE})
"""Reports from these are verified on site before they are filed."""


class CategoryKind(StrEnum):
    """部件 COMPONENT, 事件 EVENT, 突发 EMERGENCY."""

    COMPONENT = "COMPONENT"
    EVENT = "EVENT"
    EMERGENCY = "EMERGENCY"


class DeclineReason(StrEnum):
    """不予立案:重复上报、不属于受理范围、情况不明、已经处理、属于民事纠纷"""

    DUPLICATE = "DUPLICATE"
    NOT_COMPETENT = "NOT_COMPETENT"
    UNCLEAR = "UNCLEAR"
    ALREADY_HANDLED = "ALREADY_HANDLED"
    CIVIL_MATTER = "CIVIL_MATTER"


class SuspensionReason(StrEnum):
    """挂账:需立项筹资、季节性施工、权属诉讼、不可抗力、需业主共同决定、需上级审批"""

    FUNDING_NEEDED = "FUNDING_NEEDED"
    SEASONAL_WORKS = "SEASONAL_WORKS"
    LITIGATION = "LITIGATION"
    FORCE_MAJEURE = "FORCE_MAJEURE"
    OWNERS_DECISION = "OWNERS_DECISION"
    SUPERIOR_APPROVAL = "SUPERIOR_APPROVAL"


class AssignmentRole(StrEnum):
    """主办 LEAD, 协办 ASSIST."""

    LEAD = "LEAD"
    ASSIST = "ASSIST"


class PartState(StrEnum):
    """What became of an organisation's part: to be done, done, let go, or over because the case was
    given to others."""

    OPEN = "OPEN"
    DONE = "DONE"
    RELEASED = "RELEASED"
    ENDED = "ENDED"


class RequestState(StrEnum):
    """What became of a request for a suspension or an extension."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
