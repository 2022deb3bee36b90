"""Queries that between them use every form of reading."""

from typing import Any
from uuid import uuid4

from tests.api.meetings import DOCUMENTS as MEETING_DOCUMENTS
from tests.api.surveys import DOCUMENTS as SURVEY_DOCUMENTS

DOCUMENTS: list[tuple[str, Any]] = [
    (
        "{ cases(first: 50) { nodes { id number title state dueAt createdAt contactPhone overdue"
        " region { name } reporter { displayName } handler { name } timeline(last: 3) { nodes"
        " { seq title at } } assignments { role organisation { name } } } } }",
        None,
    ),
    (
        "query ($n: Int, $f: CaseFilter, $o: CaseOrder) { c: cases(first: $n, filter: $f,"
        " orderBy: $o) { totalCount edges { cursor node { number } } pageInfo { hasNextPage"
        " hasPreviousPage startCursor endCursor } } }",
        {"n": 2, "f": {"search": "井盖", "state": {"in": ["REPORTED"]}}, "o": "OLDEST"},
    ),
    (
        "{ cases(last: 2) { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage"
        " endCursor } } }",
        None,
    ),
    (
        "query ($x: Boolean!) { cases { nodes { ...F id @include(if: $x) n: number o: state"
        " t1: title } } } fragment F on Case { __typename e: level ... on Case { g: urgent } }",
        {"x": False},
    ),
    ("{ cases(filter: { overdue: false, urgent: false }) { totalCount } }", None),
    (
        "{ viewer { displayName roles permissions grants { role region { code parent { code } } }"
        " } }",
        None,
    ),
    (
        "{ regions(orderBy: CODE) { nodes { code name level parent { name } children { code } } }"
        " }",
        None,
    ),
    ("{ organisations { totalCount nodes { name kind region { name } } } }", None),
    (
        "{ caseEvents(first: 5) { totalCount nodes { code title at hash organisation { name } } }"
        " }",
        None,
    ),
    ("{ auditRecords(first: 3) { nodes { seq action result hash detail } } }", None),
    ("{ members { nodes { displayName grants { role region { name } } } } }", None),
    ("{ grants { nodes { role validFrom member { displayName } region { name } } } }", None),
    ("{ roles { code title levels __typename } }", None),
    ("{ tenant { slug code name __typename } again: tenant { name } }", None),
    ("{ cases(first: 1) { pageInfo { hasNextPage hasPreviousPage } } }", None),
    ("{ cases(first: 2) { totalCount a: nodes { id } b: nodes { number } __typename } }", None),
    (
        "query ($n: Int) { cases(last: $n) { nodes { number } pageInfo { startCursor endCursor"
        " hasPreviousPage } } caseEvents(last: $n) { nodes { seq } } }",
        {"n": 3},
    ),
    (
        "query ($n: Int) { cases(first: $n) { nodes { timeline(first: $n) { nodes { seq }"
        " pageInfo { endCursor } } } } }",
        {"n": 2},
    ),
    ("{ retentionRules { nodes { code months days validFrom source } } }", None),
    (
        "{ persons(first: 50) { totalCount nodes { id name sex ageBand address warnings version"
        " createdAt erasedAt region { name } mergedInto { id } documents { kind number recordedAt"
        " } phones { kind number } } pageInfo { endCursor } } }",
        None,
    ),
    (
        "query ($f: PersonFilter) { persons(filter: $f, orderBy: OLDEST) { totalCount nodes"
        " { name } } }",
        {"f": {"search": "张小", "inForce": True, "hasWarnings": False}},
    ),
    (
        "{ roles { code builtIn version basedOn rights { permission reach } incompatible { code"
        " reason } } viewer { heldRoles { code title levels rights { permission } } } }",
        None,
    ),
    (
        '{ regions(filter: { asOf: "2026-03-02" }) { totalCount nodes { code version predecessors'
        " { code } formerNames { name validTo } successors { code validFrom } } } }",
        None,
    ),
    (
        "{ compounds(first: 5) { totalCount nodes { id name address managementMode"
        " householdCount areaM2"
        " boundary active version region { name } buildings(first: 5) { totalCount"
        " nodes { code name floors"
        " region { name } houseUnits(first: 2) { nodes { label } } } } houseUnits(first: 9)"
        " { nodes { label bindings { relation proof voteHolder validFrom person { name phones"
        " { number } } } } } } } }",
        None,
    ),
    (
        "query ($f: HouseUnitFilter) { houseUnits(first: 9, filter: $f) { totalCount nodes"
        " { id label unit"
        " floor room estateCode areaDm2 validFrom validTo building { name } compound { name }"
        " households { occupancy members { relation person { name } } } voteHoldings { cause"
        " beganAt endedAt } } } }",
        {"f": {"inForce": True}},
    ),
    (
        "{ houseBindings(orderBy: OLDEST) { totalCount nodes { relation voteHolder provenAt"
        " houseUnit { label } person { name } } } }",
        None,
    ),
    (
        "query ($d: Date) { compoundLists(first: 5, filter: { asOf: $d, kind: { in:"
        " [SERVICE_LIST] } }) { totalCount nodes { kind edition state validFrom version compound"
        " { name } basedOn { edition } createdBy { displayName } items(first: 9) { totalCount nodes"
        " { code title basisFrom limitValue limitUnit weight ownerSeat coSeats public } } } } }",
        {"d": "2026-11-01"},
    ),
    (
        "{ compounds { nodes { name listsInForce { totalCount nodes { kind items { totalCount"
        " nodes { code } } } } } } }",
        None,
    ),
    (
        "{ listsInForce { totalCount nodes { kind edition validFrom compound { name } items"
        " { totalCount nodes { code standard limitUnit coSeats } } } } }",
        None,
    ),
    (
        "{ propertyCompanies { totalCount nodes { name creditCode partyMembers version"
        " organisation { name } contracts { totalCount nodes { startsOn endsOn inForce"
        " compound { name } } } } } }",
        None,
    ),
    (
        "query ($f: PropertyContractFilter) { propertyContracts(filter: $f, orderBy: OLDEST)"
        " { totalCount nodes { startsOn company { name } compound { name } } } }",
        {"f": {"inForce": True}},
    ),
    (
        "query ($f: OwnersCommitteeFilter) { ownersCommittees(filter: $f) { totalCount nodes"
        " { electedOn fileBy filingOverdue inOffice compound { name } members { name post"
        " validFrom person { name } } } } }",
        {"f": {"filingOverdue": True, "inOffice": True}},
    ),
    (
        "query ($f: PartyOrganisationFilter) { partyOrganisations(filter: $f) { totalCount nodes"
        " { name kind fullMembers region { name } parent { name } children { name } company"
        " { name } compound { name } posts { name post person { name } } } } }",
        {"f": {"kind": {"in": ["COMPANY_BRANCH"]}, "active": True}},
    ),
    (
        "query ($f: CrossAppointmentFilter) { crossAppointments(filter: $f, orderBy: OLDEST)"
        " { totalCount nodes { id kind post name validFrom validTo version person { name }"
        " fromParty { name } fromOrganisation { name } toParty { name } toOrganisation { name }"
        " compound { name } } } }",
        {"f": {"asOf": "2026-03-02", "kind": {"in": ["PART_TIME_MEMBER"]}}},
    ),
    (
        "{ kinships(filter: { inForce: true }) { totalCount nodes { id kind name relativeName"
        " validFrom validTo version person { name } relative { name } } } }",
        None,
    ),
    (
        "{ butlers { totalCount nodes { id name active inactiveReasons communityFallback compound"
        " { name } seats { seat label duty vacant holders { name organisation contact since until"
        " acting actingFor reason version person { name } } history { name since } } } } }",
        None,
    ),
    (
        "query ($f: ButlerFilter, $b: ButlerFilter) { butlers(filter: $f) { totalCount nodes"
        " { active inactiveReasons seats { seat vacant holders { name since } } compound { company"
        " { name } } } } before: butlers(filter: $b) { totalCount nodes { inactiveReasons"
        " communityFallback seats { vacant holders { name } } compound { contract { startsOn } } }"
        " } today: butlers(filter: { active: false }) { nodes { seats { vacant } } } }",
        {
            "f": {"asOf": "2025-02-02", "vacantSeat": "OWNERS_COMMITTEE"},
            "b": {"asOf": "2024-12-31", "active": False},
        },
    ),
    (
        "{ compounds { nodes { name contract { startsOn endsOn company { name } } company { name"
        " servicePhone } committee { electedOn members { name } } partyOrganisations { name kind"
        " } butler { active seats { label holders { name acting } } } } } }",
        None,
    ),
    (
        '{ grants(filter: { asOf: "2026-03-02", role: { in: ["GRID"] } }) { totalCount } }',
        None,
    ),
    *MEETING_DOCUMENTS,
    *SURVEY_DOCUMENTS,
    (
        "{ caseCategories(first: 3) { nodes { code limitValue limitUnit } pageInfo { endCursor } }"
        " }",
        None,
    ),
    (
        "query ($s: [JobState!]) { jobs(first: 5, filter: { state: { in: $s } }) { totalCount"
        " nodes { kind title subjectId dueAt runAt state attempts startedAt finishedAt lagSeconds"
        " errorCode errorMessage } } }",
        {"s": ["DONE", "DEAD"]},
    ),
]
SEARCHED: list[tuple[str, Any]] = [
    (
        "query ($f: CaseFilter) { cases(filter: $f) { totalCount nodes { id } } }",
        {"f": {"search": "井盖", "region": {"within": str(uuid4())}}},
    ),
    ("{ caseEvents(last: 5) { totalCount edges { cursor } pageInfo { startCursor } } }", None),
    ("query ($id: ID!) { case(id: $id) { id assignments { id } } }", {"id": str(uuid4())}),
]
