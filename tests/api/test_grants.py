"""Grants under attack: to the second, at the last administrator, and out of everybody's reach."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any
from uuid import uuid4

import pytest
from tests.api.conftest import LONG_AGO

REGIONS = "{ regions { totalCount } }"
WHY = (
    "query ($m: ID!, $p: String!, $r: ID!) { whyAllowed(memberId: $m, permission: $p,"
    " regionId: $r) { allowed explanation role rule grant { id } } }"
)


async def give(
    town: Any, officer: Any, member: Any, role: str, region: str, **more: Any
) -> dict[str, Any]:
    given: dict[str, Any] = await officer.do(
        "grantRole",
        {
            "memberId": str(member.membership),
            "role": role,
            "regionId": str(town.tenant.regions[region].id),
            **more,
        },
        "grant { id }",
    )
    return given


async def grant_of(officer: Any, member: Any) -> str:
    found = await officer.data(
        "query ($m: [ID!]!) { grants(filter: { member: { in: $m }, revoked: false })"
        " { nodes { id } } }",
        {"m": [str(member.membership)]},
    )
    [grant] = found["grants"]["nodes"]
    identifier: str = grant["id"]
    return identifier


async def test_grants_begin_and_end_in_the_middle_of_a_session(town: Any) -> None:
    """Nothing is written at either moment: a cached actor itself is no older than they are."""
    coming, leaving = await town.person(None), await town.person(None)
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1.5)
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        for person, start, end in ((coming, moment, None), (leaving, LONG_AGO, moment)):
            await transaction.connection.execute(
                "insert into grants (id, membership_id, role, region_id, region_path, valid_from,"
                " valid_to) select $1, $2, 'COMM', id, path, $4, $5 from regions where id = $3",
                uuid4(), person.membership, town.tenant.regions["north1"].id, start, end,
            )  # fmt: skip
    seen: dict[str, set[tuple[str, bool]]] = {"coming": set(), "leaving": set()}
    while dt.datetime.now(dt.UTC) < moment + dt.timedelta(milliseconds=200):
        for name, person in (("coming", coming), ("leaving", leaving)):
            before = dt.datetime.now(dt.UTC)
            allowed = "errors" not in await person.ask(REGIONS)
            if before >= moment:
                seen[name].add(("after", allowed))
            elif dt.datetime.now(dt.UTC) < moment:
                seen[name].add(("before", allowed))
        await asyncio.sleep(0.01)
    assert seen["coming"] == {("before", False), ("after", True)}
    assert seen["leaving"] == {("before", True), ("after", False)}


async def test_the_last_who_can_give_roles_stays(town: Any) -> None:
    system, last = await town.person("SYS"), await town.person("SEC")
    mine = {"grantId": await grant_of(last, last)}
    assert await last.refused("revokeRole", mine) == "LAST_ADMINISTRATOR"
    out = {"memberId": str(last.membership)}
    assert await system.refused("deactivateMember", out) == "LAST_ADMINISTRATOR"

    # Somebody whose own right ends is no successor.
    deputy = await town.person(None)
    tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    await give(town, last, deputy, "SEC", "district", validTo=tomorrow)
    assert await last.refused("revokeRole", mine) == "LAST_ADMINISTRATOR"
    short = (await last.do("revokeRole", mine))["userErrors"][0]["message"]
    assert short.startswith("其他安全管理员的授权只到 ")
    # Whoever begins when the deputy's right has ended leaves a gap; before that, none.
    later = await town.person(None)
    after = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).isoformat()
    made = await give(town, last, later, "SEC", "district", validFrom=after)
    assert made["userErrors"] == []
    assert await last.refused("revokeRole", mine) == "LAST_ADMINISTRATOR"
    assert (await give(town, last, deputy, "SEC", "district"))["userErrors"] == []
    assert (await last.do("revokeRole", mine))["userErrors"] == []
    assert await last.code("{ roles { code } }") == "FORBIDDEN"
    assert (await system.do("deactivateMember", out))["userErrors"] == []


async def test_a_role_is_not_held_twice_unseen(town: Any) -> None:
    officer, worker = await town.person("SEC"), await town.person("COMM", "north1")
    again = await give(town, officer, worker, "COMM", "north1")
    assert again["userErrors"][0]["code"] == "ALREADY_HELD"
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    shorter = await give(town, officer, worker, "COMM", "north1", validTo=soon)
    assert shorter["userErrors"][0]["code"] == "ALREADY_HELD"
    assert (await give(town, officer, worker, "COMM", "north2"))["userErrors"] == []
    twice = await asyncio.gather(*(give(town, officer, worker, "CHK", "north") for _ in range(2)))
    codes = [error["code"] for answer in twice for error in answer["userErrors"]]
    assert codes == ["ALREADY_HELD"]
    # As when of two requests the one that began later is decided first.
    ahead = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=10)).isoformat()
    first = await give(town, officer, worker, "CHK", "south", validFrom=ahead)
    assert first["userErrors"] == []
    second = await give(town, officer, worker, "CHK", "south")
    assert [error["code"] for error in second["userErrors"]] == ["ALREADY_HELD"]


async def test_ones_own_role_may_be_given_back_and_not_taken_again(town: Any) -> None:
    secretary = await town.person("CSEC", "north1")
    mine = {"grantId": await grant_of(secretary, secretary)}
    assert (await give(town, secretary, secretary, "COMM", "north1"))["userErrors"][0]["code"] == (
        "SELF_GRANT"
    )
    assert (await secretary.do("revokeRole", mine))["userErrors"] == []
    assert await secretary.code("{ grants { totalCount } }") == "FORBIDDEN"


async def test_why_tells_nothing_of_who_is_out_of_reach(town: Any, make_town: Any) -> None:
    secretary = await town.person("CSEC", "north1")
    far, stranger = await town.person("COMM", "south1"), await (await make_town()).person("COMM")
    here, there = (str(town.tenant.regions[name].id) for name in ("north1", "south1"))
    answers = [
        await secretary.ask(WHY, {"m": str(member), "p": "case:read", "r": here})
        for member in (far.membership, stranger.membership, uuid4())
    ]
    assert answers[0] == answers[1] == answers[2]
    assert "errors" in answers[0]
    beyond = await secretary.ask(
        WHY, {"m": str(secretary.membership), "p": "case:read", "r": there}
    )
    foreign = await secretary.ask(
        WHY, {"m": str(secretary.membership), "p": "case:read", "r": str(uuid4())}
    )
    assert beyond == foreign

    # A colleague who works here and elsewhere: of elsewhere nothing is said.
    officer = await town.person("SEC")
    grid = await town.person("GRID", "north1grid")
    await give(town, officer, grid, "SLEAD", "south")
    # Approving is the street leader's, closing is nobody's of the two: the answers do not differ.
    said = [
        (await secretary.data(WHY, {"m": str(grid.membership), "p": permission, "r": here}))[
            "whyAllowed"
        ]
        for permission in ("case:approve_suspension", "case:void")
    ]
    assert [why["allowed"] for why in said] == [False, False]
    assert said[0]["explanation"] == said[1]["explanation"].replace(
        "case:void", "case:approve_suspension"
    )


@pytest.mark.parametrize("text", ["\x00", "长" * 10_000, "', 1); drop table grants; --"])
async def test_bad_text_anywhere_in_access_is_no_fault_of_ours(town: Any, text: str) -> None:
    officer, system = await town.person("SEC"), await town.person("SYS")
    member = {"memberId": str(officer.membership)}
    region = {"regionId": str(town.tenant.regions["district"].id)}
    tried = [
        (officer, "grantRole", {**member, **region, "role": text}),
        (officer, "grantRole", {"memberId": text, **region, "role": "SEC"}),
        (officer, "grantRole", {**member, "regionId": text, "role": "SEC"}),
        (officer, "revokeRole", {"grantId": text}),
        (officer, "changeRole", {"code": text, "version": 1}),
        (officer, "retireRole", {"code": text, "version": 1}),
        (system, "createUser", {"loginName": text, "displayName": "某某"}),
        (system, "createUser", {"loginName": "nobody", "displayName": text}),
        (system, "deactivateMember", {"memberId": text}),
        (system, "addOrganisationMember", {"organisationId": text, **member}),
    ]
    for person, name, given in tried:
        answer = await person.payload(name, given)
        assert "errors" not in answer, (name, answer)
    worker = await town.person(None)
    if not text.isascii() or "\x00" in text:
        reason = await give(town, officer, worker, "COMM", "north1", reason=text)
        assert reason["userErrors"][0]["code"] == "BAD_USER_INPUT"
    for document, variables in (
        ("query ($t: String!) { grants(filter: { role: { in: [$t] } }) { totalCount } }", True),
        ("query ($t: String!) { regions(filter: { code: { in: [$t] } }) { totalCount } }", True),
        (WHY, {"m": str(worker.membership), "p": text, "r": region["regionId"]}),
    ):
        answer = await officer.ask(document, {"t": text} if variables is True else variables)
        assert "INTERNAL" not in str(answer), (document, answer)
