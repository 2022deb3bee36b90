"""Party organisations through the API."""

from __future__ import annotations

import datetime as dt
from typing import Any

from guanjia.compounds.rules import rule

ONE = "partyOrganisation"


async def founded(place: Any, **given: Any) -> Any:
    region = given.pop("at", "north1")
    payload = await place.do(
        "foundPartyOrganisation", "partyOrganisation { id version }",
        **{
            "regionId": str(place.town.tenant.regions[region].id),
            "fullMembers": 3,
            "establishedOn": "2025-01-01",
            **given,
        },
    )  # fmt: skip
    assert payload["userErrors"] == [], payload
    return payload["partyOrganisation"]


async def test_a_branch_of_its_own_needs_its_full_members(place: Any) -> None:
    given = {
        "name": "网格党支部", "regionId": str(place.town.tenant.regions["north1grid"].id),
        "fullMembers": 2, "probationaryMembers": 5, "establishedOn": "2025-01-01",
    }  # fmt: skip
    said = await place.refused("foundPartyOrganisation", ONE, kind="GRID_BRANCH", **given)
    assert said.startswith("BAD_USER_INPUT 单独成立党组织须有正式党员 3 人以上,现有 2 人")
    joint = await place.do(
        "foundPartyOrganisation", "partyOrganisation { kind }", kind="JOINT_BRANCH", **given
    )
    assert joint["partyOrganisation"] == {"kind": "JOINT_BRANCH"}
    branch = await founded(place, kind="GRID_BRANCH", name="第一支部", at="north1grid")
    said = await place.refused("changePartyOrganisation", ONE, **branch, fullMembers=1)
    assert "现有 1 人" in said
    assert rule("BRANCH_FULL_MEMBERS", dt.date(2026, 1, 1)).value == 3


async def test_what_a_kind_needs(place: Any) -> None:
    region = str(place.town.tenant.regions["north1"].id)
    given = {"name": "某组织", "regionId": region, "fullMembers": 3, "establishedOn": "2025-01-01"}
    for kind, said in (
        ("COMPANY_BRANCH", "须选择物业公司"),
        ("COMPOUND_BRANCH", "须选择小区"),
        ("BUILDING_GROUP", "须隶属一个党支部"),
        ("GRID_BRANCH", "网格党支部设在网格"),
    ):
        message = await place.refused("foundPartyOrganisation", ONE, kind=kind, **given)
        assert said in message
    await founded(place, kind="COMMUNITY_COMMITTEE", name="社区党委")
    second = {**given, "kind": "COMMUNITY_COMMITTEE", "name": "又一党委"}
    message = await place.refused("foundPartyOrganisation", ONE, **second)
    assert message.startswith("CONFLICT")


async def test_the_tree_has_no_cycle(place: Any) -> None:
    top = await founded(place, kind="JOINT_BRANCH", name="甲")
    middle = await founded(place, kind="JOINT_BRANCH", name="乙", parentId=top["id"])
    low = await founded(place, kind="JOINT_BRANCH", name="丙", parentId=middle["id"])
    for parent in (low, top):
        said = await place.refused("changePartyOrganisation", ONE, **top, parentId=parent["id"])
        assert said == "CONFLICT 不能隶属于自身或自身的下级。"
    said = await place.refused("dissolvePartyOrganisation", ONE, **middle, on="2026-01-01")
    assert said == "CONFLICT 其下还有党组织,请先撤销或改隶。"
    moved = await place.do(
        "changePartyOrganisation", "partyOrganisation { parent { name } }", **low,
        parentId=top["id"],
    )  # fmt: skip
    assert moved["partyOrganisation"] == {"parent": {"name": "甲"}}


async def test_one_secretary_until_the_organisation_is_dissolved(place: Any) -> None:
    branch = await founded(place, kind="JOINT_BRANCH", name="甲")
    given = {"partyOrganisationId": branch["id"], "post": "SECRETARY", "on": "2025-02-01"}
    made = await place.do("appointPartyPost", "post { id }", **given, personId=await place.person())
    assert made["userErrors"] == []
    said = await place.refused("appointPartyPost", "post", **given, personId=await place.person())
    assert said == "CONFLICT 该党内职务已有人担任,请先免去。"
    gone = await place.do(
        "dissolvePartyOrganisation",
        "partyOrganisation { dissolvedOn posts { post name validTo } }",
        **branch,
        on="2026-01-01",
    )
    assert gone["partyOrganisation"] == {
        "dissolvedOn": "2026-01-01",
        "posts": [{"post": "SECRETARY", "name": "林*", "validTo": "2026-01-01"}],
    }


async def test_another_community_reads_and_founds_nothing(place: Any) -> None:
    branch = await founded(place, kind="JOINT_BRANCH", name="甲")
    stranger = await place.town.person("CSEC", "south1")
    seen = await stranger.data("{ partyOrganisations { totalCount } }")
    assert seen["partyOrganisations"]["totalCount"] == 0
    said = await place.refused("changePartyOrganisation", ONE, stranger, **branch, fullMembers=9)
    assert said.startswith("NOT_FOUND")
