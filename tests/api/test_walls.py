"""Who may reach what through the API: nobody, no role, another region, another tenant."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry

from guanjia import schema as schemas
from guanjia.graph.marks import PUBLIC, unmarked

CASE = "query ($id: ID!) { case(id: $id) { id number timeline { nodes { id } } } }"
READING = {
    "cases": "{ cases { totalCount } }",
    "caseEvents": "{ caseEvents { totalCount } }",
    "duplicateCandidates": '{ duplicateCandidates(id: "x") { id } }',
    "caseRoutings": "{ caseRoutings { totalCount } }",
    "previewRouting": (
        '{ previewRouting(changes: [], since: "2026-03-02", until: "2026-03-03") { total } }'
    ),
    "tasks": "{ tasks { totalCount } }",
    "task": '{ task(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "taskLinks": "{ taskLinks { totalCount } }",
    "routingGaps": "{ routingGaps { totalCount } }",
    "explainDispatch": '{ explainDispatch(caseId: "x") { rule } }',
    "caseCategories": "{ caseCategories { totalCount } }",
    "calendarYears": "{ calendarYears { year } }",
    "case": '{ case(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "compounds": "{ compounds { totalCount } }",
    "compound": '{ compound(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "houseUnits": "{ houseUnits { totalCount } }",
    "houseUnit": '{ houseUnit(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "houseBindings": "{ houseBindings { totalCount } }",
    "myHomes": "{ myHomes { id } }",
    "compoundLists": "{ compoundLists { totalCount } }",
    "compoundList": '{ compoundList(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "listsInForce": "{ listsInForce { totalCount } }",
    "listInForce": '{ listInForce(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "listDifference": '{ listDifference(fromId: "x", toId: "y") { words } }',
    "butlers": "{ butlers { totalCount } }",
    "butler": '{ butler(compound: "00000000-0000-0000-0000-000000000000") { id } }',
    "myButlers": "{ myButlers { home { id } } }",
    "propertyCompanies": "{ propertyCompanies { totalCount } }",
    "propertyCompany": '{ propertyCompany(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "propertyContracts": "{ propertyContracts { totalCount } }",
    "propertyContract": '{ propertyContract(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "ownersCommittees": "{ ownersCommittees { totalCount } }",
    "ownersCommittee": '{ ownersCommittee(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "partyOrganisations": "{ partyOrganisations { totalCount } }",
    "partyOrganisation": '{ partyOrganisation(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "crossAppointments": "{ crossAppointments { totalCount } }",
    "crossAppointment": '{ crossAppointment(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "kinships": "{ kinships { totalCount } }",
    "kinship": '{ kinship(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "avoidanceFindings": "{ avoidanceFindings { code } }",
    "propertyCensus": '{ propertyCensus(regionId: "x") { asOf } }',
    "meetingTypes": "{ meetingTypes { totalCount } }",
    "meetingSeries": "{ meetingSeries { totalCount } }",
    "meetingMatters": "{ meetingMatters { code } }",
    "meetings": "{ meetings { totalCount } }",
    "meeting": '{ meeting(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "agendaItems": "{ agendaItems { totalCount } }",
    "agendaItem": '{ agendaItem(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "publishedMeetings": "{ publishedMeetings { totalCount } }",
    "publishedMeeting": '{ publishedMeeting(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "whistles": "{ whistles { totalCount } }",
    "whistle": '{ whistle(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "escalations": "{ escalations { totalCount } }",
    "escalation": '{ escalation(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "jointTasks": "{ jointTasks { totalCount } }",
    "ownersVotes": "{ ownersVotes { totalCount } }",
    "ownersVote": '{ ownersVote(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "householdPolls": "{ householdPolls { totalCount } }",
    "householdPoll": '{ householdPoll(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "surveys": "{ surveys { totalCount } }",
    "survey": '{ survey(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "surveyTargets": "{ surveyTargets { totalCount } }",
    "mySurveys": "{ mySurveys { id } }",
    "myBallots": "{ myBallots { choice } }",
    "surveyKinds": "{ surveyKinds { totalCount } }",
    "indicatorMetrics": "{ indicatorMetrics { id } }",
    "indicator": '{ indicator(id: "case.due", regionId: "x", period: "2026") { period } }',
    "checkIndicator": '{ checkIndicator(id: "case.due", regionId: "x", period: "2026",'
    ' asOf: "2026-01-01T00:00:00Z", hash: "") { matches } }',
    "board": '{ board(regionId: "x", period: "2026") { period } }',
    "scoreSchemes": "{ scoreSchemes { totalCount } }",
    "noticeKinds": "{ noticeKinds { code } }",
    "noticeSettings": "{ noticeSettings { version } }",
    "noticeGateways": "{ noticeGateways { channel url } }",
    "previewNotice": '{ previewNotice(kind: "case.overdue", template: "x") { text } }',
    "regions": "{ regions { totalCount } }",
    "region": '{ region(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "organisations": "{ organisations { totalCount } }",
    "organisation": '{ organisation(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "members": "{ members { totalCount } }",
    "member": '{ member(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "grants": "{ grants { totalCount } }",
    "roles": "{ roles { code } }",
    "persons": "{ persons { totalCount } }",
    "person": '{ person(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "findPerson": '{ findPerson(kind: PASSPORT, number: "E12345678") { id } }',
    "personDuplicates": "{ personDuplicates { reasons } }",
    "retentionRules": "{ retentionRules { totalCount } }",
    "auditRecords": "{ auditRecords { totalCount } }",
    "jobs": "{ jobs { totalCount } }",
    "notifications": "{ notifications { totalCount } }",
    "notification": '{ notification(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "importBatches": "{ importBatches { totalCount } }",
    "importBatch": '{ importBatch(id: "00000000-0000-0000-0000-000000000000") { id } }',
    "importKinds": "{ importKinds { code } }",
    "exportKinds": "{ exportKinds { code } }",
    "whyAllowed": '{ whyAllowed(memberId: "x", permission: "p", regionId: "y") { allowed } }',
}


async def test_every_query_field_is_walked(api: Any) -> None:
    fields = schemas.graphql_schema(api.schema).query_type.fields
    guarded = {
        name
        for name, field in fields.items()
        if PUBLIC not in field.extensions["strawberry-definition"].metadata
    }
    assert guarded == set(READING)


@pytest.mark.parametrize("name", sorted(READING))
async def test_nobody_and_nobody_in_particular(town: Any, name: str) -> None:
    nobody = await town.person(None)
    assert await nobody.code(READING[name]) == "FORBIDDEN"
    nobody.token = None
    assert await nobody.code(READING[name]) == "UNAUTHENTICATED"


async def test_every_mutation_needs_its_permission(town: Any) -> None:
    """A member without a role gets FORBIDDEN from each mutation before anything is looked at."""
    nobody = await town.person(None)
    mutations = schemas.graphql_schema(town.api.schema).mutation_type.fields
    for name, field in mutations.items():
        if PUBLIC in field.extensions["strawberry-definition"].metadata:
            continue
        kind = field.args["input"].type
        answer = await nobody.ask(
            f"mutation ($input: {kind}) {{ {name}(input: $input) {{ __typename }} }}",
            {"input": sample(kind.of_type)},
        )
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN", (name, answer)


def sample(kind: Any) -> dict[str, Any]:
    """A syntactically right input."""
    values = {
        "ID": "00000000-0000-0000-0000-000000000000", "String": "某某", "Int": 1, "Boolean": True,
        "DateTime": "2026-03-02T09:00:00+08:00", "Money": "1.00", "Date": "1980-03-02",
        "Time": "15:00", "Degrees": 118.2,
    }  # fmt: skip
    found = {}
    for name, field in kind.fields.items():
        text = str(field.type)
        if not text.endswith("!"):
            continue
        bare = field.type.of_type
        while hasattr(bare, "of_type"):
            bare = bare.of_type
        if hasattr(bare, "fields"):
            one = sample(bare)
        else:
            one = next(iter(bare.values)) if hasattr(bare, "values") else values[bare.name]
        found[name] = [one] if text.startswith("[") else one
    return found


async def test_another_region_sees_nothing(town: Any) -> None:
    north, south = await town.person("COMM", "north1"), await town.person("COMM", "south1")
    case = await town.opened(north, "north1")
    assert (await north.data(CASE, {"id": case["id"]}))["case"]["id"] == case["id"]
    assert (await south.data(CASE, {"id": case["id"]}))["case"] is None
    assert (await south.data("{ cases { totalCount } }"))["cases"]["totalCount"] == 0
    assert (await south.data("{ caseEvents { totalCount } }"))["caseEvents"]["totalCount"] == 0
    found = await south.data(
        "query ($f: CaseFilter) { cases(filter: $f) { totalCount } }",
        {"f": {"id": {"in": [case["id"]]}}},
    )
    assert found["cases"]["totalCount"] == 0
    step = {"id": case["id"], "version": case["version"]}
    refused = await south.data(
        "mutation ($i: FileCaseInput!) { fileCase(input: $i) { case { id } userErrors { code } } }",
        {"i": step},
    )
    assert refused["fileCase"] == {"case": None, "userErrors": [{"code": "NOT_FOUND"}]}


async def test_another_tenant_sees_nothing(town: Any, make_town: Any) -> None:
    mine = await town.person("COMM", "north1")
    case = await town.opened(mine, "north1")
    other = await (await make_town()).person("DCMD")
    assert (await other.data(CASE, {"id": case["id"]}))["case"] is None
    within = {"f": {"region": {"within": str(town.tenant.regions["district"].id)}}}
    found = await other.data("query ($f: CaseFilter) { cases(filter: $f) { totalCount } }", within)
    assert found["cases"]["totalCount"] == 0
    other.slug = town.tenant.slug
    assert await other.code("{ cases { totalCount } }") == "UNAUTHENTICATED"


async def test_a_department_sees_what_it_was_given_and_a_resident_their_own(town: Any) -> None:
    clerk, resident = await town.person("COMM", "north1"), await town.person("RES", "north1")
    department = await town.person("DEPT", "district", "住建局")
    await town.opened(clerk, "north1")
    own = await town.opened(resident, "north1", "居民自己的")
    assert (await department.data("{ cases { totalCount } }"))["cases"]["totalCount"] == 0
    seen = await resident.data("{ cases { nodes { id } } }")
    assert seen["cases"]["nodes"] == [{"id": own["id"]}]
    assert await department.code("{ members { totalCount } }") == "FORBIDDEN"


async def test_a_revocation_is_obeyed_by_the_next_operation(town: Any) -> None:
    clerk, officer = await town.person("COMM", "north1"), await town.person("SEC")
    await clerk.data("{ cases { totalCount } }")
    grants = await officer.data(
        "query ($m: ID!) { grants(filter: { member: { in: [$m] } }) { nodes { id } } }".replace(
            "[$m]", f'["{clerk.membership}"]'
        ).replace("($m: ID!) ", "")
    )
    revoked = await officer.data(
        "mutation ($i: RevokeRoleInput!) { revokeRole(input: $i)"
        " { grant { revokedAt } userErrors { code } } }",
        {"i": {"grantId": grants["grants"]["nodes"][0]["id"]}},
    )
    assert revoked["revokeRole"]["grant"]["revokedAt"]
    assert await clerk.code("{ cases { totalCount } }") == "FORBIDDEN"


async def test_logout_ends_the_session_at_once(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    await clerk.data("{ cases { totalCount } }")
    await clerk.data("mutation { logout { loggedOut } }")
    assert await clerk.code("{ cases { totalCount } }") == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{", b'{"query": 3}', b'{"query": "{"}', b'{"query": ""}',
        b'{"query": "{ viewer { id } }", "variables": 3}',
        b'{"query": "query A { viewer { id } } query B { viewer { id } }"}',
        '{"query": "{ cases(filter: {search: \\"一\\"}) { totalCount } }"}'.encode(),
        b'{"query": "{ cases(first: 0) { totalCount } }"}',
        b'{"query": "{ cases(after: \\"\\u0000\\") { totalCount } }"}',
        b'{"query": "{ case(id: \\"\\u0000\\") { id } }"}',
    ],
)  # fmt: skip
async def test_malformed_requests_never_fail_us(town: Any, body: bytes) -> None:
    person = await town.person("COMM", "north1")
    response = await town.api.http.post(
        "/graphql",
        content=body,
        headers={
            "content-type": "application/json",
            "x-tenant": person.slug,
            "authorization": f"Bearer {person.token}",
        },
    )
    assert response.status_code < 500
    assert "INTERNAL" not in response.text
    assert "select " not in response.text


def test_an_unmarked_field_does_not_build() -> None:
    @strawberry.type
    class Query:
        open: int = 1

    schema = strawberry.Schema(Query)
    assert unmarked(schemas.graphql_schema(schema)) == ["Query.open"]


def test_the_committed_schema_is_current(api: Any) -> None:
    from guanjia.settings import PROJECT_ROOT

    committed = (PROJECT_ROOT / "schema.graphql").read_text(encoding="utf-8")
    assert committed == schemas.sdl(api.schema)


async def test_siblings_of_the_stock_executor_share_one_connection(town: Any) -> None:
    clerk = await town.person("CSEC", "north1")
    place = town.tenant.regions["north1grid"].id
    found = await clerk.data(
        "query ($m: ID!, $r: ID!) { tenant { slug } a: regions { totalCount } b: regions"
        " { nodes { parent { name } children { code } } } whyAllowed(memberId: $m,"
        ' permission: "case:file", regionId: $r) { allowed role rule grant { role } } }',
        {"m": str(clerk.membership), "r": str(place)},
    )
    assert found["tenant"]["slug"] == town.tenant.slug
    assert found["whyAllowed"]["allowed"]
    assert found["whyAllowed"]["rule"] == "p, COMM, case:file, region, allow"
