"""What lives in a town that is walked: cases in states of interest, compounds, homes, lists."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from guanjia.db.ids import new_id
from guanjia.graph.times import local_date


async def step(person: Any, name: str, kind: str, case: dict[str, Any], **given: Any) -> None:
    answer = await person.data(
        f"mutation ($i: {kind}!) {{ {name}(input: $i)"
        " { case { version } userErrors { code message } } }",
        {"i": {"id": case["id"], "version": case["version"], **given}},
    )
    assert answer[name]["userErrors"] == [], answer
    case["version"] = answer[name]["case"]["version"]


async def populate(town: Any) -> None:
    """In the north and in the south: a reported case, and one that a department handles."""
    for street, community, department in (
        ("north", "north1", "住建局"),
        ("south", "south1", "城管局"),
    ):
        await town.organisation(department)
        clerk, chief = await town.person("COMM", community), await town.person("SCMD", street)
        district = await town.person("DCMD", "district")
        await town.opened(clerk, f"{community}grid", f"{community} 待核实")
        await town.registered(
            clerk,
            f"{community}grid",
            documents=[{"kind": "PASSPORT", "number": f"{community}001"}],
        )
        case = await town.opened(clerk, community, f"{community} 已派遣")
        await step(clerk, "fileCase", "FileCaseInput", case)
        await step(clerk, "escalateCase", "EscalateCaseInput", case, reason="须上级处理")
        await step(chief, "escalateCase", "EscalateCaseInput", case, reason="须上级处理")
        handler = str(town.organisations[department])
        await step(district, "dispatchCase", "DispatchCaseInput", case, organisationId=handler)
        await photo(town, clerk, case)
        await former_name(town, community)
        await import_batch(town, clerk, community)
    await populate_routing(town)


async def populate_routing(town: Any) -> None:
    """Whom disputes between neighbours go to; for everything else nobody is named."""
    manager = await town.person("DCMD", "district")
    found = await manager.data(
        '{ caseCategories(filter: { code: { in: ["P-07"] } }) { nodes { id } } }'
    )
    await manager.done(
        "addRouting", "routing { id }", categoryId=found["caseCategories"]["nodes"][0]["id"],
        regionId=str(town.tenant.regions["district"].id), basis="TERRITORY", role="LEAD",
        partyKind="COMMUNITY", source="测试", validFrom=str(local_date(dt.datetime.now(dt.UTC))),
    )  # fmt: skip


async def former_name(town: Any, community: str) -> None:
    """What the community was called before."""
    region = town.tenant.regions[community]
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into region_former_names (id, region_id, region_path, name, valid_to)"
            " values ($1, $2, $3, $4, '2025-01-01')",
            new_id(), region.id, region.path, f"老{community}",
        )  # fmt: skip


async def photo(town: Any, clerk: Any, case: dict[str, Any]) -> None:
    """A picture that hangs on the case."""
    made = new_id()
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into attachments (id, uploader_id, uploaded_at, file_name, media_type, size,"
            " sha256, width, height, owner_noun, owner_id, purpose, attached_at)"
            " values ($1, $2, now(), '现场.jpg', 'image/jpeg', 1, $3, 1, 1, 'Case', $4, 'BEFORE',"
            " now())", made, clerk.membership, made.bytes, UUID(case["id"]),
        )  # fmt: skip


async def notice(town: Any, person: Any) -> None:
    """Something in the person's inbox, that went out as well."""
    made = new_id()
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into notifications (id, recipient_id, kind, key, title, body, created_at)"
            " values ($1, $2, 'test.notice', 'once', '测试通知', '有一件事。', now())",
            made, person.membership,
        )  # fmt: skip
        await transaction.connection.execute(
            "insert into notification_deliveries (id, notification_id, recipient_id, channel,"
            " due_at, sent_at) values ($1, $2, $3, 'FILE', now(), now())",
            new_id(), made, person.membership,
        )  # fmt: skip


