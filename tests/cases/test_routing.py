"""The rule of routing over plain values: which row wins, and that the sentences say why."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from guanjia.cases.reasons import AssignmentRole, CategoryKind, Level
from guanjia.cases.routing import Basis, Party, Route, resolve
from guanjia.db.ids import new_id

DAY = dt.date(2026, 3, 2)
DISTRICT, STREET, COMMUNITY = "0001/", "0001/0002/", "0001/0002/0003/"
BUREAU = Party(new_id(), "住建局", "DEPARTMENT")
OFFICE = Party(new_id(), "街道办", "STREET_OFFICE")
COMPANY = Party(new_id(), "甲物业", "PROPERTY_COMPANY")
HELPER = Party(new_id(), "城管局", "DEPARTMENT")


def row(party: Party | None, **given: Any) -> Route:
    values = {
        "id": new_id(), "region_path": DISTRICT, "place": "某区", "basis": Basis.OWNER,
        "role": AssignmentRole.LEAD, "level": None, "valid_from": None, "valid_until": None,
        "named": party.name if party else "未知", "party": party, "why": "",
    }  # fmt: skip
    return Route(**{**values, **given})


OWNER = row(BUREAU)
TERRITORY = row(OFFICE, basis=Basis.TERRITORY)


@pytest.mark.parametrize(
    ("kind", "rows", "lead"),
    [
        (CategoryKind.COMPONENT, [TERRITORY, OWNER], BUREAU),
        (CategoryKind.EVENT, [OWNER, TERRITORY], OFFICE),
        (CategoryKind.EMERGENCY, [OWNER, TERRITORY], OFFICE),
        # The basis goes before the region, and the region before the level.
        (CategoryKind.COMPONENT, [OWNER, row(OFFICE, basis=Basis.TERRITORY, region_path=COMMUNITY)],
         BUREAU),
        (CategoryKind.COMPONENT, [OWNER, row(COMPANY, region_path=STREET)], COMPANY),
        (CategoryKind.COMPONENT, [row(COMPANY, level=Level.DISTRICT), OWNER], COMPANY),
        (CategoryKind.COMPONENT, [row(COMPANY, level=Level.STREET), OWNER], BUREAU),
        # What cannot be followed loses to the next.
        (CategoryKind.COMPONENT, [row(None, region_path=STREET, why="已停用"), TERRITORY], OFFICE),
        (CategoryKind.COMPONENT, [row(COMPANY, valid_until=DAY), TERRITORY], OFFICE),
        (CategoryKind.COMPONENT, [row(COMPANY, valid_from=DAY), TERRITORY], COMPANY),
        (CategoryKind.COMPONENT, [row(COMPANY, valid_from=DAY + dt.timedelta(days=1))], None),
        (CategoryKind.COMPONENT, [], None),
    ],
)  # fmt: skip
def test_the_lead(kind: CategoryKind, rows: list[Route], lead: Party | None) -> None:
    for given in (rows, rows[::-1]):
        answer = resolve(kind, Level.DISTRICT, DAY, given)
        assert answer.lead == lead
        assert len(answer.steps) == len(rows)
        assert [step.route.party for step in answer.steps if step.won] == [lead] * bool(lead)


def test_a_level_does_not_reach_above_itself() -> None:
    answer = resolve(CategoryKind.COMPONENT, Level.COMMUNITY, DAY, [OWNER])
    assert answer.lead is None
    assert answer.steps[0].sentence.startswith("社区不能派职能部门主办")


def test_assistants_are_those_of_the_nearest_region() -> None:
    helps = {"role": AssignmentRole.ASSIST}
    rows = [
        OWNER, row(HELPER, **helps), row(OFFICE, region_path=STREET, **helps),
        row(BUREAU, region_path=STREET, **helps),
        row(None, region_path=COMMUNITY, why="地点不在小区", **helps),
    ]  # fmt: skip
    answer = resolve(CategoryKind.COMPONENT, Level.DISTRICT, DAY, rows)
    assert (answer.lead, answer.assistants) == (BUREAU, (OFFICE,))
    said = {step.route.named: step.sentence for step in answer.steps[1:]}
    assert said == {
        "未知": "地点不在小区", "街道办": "定为协办", "住建局": "该单位已是主办或协办",
        "城管局": "更具体的区域已定有协办单位",
    }  # fmt: skip
