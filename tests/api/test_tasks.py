"""A task link: somebody without an account works on one part of one case and reaches nothing
else."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from graphql import GraphQLNonNull, get_named_type, is_leaf_type
from tests.api.answers import check
from tests.api.conftest import Person
from tests.api.population import step
from tests.api.test_bad_input import fitting, mutation
from tests.api.test_walls import sample

from guanjia import schema as schemas
from guanjia.access.links import PER_MINUTE
from guanjia.graph.marks import PUBLIC

ISSUE = "token path link { id uses revokedAt }"
TASKS = (
    "{ tasks { totalCount nodes { id title description location task state acceptedAt doneAt"
    " doneNote attachments { id } links { id } } } }"
)
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360f8cf50cf0000040101802b21d2a60000000049454e44ae426082"
)


@dataclass
class ByLink(Person):
    """A client that has nothing but the secret of a link."""

    async def post(self, body: Any) -> httpx.Response:
        return await self.api.http.post("/graphql", json=body, headers=self._headers())

    async def send(self, method: str, path: str, body: bytes = b"", **query: str) -> httpx.Response:
        return await self.api.http.request(
            method, path, content=body, params=query, headers=self._headers()
        )

    def _headers(self) -> dict[str, str]:
        return {"x-tenant": self.slug, "authorization": f"TaskLink {self.token}"}


@dataclass
class Given:
    """A case at a company, with a builder who assists by a link."""

    clerk: Person
    worker: Person
    case: dict[str, Any]
    builder: str
    issued: dict[str, Any]
    link: ByLink

    async def version(self) -> dict[str, Any]:
        found = await self.clerk.data(
            "query ($id: ID!) { case(id: $id) { id version } }", {"id": self.case["id"]}
        )
        version: dict[str, Any] = found["case"]
        return version


async def awaited(who: Person, organisation: str) -> int:
    """How many cases wait for something that the organisation does."""
    found = await who.data(
        "query ($o: ID!) { cases(filter: { awaiting: $o }) { totalCount } }", {"o": organisation}
    )
    count: int = found["cases"]["totalCount"]
    return count


@pytest.fixture
async def given(town: Any) -> Given:
    clerk = await town.person("COMM", "north1")
    company = str(await town.organisation("甲物业", "PROPERTY_COMPANY", "north1"))
    worker = await town.person("PROP", "north1", "甲物业")
    builder = str(await town.organisation("某建设公司", "EXTERNAL_PARTY"))
    case = await town.opened(
        clerk, "north1", description="业主张某 13900000001、0599-8800000 反映,2026-03-02 已查看"
    )
    await step(clerk, "fileCase", "FileCaseInput", case)
    await step(clerk, "dispatchCase", "DispatchCaseInput", case, organisationId=company)
    await step(
        clerk, "assignPart", "AssignPartInput", case, organisationId=builder, task="更换构件"
    )
    await step(worker, "acceptCase", "CaseStepInput", case)
    await step(worker, "startCase", "StartCaseInput", case, plan="更换")
    ask = {"id": case["id"], "version": case["version"]}
    issued = await clerk.done("issueTaskLink", ISSUE, **ask, organisationId=builder)
    return Given(
        clerk, worker, case, builder, issued, ByLink(town.api, town.tenant.slug, issued["token"])
    )


async def test_an_external_party_does_its_part_by_link(town: Any, given: Given) -> None:
    link = given.link
    [task] = (await link.data(TASKS))["tasks"]["nodes"]
    assert (task["title"], task["task"], task["state"]) == ("井盖缺失", "更换构件", "OPEN")
    assert task["description"] == "业主张某 ****、**** 反映,2026-03-02 已查看"
    assert (task["attachments"], task["links"]) == ([], [])
    mine = {"id": task["id"]}
    assert (await link.done("acceptTask", "task { acceptedAt }", **mine))["task"]["acceptedAt"]
    assert await link.refused("acceptTask", mine) == "CONFLICT"
    picture = (await link.send("POST", "/attachments", PIXEL, name="a.png")).json()["id"]
    wanted = "task { state doneNote attachments { id } }"
    report = {**mine, "note": "到货", "attachmentIds": [picture], "idempotencyKey": "1"}
    told = await link.done("reportTask", wanted, **report)
    assert (await link.done("reportTask", wanted, **report)) == told
    assert told["task"]["attachments"] == [{"id": picture}]
    answer = await given.worker.payload(
        "giveFeedback", {**await given.version(), "result": "完成", "noPhotoReason": "无"}
    )
    fault = answer["data"]["giveFeedback"]["userErrors"][0]
    assert fault["message"] == "协办单位某建设公司的任务还没有完成。"
    assert await link.refused("completeTask", mine, note=" ") == "MISSING_DATA"
    own = (await given.worker.data("{ viewer { organisations { id name } } }"))["viewer"]
    assert [each["name"] for each in own["organisations"]] == ["甲物业"]
    company = own["organisations"][0]["id"]
    parties = (company, given.builder, str(await town.organisation("乙物业", "PROPERTY_COMPANY")))
    assert [await awaited(given.worker, each) for each in parties] == [1, 1, 0]
    done = await link.done("completeTask", wanted, **mine, note="已更换")
    assert [await awaited(given.clerk, each) for each in parties] == [1, 0, 0]
    assert (done["task"]["state"], done["task"]["doneNote"]) == ("DONE", "已更换")
    assert await link.refused("completeTask", mine, note="再次") == "CONFLICT"

    events = await given.clerk.data(
        "query ($id: ID!) { case(id: $id) { assignments { doneBy }"
        " timeline(first: 50) { nodes { code actorName actorRole note } } } }",
        {"id": given.case["id"]},
    )
    by_link = [e for e in events["case"]["timeline"]["nodes"] if e["actorRole"] == "LINK"]
    assert [e["code"] for e in by_link] == ["PART_ACCEPTED", "PART_REPORTED", "PART_DONE"]
    assert {e["actorName"] for e in by_link} == {"某建设公司(任务链接)"}
    assert {"doneBy": "某建设公司(任务链接)"} in events["case"]["assignments"]
    auditor = await town.person("AUD")
    records = await auditor.data("{ auditRecords(first: 100) { nodes { action actorName } } }")
    named = {
        r["action"]
        for r in records["auditRecords"]["nodes"]
        if "任务链接" in (r["actorName"] or "")
    }
    assert {"accept_part", "report_part", "complete_part"} <= named
    # What was asked for is counted once each, also where the compiled path declined before.
    assert await link.refused("reportTask", mine, note=" ") == "MISSING_DATA"
    shown = "{ taskLinks { nodes { uses lastUsedAt issuedBy party task doneAt case { id } } } }"
    [counted] = (await given.clerk.data(shown))["taskLinks"]["nodes"]
    assert (counted["uses"], counted["case"]) == (10, {"id": given.case["id"]})
    assert (counted["party"], counted["task"]) == ("某建设公司", "更换构件")
    assert counted["doneAt"]
    stranger = await town.person("COMM", "south1")
    assert (await stranger.data(shown))["taskLinks"]["nodes"] == []


async def test_a_link_ends(town: Any, given: Given, make_town: Any) -> None:
    ask = {"organisationId": given.builder}
    late = (dt.datetime.now(dt.UTC) + dt.timedelta(days=91)).isoformat()
    step_ = await given.version()
    assert await given.clerk.refused("issueTaskLink", {**step_, **ask, "expiresAt": late}) == (
        "BAD_USER_INPUT"
    )
    company = str(town.organisations["甲物业"])
    assert await given.clerk.refused("issueTaskLink", step_, organisationId=company) == "NOT_FOUND"
    # A new one takes the place of the old, of which not a use is left.
    once = {**step_, **ask, "idempotencyKey": "换链接"}
    again = await given.clerk.done("issueTaskLink", ISSUE, **once)
    # A lost answer asked for again makes no second one, and its secret is not told again.
    repeated = await given.clerk.done("issueTaskLink", f"{ISSUE} note", **once)
    assert repeated["link"]["id"] == again["link"]["id"]
    assert (repeated["token"], repeated["path"]) == (None, None)
    assert "换一个 idempotencyKey 重新签发" in repeated["note"]
    other = {**once, "organisationId": str(town.organisations["甲物业"])}
    assert await given.clerk.refused("issueTaskLink", other) == "IDEMPOTENCY_KEY_REUSED"
    new = ByLink(town.api, town.tenant.slug, again["token"])
    assert await given.link.code(TASKS) == "UNAUTHENTICATED"
    assert (await new.data(TASKS))["tasks"]["totalCount"] == 1
    elsewhere = ByLink(town.api, (await make_town()).tenant.slug, again["token"])
    assert await elsewhere.code(TASKS) == "UNAUTHENTICATED"
    bearer = Person(town.api, town.tenant.slug, again["token"])
    assert await bearer.code(TASKS) == "UNAUTHENTICATED"
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        stored = await transaction.connection.fetch("select l::text from access_links l")
        assert not any(again["token"] in row[0] for row in stored)
        await transaction.connection.execute(
            "update access_links set minute_began = now(), minute_uses = $1", PER_MINUTE
        )
    assert await new.code(TASKS) == "LIMIT_EXCEEDED"
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "update access_links set minute_began = now() - interval '61 seconds'"
        )
    assert (await new.data(TASKS))["tasks"]["totalCount"] == 1
    revoked = await given.clerk.done("revokeTaskLink", "link { revokedAt }", id=again["link"]["id"])
    assert revoked["link"]["revokedAt"]
    assert await new.code(TASKS) == "UNAUTHENTICATED"
    # Whoever lets the party go, or gives the case to others, ends its link too.
    third = await given.clerk.done("issueTaskLink", ISSUE, **await given.version(), **ask)
    last = ByLink(town.api, town.tenant.slug, third["token"])
    assert (await last.data(TASKS))["tasks"]["totalCount"] == 1
    await given.clerk.done(
        "releasePart", "case { id }", **await given.version(), **ask, reason="不再需要"
    )
    assert await last.code(TASKS) == "UNAUTHENTICATED"


async def test_what_is_done_is_not_taken_over(given: Given) -> None:
    [task] = (await given.link.data(TASKS))["tasks"]["nodes"]
    mine = {"id": task["id"]}
    await given.link.done("completeTask", **mine, note="已更换")
    assert await given.link.refused("acceptTask", mine) == "CONFLICT"


async def test_nothing_else_is_in_reach_of_a_link(town: Any, given: Given, admin: Any) -> None:
    """Every root field: FORBIDDEN, or public, or its own task."""
    graph = schemas.graphql_schema(town.api.schema)
    await admin.execute("update access_links set minute_began = now(), minute_uses = -9999")
    await town.opened(given.clerk, "north1", "别的案件")
    [task] = (await given.link.data(TASKS))["tasks"]["nodes"]
    open_queries = set()
    for name, field in graph.query_type.fields.items():
        query, required = _bare(name, field)
        answer = await given.link.ask(query, required)
        if "errors" not in answer:
            open_queries.add(name)
        else:
            assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN", (name, answer)
    assert open_queries == {"tasks", "task", "tenant", "viewer"}
    me = await given.link.data(
        "{ viewer { kind organisations { id }"
        " grants { role region { level parent { id } children { id } } } } tasks { totalCount } }"
    )
    assert me == {
        "viewer": {
            "kind": "LINK",
            "organisations": [],
            "grants": [
                {
                    "role": "LINK",
                    "region": {"level": "DISTRICT", "parent": None, "children": []},
                }
            ],
        },
        "tasks": {"totalCount": 1},
    }
    # It is nobody's account: what ends or changes one does not touch it.
    mine = (await given.link.data("{ viewer { sessionId } }"))["viewer"]["sessionId"]
    for ending in (
        "mutation { logout { loggedOut } }",
        "mutation { endOtherSessions { ended } }",
        f'mutation {{ endSession(input: {{ sessionId: "{mine}" }}) {{ sessionId }} }}',
        'mutation { changePassword(input: { oldPassword: "a", newPassword: "b" }) { changed } }',
    ):
        assert await given.link.code(ending) == "FORBIDDEN", ending
    allowed = set()
    for name, field in graph.mutation_type.fields.items():
        if PUBLIC in field.extensions["strawberry-definition"].metadata:
            continue
        kind = get_named_type(field.args["input"].type)
        own = {"id": task["id"]} if "id" in kind.fields else {}
        answer = await given.link.ask(mutation(name, kind), {"i0": {**sample(kind), **own}})
        check(answer, name)
        if "errors" not in answer:
            allowed.add(name)
        else:
            assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN", (name, answer)
    assert allowed == {"acceptTask", "reportTask", "completeTask"}
    other = await given.link.refused("acceptTask", id=given.case["id"])
    assert other == "NOT_FOUND"
    theirs = await given.clerk.send("POST", "/attachments", PIXEL, name="b.png")
    assert (await given.link.send("GET", f"/attachments/{theirs.json()['id']}")).status_code == 404
    for path in ("/exports/board", "/imports/grids/template", "/calendars/meetings.ics"):
        assert (await given.link.send("GET", path)).status_code in (403, 404), path


def _bare(name: str, field: Any) -> tuple[str, dict[str, Any]]:
    """The root query with what it requires and nothing more."""
    required = {
        arg: fitting(get_named_type(one.type))
        for arg, one in field.args.items()
        if isinstance(one.type, GraphQLNonNull)
    }
    declared = ", ".join(f"${arg}: {field.args[arg].type}" for arg in required)
    passed = ", ".join(f"{arg}: ${arg}" for arg in required)
    selected = "" if is_leaf_type(get_named_type(field.type)) else "{ __typename }"
    call = f"{name}({passed})" if required else name
    return f"query {f'({declared})' if required else ''} {{ {call} {selected} }}", required
