"""The form of the state machine, and T1–T22 as rows of it."""

from __future__ import annotations

from enum import StrEnum

import pytest

from guanjia.cases.guards import MACHINE
from guanjia.cases.machine import Machine, MachineError, Transition
from guanjia.cases.states import FINISHED, OPEN, STAGES, TERMINAL, State
from guanjia.cases.transitions import ROWS, Authority
from guanjia.graph.errors import Refusal


class Light(StrEnum):
    RED = "RED"
    GREEN = "GREEN"


def light(*rows: Transition[Light, str], terminal: tuple[Light, ...] = ()) -> Machine:
    return Machine(
        rows,
        noun="灯",
        titles={Light.RED: "红", Light.GREEN: "绿"},
        terminal=terminal,
        guards={"power": lambda on: None if on else Refusal("OFF", "没有电。")},
        labels={"hand": "操作人"},
    )


def row(
    action: str, source: Light | None, target: Light | None, who: tuple[str, ...] = ("anyone",)
) -> Transition[Light, str]:
    return Transition("T", action, action, frozenset({source}), target, who, ("hand",), ("power",))


BUILT = row("build", None, Light.RED)
GO = row("go", Light.RED, Light.GREEN)
STOP = row("stop", Light.GREEN, Light.RED)


def test_a_row_is_found_by_action_and_state() -> None:
    machine = light(BUILT, GO, STOP)
    assert machine.row("go", Light.RED) is GO
    assert machine.available(Light.GREEN) == ("stop",)
    with pytest.raises(Refusal) as refused:
        machine.row("go", Light.GREEN)
    assert refused.value.code == "ILLEGAL_TRANSITION"
    assert "绿" in refused.value.message
    with pytest.raises(KeyError):
        machine.row("paint", Light.RED)


def test_data_and_guards_are_checked() -> None:
    machine = light(BUILT, GO, STOP)
    machine.check_data(GO, {"hand": "x"})
    with pytest.raises(Refusal, match="操作人") as refused:
        machine.check_data(GO, {"hand": ""})
    assert (refused.value.code, refused.value.field) == ("MISSING_DATA", ("hand",))
    machine.check_guards(GO, True)
    with pytest.raises(Refusal, match="没有电"):
        machine.check_guards(GO, False)


@pytest.mark.parametrize(
    ("rows", "terminal", "fault"),
    [
        ((BUILT, GO), (), "GREEN has no exit"),
        ((BUILT,), (Light.RED,), "GREEN is never reached"),
        ((BUILT, GO, row("stop", Light.GREEN, Light.RED, ())), (), "nobody"),
        ((BUILT, GO, STOP), (Light.GREEN,), "leaves the terminal"),
        ((BUILT, GO, STOP, row("go", Light.RED, Light.RED)), (), "two rows"),
    ],
)
def test_an_incomplete_machine_does_not_start(
    rows: tuple[Transition[Light, str], ...], terminal: tuple[Light, ...], fault: str
) -> None:
    with pytest.raises(MachineError, match=fault):
        light(*rows, terminal=terminal)


def test_all_of_t1_to_t22_are_there() -> None:
    assert {f"T{n}" for n in range(1, 23)} <= {r.code for r in ROWS}
    assert all(r.title and r.who for r in ROWS)


def test_only_the_system_acts_without_a_permission() -> None:
    for r in ROWS:
        for who in r.who:
            assert bool(who.permission) != (who.authority is Authority.SYSTEM)


def test_every_state_has_its_stage_and_its_end() -> None:
    assert set(STAGES) == set(State)
    assert TERMINAL < FINISHED
    assert set(State) == OPEN | FINISHED
    for state in TERMINAL:
        notes = ("add_correction_note",) if state is State.ARCHIVED else ()
        assert MACHINE.available(state) == notes
    for state in OPEN:
        assert "void_case" in MACHINE.available(state)
