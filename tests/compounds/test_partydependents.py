"""What of the parties hangs on regions and organisations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from guanjia.tenancy.dependents import follow, hanging_on_organisation, hanging_on_region


async def test_a_party_organisation_follows_its_region(place: Any) -> None:
    regions = place.town.tenant.regions
    await place.do(
        "foundPartyOrganisation", "partyOrganisation { id }", kind="COMMUNITY_COMMITTEE",
        name="社区党委", regionId=str(regions["north1"].id), fullMembers=9,
        establishedOn="2025-01-01",
    )  # fmt: skip
    pairs = [(regions["north1"].id, regions[name].id) for name in ("south2", "south1")]
    async with place.town.api.world.database.tenant_transaction(place.town.tenant.id) as opened:
        path = regions["north1"].path
        assert "党组织 1 个" in await hanging_on_region(opened, path, stays=False)
        await follow(opened, pairs)
        assert "党组织 1 个" not in await hanging_on_region(opened, path, stays=False)
    new = await place.town.person("CSEC", "south2")
    found = await new.data("{ partyOrganisations { nodes { name region { code } } } }")
    assert found["partyOrganisations"]["nodes"] == [
        {"name": "社区党委", "region": {"code": regions["south2"].code}}
    ]


async def test_an_organisation_with_a_contract_is_not_done(place: Any) -> None:
    company = await place.company()
    await place.do(
        "signContract", "contract { id }", compoundId=place.compound, companyId=company,
        startsOn="2025-01-01",
    )  # fmt: skip
    found = await place.secretary.data("{ propertyCompanies { nodes { organisation { id } } } }")
    organisation = UUID(found["propertyCompanies"]["nodes"][0]["organisation"]["id"])
    async with place.town.api.world.database.tenant_transaction(place.town.tenant.id) as opened:
        hanging = await hanging_on_organisation(opened, organisation)
    assert "未到期物业服务合同 1 份" in hanging
