"""Who a matter goes to: the rule by which a row of the routing table wins, over plain values.

部件先属主后属地, 事件先属地后属主 (T5 in the field's practice): for a 部件 the rows of the owner
(属主) come before those of the territory (属地), for everything else it is the other way round;
突发 counts as 事件 [design]. Within one of the two the most specific region wins, and in one region
a row for the level in charge before a row for every level. A row that cannot be followed loses to
the next: one that is not in force on the day, whose organisation is closed or unknown, or whom the
level in charge may not put in charge. Assistants are those of the most specific region that names
any who can be asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from guanjia.cases.guards import HANDLER_KINDS
from guanjia.cases.reasons import LEVEL_TITLES, AssignmentRole, CategoryKind, Level


class Basis(StrEnum):
    """属主 OWNER, 属地 TERRITORY."""

    OWNER = "OWNER"
    TERRITORY = "TERRITORY"


class PartyKind(StrEnum):
    """An organisation that follows from the place: the company that serves the compound, or the
    community in its stead; the community; the street's office."""

    PROPERTY_COMPANY = "PROPERTY_COMPANY"
    COMMUNITY = "COMMUNITY"
    STREET_OFFICE = "STREET_OFFICE"


BASIS_TITLES = {Basis.OWNER: "属主", Basis.TERRITORY: "属地"}
ROLE_TITLES = {AssignmentRole.LEAD: "主办", AssignmentRole.ASSIST: "协办"}
PARTY_TITLES = {
    PartyKind.PROPERTY_COMPANY: "小区物业企业(无合同的由社区代行)",
    PartyKind.COMMUNITY: "所在社区",
    PartyKind.STREET_OFFICE: "所在街道",
}
KIND_TITLES = {
    "DEPARTMENT": "职能部门",
    "STREET_OFFICE": "街道",
    "COMMUNITY": "社区",
    "PROPERTY_COMPANY": "物业企业",
    "EXTERNAL_PARTY": "外部单位",
}
OWNER_FIRST = "部件先属主后属地"
TERRITORY_FIRST = "事件先属地后属主"


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation that can be asked."""

    id: UUID
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the routing table, as it reads at one place: `party` is the organisation it means
    there, None when there is none, and `why` says how it was found or why not."""

    id: UUID
    region_path: str
    place: str
    basis: Basis
    role: AssignmentRole
    level: Level | None
    valid_from: dt.date | None
    valid_until: dt.date | None
    named: str
    party: Party | None
    why: str = ""

    @property
    def title(self) -> str:
        """The row in words: 延平区 属主主办:住建局(各层级)."""
        level = f"{LEVEL_TITLES[self.level]}案件" if self.level else "各层级"
        return (
            f"{self.place} {BASIS_TITLES[self.basis]}{ROLE_TITLES[self.role]}:{self.named}({level})"
        )


@dataclass(frozen=True, slots=True)
class Weighed:
    """A row that was looked at, whether it won, and why."""

    route: Route
    won: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Who leads and who assists, and every row that was weighed, in the order of the rule."""

    rule: str
    lead: Party | None
    assistants: tuple[Party, ...]
    steps: tuple[Weighed, ...]


def resolve(kind: CategoryKind, level: Level, day: dt.date, routes: Iterable[Route]) -> Answer:
    """The answer of the rule for a matter of this kind, at the level in charge, on the day.
    `routes` are all rows of the category whose region the place lies in."""
    owner_first = kind is CategoryKind.COMPONENT
    rule = OWNER_FIRST if owner_first else TERRITORY_FIRST
    order = (Basis.OWNER, Basis.TERRITORY) if owner_first else (Basis.TERRITORY, Basis.OWNER)

    def rank(route: Route) -> tuple[int, int, bool, dt.date]:
        return (
            order.index(route.basis),
            -len(route.region_path),
            route.level is None,
            route.valid_from or dt.date.min,
        )

    ordered = sorted(routes, key=rank)
    lead, steps = _lead(rule, level, day, [r for r in ordered if r.role is AssignmentRole.LEAD])
    helping, more = _assistants(
        level, day, [r for r in ordered if r.role is AssignmentRole.ASSIST], lead
    )
    return Answer(rule, lead, helping, (*steps, *more))


def _lead(
    rule: str, level: Level, day: dt.date, routes: Sequence[Route]
) -> tuple[Party | None, list[Weighed]]:
    winner: Route | None = None
    steps = []
    for route in routes:
        fault = _fault(route, level, day) or _may_not_lead(route, level)
        if fault is None and winner is not None:
            fault = f"已由更优先的“{winner.title}”定为主办"
        if fault is None:
            winner = route
        because = f"{rule},同一依据中以最具体的区域为准{route.why and ';'}{route.why}"
        steps.append(Weighed(route, fault is None, fault or f"定为主办:{because}"))
    return winner.party if winner else None, steps


def _assistants(
    level: Level, day: dt.date, routes: Sequence[Route], lead: Party | None
) -> tuple[tuple[Party, ...], list[Weighed]]:
    usable = [len(r.region_path) for r in routes if _fault(r, level, day) is None]
    nearest = max(usable, default=0)
    found: dict[UUID, Party] = {}
    steps = []
    for route in routes:
        fault = _fault(route, level, day)
        if fault is None and len(route.region_path) < nearest:
            fault = "更具体的区域已定有协办单位"
        if fault is None and route.party in (lead, *found.values()):
            fault = "该单位已是主办或协办"
        if fault is None:
            assert route.party is not None
            found[route.party.id] = route.party
        steps.append(
            Weighed(route, fault is None, fault or f"定为协办{route.why and ':'}{route.why}")
        )
    return tuple(found.values()), steps


def _fault(route: Route, level: Level, day: dt.date) -> str | None:
    """Why the row cannot be followed at all."""
    if route.valid_from is not None and day < route.valid_from:
        return f"当日尚未生效,自 {route.valid_from} 起有效"
    if route.valid_until is not None and day >= route.valid_until:
        return f"当日已失效,有效至 {route.valid_until}(不含)"
    if route.level is not None and route.level is not level:
        return f"只用于{LEVEL_TITLES[route.level]}案件,本案由{LEVEL_TITLES[level]}负责"
    if route.party is None:
        return route.why
    return None


def _may_not_lead(route: Route, level: Level) -> str | None:
    assert route.party is not None
    if route.party.kind in HANDLER_KINDS[level]:
        return None
    return (
        f"{LEVEL_TITLES[level]}不能派{KIND_TITLES[route.party.kind]}主办,"
        "须由上级负责时才能派给该单位"
    )