async def import_batch(town: Any, clerk: Any, community: str) -> None:
    """A file that the clerk handed in, and what was found of one row."""
    batch, path = new_id(), town.tenant.regions[community].path
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into import_batches (id, kind, state, file_name, sha256, size, uploader_id,"
            " region_path, uploaded_at, heard_at, run_id)"
            " values ($1, 'grids', 'READY', '网格.xlsx', $2, 1, $3, $4, now(), now(), $1)",
            batch, batch.bytes, clerk.membership, path,
        )  # fmt: skip
        await transaction.connection.execute(
            "insert into import_findings (id, batch_id, uploader_id, region_path, position,"
            " row_number, change, message) values ($1, $2, $3, $4, 0, 2, 'ADDED', '新增')",
            new_id(), batch, clerk.membership, path,
        )  # fmt: skip


async def populate_compounds(town: Any) -> None:
    """In the north and in the south: a compound with a building in the grid and one outside; in
    the grid's a home with its owner, and those who live there. The compound has lists."""
    for community in ("north1", "south1"):
        clerk = await town.person("COMM", community)
        place = town.tenant.regions[community]
        made = await clerk.done(
            "createCompound", "compound { id }", regionId=str(place.id),
            name=f"{community} 小区", managementMode="SELF_MANAGED",
        )  # fmt: skip
        compound = UUID(made["compound"]["id"])
        async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
            await populate_lists(transaction, compound, clerk.membership)
        made = await clerk.done(
            "createBuildings", "buildings { id }", compoundId=str(compound),
            names=["1-2幢"],
        )  # fmt: skip
        first, second = (building["id"] for building in made["buildings"])
        await clerk.done(
            "assignGrid", buildingIds=[first],
            gridId=str(town.tenant.regions[f"{community}grid"].id),
        )  # fmt: skip
        for building in (second, first):
            made = await clerk.done(
            "createHouseUnit", "houseUnit { id }", buildingId=building, floor="1",
                room="101",
            )  # fmt: skip
        home = made["houseUnit"]["id"]
        owner = (await town.registered(clerk, community, name="业主甲"))["person"]["id"]
        await clerk.done(
            "bindPerson", houseUnitId=home, personId=owner, relation="OWNER",
            proof="ESTATE_REGISTRY",
        )  # fmt: skip
        await clerk.done(
            "createHousehold", houseUnitId=home, occupancy="OWNER",
            members=[{"personId": owner, "relation": "HEAD"}],
        )  # fmt: skip


async def populate_lists(transaction: Any, compound: UUID, writer: UUID) -> None:
    """A list in force with a public and another item, and a draft after it."""
    run = transaction.connection.execute
    before = None
    for edition in (1, 2):
        made = new_id()
        await run(
            "insert into compound_lists (id, compound_id, kind, edition, state, based_on_id,"
            " created_by, editors, created_at) values ($1, $2, 'SERVICE_LIST', $3, 'DRAFT', $4, $5,"
            " $6, now())",
            made, compound, edition, before, writer, [writer],
        )  # fmt: skip
        before = made
        for position, public in ((1, True), (2, False)):
            await run(
                "insert into list_items (id, list_id, compound_id, position, code, title, standard,"
                " frequency, evidence, basis, contract_clause, co_seats, public) values ($1, $2,"
                " $3, $4, $5, '保洁', '每日', '', '', '', '',"
                " '{OWNERS_COMMITTEE,BUILDING_GRID}', $6)",
                new_id(), made, compound, position, f"S-{position}", public,
            )  # fmt: skip
        if edition == 1:
            await run(
                "update compound_lists set state = 'PUBLISHED', valid_from = '2020-01-01',"
                " content_hash = '', published_by = $2, published_at = now() where id = $1",
                made, writer,
            )  # fmt: skip


