"""One form of state machine: its transitions are rows of data, checked when the program starts.

A row says which action leads from which states to which state, who may take it, what must be
given, which named guards must hold, and how it is called. The machine finds the row of an action
in a state, or says in a sentence why there is none. It changes nothing: the caller writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from guanjia.graph.errors import Refusal

ILLEGAL_TRANSITION = "ILLEGAL_TRANSITION"
MISSING_DATA = "MISSING_DATA"

S = TypeVar("S")
"""The enumeration of states."""
W = TypeVar("W")
"""What a row says about who may take it."""
F = TypeVar("F")
"""What a guard looks at."""

Guard = Callable[[F], Refusal | None]


class MachineError(Exception):
    """The rows do not form a machine; raised when the program starts, never later."""


def input_name(name: str) -> str:
    """The name of an item as the caller wrote it in the input: `region_id` is `regionId`."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


@dataclass(frozen=True, slots=True)
class Transition(Generic[S, W]):
    """One row. `sources` holds None where the action creates the object; `target` is None where
    the action leaves the state as it is (an attribute event)."""

    code: str
    action: str
    title: str
    sources: frozenset[S | None]
    target: S | None
    who: tuple[W, ...]
    requires: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()


class Machine(Generic[S, W, F]):
    """The rows, indexed by action and state."""

    def __init__(
        self,
        rows: Iterable[Transition[S, W]],
        *,
        noun: str,
        titles: Mapping[S, str],
        terminal: Iterable[S],
        guards: Mapping[str, Guard[F]],
        labels: Mapping[str, str],
    ) -> None:
        self.rows = tuple(rows)
        self._noun = noun
        self._titles = dict(titles)
        self._terminal = frozenset(terminal)
        self._guards = dict(guards)
        self._labels = dict(labels)
        self._index: dict[tuple[str, S | None], Transition[S, W]] = {}
        for row in self.rows:
            for source in row.sources:
                if self._index.setdefault((row.action, source), row) is not row:
                    raise MachineError(f"{row.action} from {source} has two rows")
        faults = self._faults()
        if faults:
            raise MachineError("; ".join(faults))

    @property
    def actions(self) -> frozenset[str]:
        return frozenset(row.action for row in self.rows)

    def find(self, action: str, state: S | None) -> Transition[S, W] | None:
        return self._index.get((action, state))

    def row(self, action: str, state: S | None) -> Transition[S, W]:
        """The row, or a Refusal ILLEGAL_TRANSITION that names the state and the action."""
        found = self.find(action, state)
        if found is not None:
            return found
        named = next((row.title for row in self.rows if row.action == action), None)
        if named is None:
            raise KeyError(action)
        held = self._titles[state] if state is not None else "未建立"
        raise Refusal(ILLEGAL_TRANSITION, f"{self._noun}当前状态为“{held}”,不能进行“{named}”操作。")

    def available(self, state: S | None) -> tuple[str, ...]:
        """The actions that have a row in this state, in the order of the rows."""
        return tuple(row.action for row in self.rows if state in row.sources)

    def check_data(self, row: Transition[S, W], data: Mapping[str, object]) -> None:
        """Refusal MISSING_DATA for the first required item that is absent or empty."""
        for name in row.requires:
            if data.get(name) in (None, "", ()):
                raise Refusal(MISSING_DATA, f"请填写{self._labels[name]}。", (input_name(name),))

    def check_guards(self, row: Transition[S, W], situation: F) -> None:
        """The Refusal of the first guard that does not hold."""
        for name in row.guards:
            refusal = self._guards[name](situation)
            if refusal is not None:
                raise refusal

    def _faults(self) -> list[str]:
        faults = []
        states = set(self._titles)
        for row in self.rows:
            if not row.who:
                faults.append(f"{row.code} {row.action} says nobody may take it")
            faults += [
                f"{row.code} names no guard {g}" for g in row.guards if g not in self._guards
            ]
            faults += [
                f"{row.code} has no label {d}" for d in row.requires if d not in self._labels
            ]
            if row.target is None and None in row.sources:
                faults.append(f"{row.code} {row.action} creates without a state")
            faults += [
                f"{row.code} {row.action} leaves the terminal state {state}"
                for state in row.sources
                if state in self._terminal and row.target is not None
            ]
        reached = self._reachable()
        faults += [f"{state} is never reached" for state in states - reached]
        moves = {s for row in self.rows if row.target is not None for s in row.sources}
        faults += [f"{state} has no exit" for state in states - self._terminal - moves]
        return sorted(faults)

    def _reachable(self) -> set[S]:
        reached: set[S] = set()
        frontier: list[S | None] = [None]
        while frontier:
            state = frontier.pop()
            for row in self.rows:
                if state in row.sources and row.target is not None and row.target not in reached:
                    reached.add(row.target)
                    frontier.append(row.target)
        return reached
