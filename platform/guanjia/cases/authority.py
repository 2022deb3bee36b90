"""Whether a permission is held near enough to a case: the `Authority` of a transition's row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from guanjia.cases.facts import CaseFacts
from guanjia.cases.reasons import LEVEL_ORDER, Level
from guanjia.cases.transitions import Authority
from guanjia.db.scope import Reach, Scope

_GRID = "GRID"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a case lies, whose it is, and who works on it."""

    region_path: str
    reporter_id: UUID | None = None
    facts: CaseFacts | None = None
    lead_id: UUID | None = None
    part_ids: frozenset[UUID] = field(default_factory=frozenset)
    """The organisations that may finish the part in question."""
    linked_id: UUID | None = None
    """The membership of the link by which the part in question was given out."""


def held(authority: Authority, scope: Scope, place: Place) -> Reach | None:
    """The reach by which the authority is held, None if it is not."""
    match authority:
        case Authority.REACH:
            return _first(scope.covering(place.region_path))
        case Authority.REPORTER:
            if place.reporter_id is None or place.reporter_id != scope.membership_id:
                return None
            return _first(scope.reaches)
        case Authority.LEAD:
            return _by_organisation(scope, _known(place.lead_id))
        case Authority.ASSISTANT:
            return _by_organisation(scope, place.part_ids)
        case Authority.LINK:
            if place.linked_id is None or place.linked_id != scope.membership_id:
                return None
            return _first(r for r in scope.reaches if r.kind == "self")
        case Authority.SYSTEM:
            return None
    if place.facts is None:
        return None
    allowed = levels_of(authority, place.facts)
    return _first(r for r in scope.covering(place.region_path) if r.level in allowed)


def levels_of(authority: Authority, facts: CaseFacts) -> frozenset[str]:
    """The levels of region at which the authority over such a case is held."""
    return _LEVELS[authority](facts)


_LEVELS: dict[Authority, Callable[[CaseFacts], frozenset[str]]] = {
    Authority.OWN_LEVEL: lambda facts: frozenset({facts.level}),
    Authority.LEVEL_ABOVE: lambda facts: frozenset({facts.level.above}),
    Authority.ABOVE_DISPATCHER: lambda facts: frozenset({facts.closing_level.above}),
    Authority.OWN_LEVEL_OR_ABOVE: lambda facts: frozenset(
        LEVEL_ORDER[LEVEL_ORDER.index(facts.closing_level) :]
    ),
    Authority.SUPERVISOR: lambda facts: frozenset({max(facts.level, Level.STREET, key=_height)}),
    Authority.DISTRICT: lambda facts: frozenset({Level.DISTRICT}),
    Authority.CLOSING_LEVEL: lambda facts: frozenset({facts.closing_level}),
    Authority.ON_SITE: lambda facts: frozenset(
        {_GRID, *LEVEL_ORDER[: LEVEL_ORDER.index(facts.level) + 1]}
    ),
    Authority.CHECKER: lambda facts: frozenset(
        {facts.level, _GRID} if facts.level is Level.COMMUNITY else {facts.level}
    ),
}


def _height(level: Level) -> int:
    return LEVEL_ORDER.index(level)


def _first(reaches: Iterable[Reach]) -> Reach | None:
    return next(iter(reaches), None)


def _by_organisation(scope: Scope, ids: frozenset[UUID]) -> Reach | None:
    return _first(
        r for r in scope.reaches if r.kind == "organisation" and not ids.isdisjoint(r.ids)
    )


def _known(organisation_id: UUID | None) -> frozenset[UUID]:
    return frozenset() if organisation_id is None else frozenset({organisation_id})
