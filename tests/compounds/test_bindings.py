"""Who is bound to a home, by what proof, who votes for it, and who may know."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from tests.compounds.conftest import Estate
from tests.people.test_merging import both, merged_by

HOLDERS = (
    "{ houseUnits { nodes { bindings { relation proof voteHolder person { name documents"
    " { number } phones { number } } } voteHoldings { cause endedAt person { name } } } } }"
)
MINE = "{ myHomes { label building { name } compound { name } bindings { person { name } } } }"


async def resident(estate: Estate, name: str, region: str = "north1") -> tuple[Any, Any]:
    """Somebody in the register who has an account."""
    person = await estate.person(name, region)
    account = await estate.town.person("RES", "north1")
    await estate.clerk.done(
        "linkPersonMember", id=person["id"], version=person["version"],
        memberId=str(account.membership),
    )  # fmt: skip
    return person, account


async def holders(estate: Estate) -> list[tuple[str, bool]]:
    found = await estate.clerk.data(HOLDERS)
    return [(b["relation"], b["voteHolder"]) for b in found["houseUnits"]["nodes"][0]["bindings"]]


async def test_the_first_owner_votes_and_may_be_replaced(estate: Estate) -> None:
    clerk = estate.clerk
    tenant = await estate.bound((await estate.person("租客"))["id"], "TENANT")
    assert not tenant["voteHolder"]
    wife = await estate.bound((await estate.person("配偶"))["id"], "SPOUSE")
    step = {"id": wife["id"], "version": wife["version"]}
    assert await clerk.refused("setVoteHolder", **step) == "CONFLICT"
    owner = await estate.bound((await estate.person("业主甲"))["id"])
    assert owner == {**owner, "voteHolder": True, "proof": "ESTATE_REGISTRY"}
    second = await estate.bound((await estate.person("业主乙"))["id"])
    assert not second["voteHolder"]
    given = await clerk.done("setVoteHolder", "binding { voteHolder version }", **step)
    assert given["binding"] == {"voteHolder": True, "version": 2}
    refused = await clerk.refused("setVoteHolder", id=tenant["id"], version=tenant["version"])
    assert refused == "CONFLICT"
    # The one who votes goes: the first owner takes over; then the next; then nobody.
    await clerk.done("endBinding", id=wife["id"], version=2)
    assert await holders(estate) == [("TENANT", False), ("OWNER", True), ("OWNER", False)]
    await clerk.done("endBinding", id=owner["id"], version=owner["version"])
    assert await holders(estate) == [("TENANT", False), ("OWNER", True)]
    await clerk.done("endBinding", id=second["id"], version=second["version"])
    assert await holders(estate) == [("TENANT", False)]
    history = (await clerk.data(HOLDERS))["houseUnits"]["nodes"][0]["voteHoldings"]
    assert [(h["cause"], h["person"]["name"]) for h in history] == [
        ("OWNER", "业主甲"), ("DELEGATED", "配偶"), ("OWNER", "业主甲"), ("OWNER", "业主乙"),
    ]  # fmt: skip
    assert all(h["endedAt"] for h in history)


async def test_a_home_has_one_vote_holder_in_the_database_too(estate: Estate, admin: Any) -> None:
    await estate.bound((await estate.person("业主甲"))["id"])
    with pytest.raises(asyncpg.UniqueViolationError):
        await admin.execute(
            "insert into vote_holdings (tenant_id, id, house_unit_id, person_id, cause, began_at,"
            " recorded_by) select tenant_id, gen_random_uuid(), house_unit_id, person_id, cause,"
            " began_at, recorded_by from vote_holdings where tenant_id = $1",
            estate.town.tenant.id,
        )


async def test_bindings_are_refused_with_a_reason(estate: Estate) -> None:
    person = (await estate.person("业主甲"))["id"]
    await estate.bound(person)
    given = {
        "houseUnitId": estate.home["id"], "personId": person, "relation": "OWNER",
        "proof": "ESTATE_REGISTRY",
    }  # fmt: skip
    refused = estate.clerk.refused
    assert await refused("bindPerson", **given) == "CONFLICT"
    other = (await estate.person("业主乙"))["id"]
    by_code = await refused("bindPerson", **{**given, "personId": other, "proof": "VISIT_CODE"})
    assert by_code == "BAD_USER_INPUT"
    early = {**given, "personId": other, "validFrom": "2019-12-31"}
    assert await refused("bindPerson", **early) == "BAD_USER_INPUT"
    stranger = await estate.town.registered(
        await estate.town.person("COMM", "south1"), "south1", name="外人"
    )
    hidden = {**given, "personId": stranger["person"]["id"]}
    assert await refused("bindPerson", **hidden) == "NOT_FOUND"
    assert await refused("closeHouseUnit", id=estate.home["id"], version=1) == "CONFLICT"
    closing = await refused("closeBuilding", id=estate.buildings[0]["id"], version=1)
    assert closing == "CONFLICT"
    grid = await estate.town.person("GRID", "north1grid")
    assert (
        await grid.code(
            "mutation ($i: BindPersonInput!) { bindPerson(input: $i) { binding { id } } }",
            {"i": {**given, "personId": other}},
        )
        == "FORBIDDEN"
    )
    assert len(await holders(estate)) == 1


async def test_holders_are_read_where_their_home_is(estate: Estate) -> None:
    await estate.bound((await estate.person("王小明"))["id"])
    shown = (await estate.clerk.data(HOLDERS))["houseUnits"]["nodes"][0]["bindings"]
    assert shown[0]["person"] == {
        "name": "王小明", "documents": [], "phones": [{"number": "139****0001"}],
    }  # fmt: skip
    # The street reads homes and no bindings; another community reads neither.
    street, south = (
        await estate.town.person("SLEAD", "north"),
        await estate.town.person("COMM", "south1"),
    )
    assert (await street.data(HOLDERS))["houseUnits"]["nodes"][0]["bindings"] == []
    assert (await south.data(HOLDERS))["houseUnits"]["nodes"] == []


async def test_a_name_beyond_ones_region_is_masked(estate: Estate) -> None:
    """An owner who lives elsewhere is bound by a visit code: the clerk sees a mask, no name."""
    south = await estate.town.person("COMM", "south1")
    person = (await estate.town.registered(south, "south1", name="欧阳小明"))["person"]
    account = await estate.town.person("RES", "south1")
    await south.done(
        "linkPersonMember", id=person["id"], version=1, memberId=str(account.membership)
    )
    code = (
        await estate.clerk.done(
            "issueVisitCode", "code", houseUnitId=estate.home["id"], relation="OWNER"
        )
    )["code"]
    await account.done("confirmVisitCode", code=code)
    found = (await estate.clerk.data(HOLDERS))["houseUnits"]["nodes"][0]["bindings"][0]
    assert found["person"]["name"] == "欧阳*明"
    assert (found["proof"], found["voteHolder"]) == ("VISIT_CODE", True)


async def test_a_visit_code_binds_whoever_confirms_it_once(estate: Estate, admin: Any) -> None:
    await estate.assign()
    member = await estate.town.person("GRID", "north1grid")
    _, account = await resident(estate, "居民甲")
    neighbour, other = await resident(estate, "邻居")
    await estate.bound(neighbour["id"], "FAMILY")
    given = {"houseUnitId": estate.home["id"], "relation": "TENANT"}
    void = (await member.done("issueVisitCode", "code", **given))["code"]
    issued = await member.done("issueVisitCode", "code expiresAt", **given)
    assert await account.refused("confirmVisitCode", code=void) == "NOT_FOUND"
    stored = await admin.fetch(
        "select row_to_json(c)::text from visit_codes c where tenant_id = $1",
        estate.town.tenant.id,
    )
    plain = issued["code"].replace("-", "")
    assert len(stored) == 2
    assert not any(plain in row[0] for row in stored)
    assert await other.refused("confirmVisitCode", code=issued["code"]) == "CONFLICT"
    made = await account.done(
        "confirmVisitCode", "binding { relation proof person { name } houseUnit { label } }",
        code=f" {issued['code'].lower()} ",
    )  # fmt: skip
    assert made["binding"] == {
        "relation": "TENANT", "proof": "VISIT_CODE", "person": {"name": "居民甲"},
        "houseUnit": {"label": "1幢2单元501"},
    }  # fmt: skip
    assert await other.refused("confirmVisitCode", code=issued["code"]) == "NOT_FOUND"
    # Each reads the home and their own binding, not that of the other.
    for reader, name in ((account, "居民甲"), (other, "邻居")):
        assert (await reader.data(MINE))["myHomes"] == [
            {
                "label": "1幢2单元501", "building": {"name": "1幢"},
                "compound": {"name": "阳光小区"}, "bindings": [{"person": {"name": name}}],
            }
        ]  # fmt: skip
    stranger = await estate.town.person("RES", "north1")
    assert (await stranger.data(MINE))["myHomes"] == []
    seen = await stranger.data("{ houseUnits { totalCount } compounds { totalCount } }")
    assert seen == {"houseUnits": {"totalCount": 0}, "compounds": {"totalCount": 0}}
    assert await stranger.refused("confirmVisitCode", code="AAAAA-AAAAA") == "CONFLICT"


async def test_wrong_codes_are_counted_and_an_old_one_is_void(estate: Estate, admin: Any) -> None:
    _, account = await resident(estate, "居民甲")
    given = {"houseUnitId": estate.home["id"], "relation": "OWNER"}
    code = (await estate.clerk.done("issueVisitCode", "code", **given))["code"]
    await admin.execute(
        "update visit_codes set issued_at = issued_at - interval '3 days',"
        " expires_at = expires_at - interval '3 days' where tenant_id = $1",
        estate.town.tenant.id,
    )
    assert await account.refused("confirmVisitCode", code=code) == "NOT_FOUND"
    for _ in range(4):
        assert await account.refused("confirmVisitCode", code="22222-22222") == "NOT_FOUND"
    fresh = (await estate.clerk.done("issueVisitCode", "code", **given))["code"]
    assert await account.refused("confirmVisitCode", code=fresh) == "LIMIT_EXCEEDED"
    await admin.execute(
        "update visit_code_tries set since = since - interval '2 hours' where tenant_id = $1",
        estate.town.tenant.id,
    )
    await account.done("confirmVisitCode", code=fresh)


async def test_merged_persons_keep_their_homes(estate: Estate) -> None:
    clerk = estate.clerk
    kept, merged = [await estate.person("业主甲") for _ in range(2)]
    first, second = await estate.bound(merged["id"]), await estate.bound(kept["id"])
    assert first["voteHolder"]
    assert not second["voteHolder"]
    other = await clerk.done(
        "createHouseUnit", "houseUnit { id }", buildingId=estate.buildings[1]["id"], floor="1",
        room="101", validFrom="2020-01-01",
    )  # fmt: skip
    await estate.bound(merged["id"], houseUnitId=other["houseUnit"]["id"])
    for person, home in ((kept, estate.home), (merged, other["houseUnit"])):
        await clerk.done(
            "createHousehold", houseUnitId=home["id"], occupancy="OWNER",
            members=[{"personId": person["id"], "relation": "HEAD"}],
        )  # fmt: skip
    payload = await merged_by(clerk, both(kept, merged))
    assert payload["userErrors"] == []
    found = await clerk.data(
        "query ($f: HouseBindingFilter) { houseBindings(filter: $f) { nodes { voteHolder } } }",
        {"f": {"person": {"in": [kept["id"]]}, "inForce": True}},
    )
    assert found["houseBindings"]["nodes"] == [{"voteHolder": True}, {"voteHolder": True}]
    heads = await clerk.data(
        "{ houseUnits { nodes { households { members { relation person { id } } } } } }"
    )
    assert [
        m["person"]["id"]
        for home in heads["houseUnits"]["nodes"]
        for household in home["households"]
        for m in household["members"]
    ] == [kept["id"]] * 2