async def populate_parties(town: Any) -> None:
    """Each of the compounds has a company, a committee with a chair, a branch with a secretary."""
    organisations = [await town.organisation(n, "PROPERTY_COMPANY") for n in ("甲物业", "乙物业")]
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        run = transaction.connection.execute
        compounds = await transaction.connection.fetch(
            "select c.id, c.region_id, c.region_path as path, (select p.id from persons p"
            " order by left(p.region_path, 15) <> c.region_path, p.id limit 1) as person"
            " from compounds c order by c.name"
        )
        for number, (row, organisation) in enumerate(zip(compounds, organisations, strict=True)):
            company, committee, branch = new_id(), new_id(), new_id()
            await run(
                "insert into property_companies (id, organisation_id, credit_code, party_members)"
                " values ($1, $2, $3, 3)",
                company, organisation, f"91350702MA999999{number:02}",
            )  # fmt: skip
            await run(
                "insert into property_contracts (id, compound_id, company_id, starts_on)"
                " values ($1, $2, $3, '2025-01-01')",
                new_id(), row["id"], company,
            )  # fmt: skip
            await run(
                "insert into owners_committees (id, compound_id, elected_on, term_from, term_to,"
                " file_by) values ($1, $2, '2025-01-01', '2025-01-01', '2029-12-31',"
                " '2025-01-31')",
                committee, row["id"],
            )  # fmt: skip
            await run(
                "insert into committee_members (id, committee_id, person_id, post, valid_from)"
                " values ($1, $2, $3, 'CHAIR', '2025-01-01')",
                new_id(), committee, row["person"],
            )  # fmt: skip
            await run(
                "insert into party_organisations (id, kind, name, region_id, company_id,"
                " full_members, probationary_members, established_on)"
                " values ($1, 'COMPANY_BRANCH', '物业党支部', $2, $3, 3, 0, '2025-01-01')",
                branch, row["region_id"], company,
            )  # fmt: skip
            await run(
                "insert into party_posts (id, party_organisation_id, person_id, post, valid_from)"
                " values ($1, $2, $3, 'SECRETARY', '2025-01-01')",
                new_id(), branch, row["person"],
            )  # fmt: skip
            await run(
                "insert into seat_tenures (id, compound_id, seat, person_id,"
                " party_organisation_id, valid_from)"
                " values ($1, $2, 'PROPERTY_PARTY', $3, $4, '2025-02-01')",
                new_id(), row["id"], row["person"], branch,
            )  # fmt: skip
            await across(run, row, branch)


async def across(run: Any, row: Any, branch: UUID) -> None:
    """The branch's secretary works in the community too; a near relative lives there."""
    path = row["path"]
    await run(
        "insert into cross_appointments (id, person_id, kind, post, from_party_id, to_party_id,"
        " compound_id, region_id, region_path, valid_from)"
        " values ($1, $2, 'PART_TIME_MEMBER', 'PART_TIME_MEMBER', $3, $3, $4, $5, $6,"
        " '2025-01-01')",
        new_id(), row["person"], branch, row["id"], row["region_id"], path,
    )  # fmt: skip
    await run(
        "insert into kinships (id, person_id, relative_id, kind) select $1, $2, p.id, 'SIBLING'"
        " from persons p where p.id <> $2 and left(p.region_path, 15) = $3 order by p.id limit 1",
        new_id(), row["person"], path,
    )  # fmt: skip


async def populate_jobs(town: Any) -> None:
    """A job that was done and one that stopped."""
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        for number, state in enumerate(("DONE", "DEAD")):
            await transaction.connection.execute(
                "insert into jobs (id, kind, title, subject_id, due_at, run_at, state, attempts,"
                " listed_at, started_at, finished_at, error_code) values ($1, 'job.sweep', '清理',"
                " $1, '2026-03-02', '2026-03-02', $2, 1, '2026-03-02', '2026-03-02',"
                " '2026-03-03', $3)",
                new_id(), state, "INTERNAL" if number else None,
            )  # fmt: skip
