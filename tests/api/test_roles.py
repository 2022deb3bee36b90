"""A tenant's own roles through the API: made of what there is, obeyed at once, by nobody else."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from guanjia.access import tenantpolicy
from guanjia.access.actor import load_actor
from guanjia.access.roles import create_role
from guanjia.access.tenantpolicy import policy_of
from guanjia.context import Request
from guanjia.reading.documents import Lru
from guanjia.tenancy.models import tenant_id

CASES = "{ cases { totalCount } }"
ROLES = "{ roles { code title levels builtIn version basedOn rights { permission reach } } }"


def right(permission: str, reach: str = "REGION") -> dict[str, str]:
    return {"permission": permission, "reach": reach}


READS = [right("case:read")]
FILES = [*READS, right("case:file")]


def patrol(**changes: Any) -> dict[str, Any]:
    return {
        "code": "X_PATROL", "title": "巡查员", "level": "COMMUNITY", "permissions": READS, **changes
    }  # fmt: skip


async def given(town: Any, officer: Any, member: Any, role: str, region: str) -> dict[str, Any]:
    payload: dict[str, Any] = await officer.do(
        "grantRole",
        {
            "memberId": str(member.membership),
            "role": role,
            "regionId": str(town.tenant.regions[region].id),
        },
        "grant { id role }",
    )
    return payload


async def own(officer: Any) -> list[dict[str, Any]]:
    return [r for r in (await officer.data(ROLES))["roles"] if not r["builtIn"]]


async def test_a_role_is_made_given_changed_and_retired(town: Any) -> None:
    officer, worker = await town.person("SEC"), await town.person(None)
    made = await officer.do("createRole", patrol(), "role { code version permissions }")
    assert made["userErrors"] == []
    # What every member may do comes with every role.
    base = town.api.world.policy.permissions_of("MEMBER")
    assert made["role"] == {
        "code": "X_PATROL", "version": 1, "permissions": sorted(["case:read", *base]),
    }  # fmt: skip
    assert await worker.code(CASES) == "FORBIDDEN"
    grant = await given(town, officer, worker, "X_PATROL", "north1")
    assert grant["grant"]["role"] == "X_PATROL"
    assert (await worker.data(CASES))["cases"]["totalCount"] == 0
    viewer = await worker.data("{ viewer { roles heldRoles { code title levels } permissions } }")
    assert viewer["viewer"]["heldRoles"] == [
        {"code": "X_PATROL", "title": "巡查员", "levels": ["COMMUNITY"]}
    ]
    why = await officer.data(
        'query ($m: ID!, $r: ID!) { whyAllowed(memberId: $m, permission: "case:read",'
        " regionId: $r) { allowed rule role explanation grant { id } } }",
        {"m": str(worker.membership), "r": str(town.tenant.regions["north1grid"].id)},
    )
    assert why["whyAllowed"]["rule"] == "p, X_PATROL, case:read, region, allow"
    assert why["whyAllowed"]["explanation"].startswith("巡查员(COMMUNITY)允许 case:read")
    assert why["whyAllowed"]["grant"]["id"] == grant["grant"]["id"]

    without = [right("case:file")]
    changed = await officer.do(
        "changeRole",
        {"code": "X_PATROL", "version": 1, "title": "立案员", "permissions": without},
        "role { version title }",
    )
    assert changed["role"] == {"version": 2, "title": "立案员"}
    assert await worker.code(CASES) == "FORBIDDEN"
    assert (await own(officer))[0]["title"] == "立案员"

    retire = {"code": "X_PATROL", "version": 2}
    assert await officer.refused("retireRole", retire) == "ROLE_IN_USE"
    retired = await officer.do("retireRole", {**retire, "endGrants": True}, "code")
    assert retired == {"code": "X_PATROL", "userErrors": []}
    assert await own(officer) == []
    assert (await worker.data("{ viewer { roles permissions } }"))["viewer"] == {
        "roles": [], "permissions": [],
    }  # fmt: skip
    again = await given(town, officer, worker, "X_PATROL", "north1")
    assert again["userErrors"][0]["code"] == "BAD_USER_INPUT"
    assert await officer.refused("createRole", patrol()) == "CONFLICT"

    auditor = await town.person("AUD")
    records = await auditor.data("{ auditRecords { nodes { action detail } } }")
    said = {r["action"]: r["detail"] for r in reversed(records["auditRecords"]["nodes"])}
    assert {"role.create", "role.grant", "role.change", "role.retire", "role.revoke"} <= set(said)
    assert '"removed": ["case:read region"]' in said["role.change"]


async def test_every_worker_obeys_a_change_at_the_next_operation(
    town: Any, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer, worker = await town.person("SEC"), await town.person(None)
    await officer.do("createRole", patrol())
    await given(town, officer, worker, "X_PATROL", "north1")
    second = replace(town.api.world, callers=Lru(10))
    claims = await second.identify(Request(worker.token, tenant_id(worker.slug)))

    async def asked() -> bytes | None:
        caller = await second.caller(claims)
        found: bytes | None = await second.engine.run(
            database.fetch_json, caller, CASES, None, None
        )
        return found

    assert await asked() is not None
    verifies = [right("case:verify")]
    change = {"code": "X_PATROL", "version": 1, "permissions": verifies}
    assert (await officer.do("changeRole", change))["userErrors"] == []
    # The other process still has its actor and its policy: one statement, and it gives nothing.
    assert await asked() is None
    monkeypatch.setattr(tenantpolicy, "_built", Lru(10))
    fresh = await second.caller(claims, fresh=True)
    assert not fresh.scope("case:read")
    assert fresh.scope("case:verify")


async def test_a_tenant_without_own_roles_pays_nothing(town: Any) -> None:
    """The actor's policy is the process's own, and nothing more was asked of the database."""
    api, worker = town.api.world, await town.person("COMM", "north1")
    claims = await api.identify(Request(worker.token, tenant_id(worker.slug)))

    async def statements() -> tuple[Any, int]:
        async with api.database.snapshot(town.tenant.id) as connection:
            asked: list[str] = []
            with connection.query_logger(lambda record: asked.append(record.query)):
                actor = await load_actor(connection, claims, api.policy, dt.datetime.now(dt.UTC))
        return actor, len(asked)

    actor, before = await statements()
    assert actor.policy is api.policy
    officer = await town.person("SEC")
    await officer.do("createRole", patrol())
    actor, first = await statements()
    assert actor.policy is not api.policy
    assert actor.policy.base is api.policy
    _, second = await statements()
    assert (first, second) == (before + 1, before)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code": "PATROL"}, "BAD_USER_INPUT"),
        ({"code": "X_"}, "BAD_USER_INPUT"),
        ({"code": "X_a"}, "BAD_USER_INPUT"),
        ({"code": "X_" + "A" * 10_000}, "BAD_USER_INPUT"),
        ({"code": "X_A\x00"}, "BAD_USER_INPUT"),
        ({"title": " "}, "BAD_USER_INPUT"),
        ({"title": "长" * 10_000}, "BAD_USER_INPUT"),
        ({"title": "巡\x00查"}, "BAD_USER_INPUT"),
        ({"permissions": []}, "BAD_USER_INPUT"),
        ({"permissions": None}, "BAD_USER_INPUT"),
        ({"permissions": None, "basedOn": "KING"}, "BAD_USER_INPUT"),
        ({"permissions": None, "basedOn": "DCMD"}, "BAD_USER_INPUT"),
        ({"permissions": None, "basedOn": "MEMBER"}, "BAD_USER_INPUT"),
        ({"permissions": [right("case:nope")]}, "RIGHT_NOT_AVAILABLE"),
        ({"permissions": [right("case:void")]}, "RIGHT_NOT_AVAILABLE"),
        ({"permissions": [right("case:read\x00", "SELF")]}, "RIGHT_NOT_AVAILABLE"),
        ({"permissions": [right("case:handle")]}, "RIGHT_NOT_AVAILABLE"),
        ({"permissions": [right("user:manage")]}, "RIGHT_NOT_AVAILABLE"),
        ({"incompatibleRoles": ["KING"]}, "BAD_USER_INPUT"),
        ({"incompatibleRoles": ["X_PATROL"]}, "BAD_USER_INPUT"),
        (
            {
                "level": "DISTRICT",
                "permissions": [
                    right("role:grant"),
                    right("user:manage"),
                ],
            },
            "SEPARATION_OF_DUTIES",
        ),
    ],
)  # fmt: skip
async def test_what_is_no_role(town: Any, changes: dict[str, Any], code: str) -> None:
    officer = await town.person("SEC")
    assert await officer.refused("createRole", patrol(**changes)) == code
    assert await own(officer) == []


async def test_only_the_security_administrator_makes_roles(town: Any) -> None:
    for role, place in (("SYS", "district"), ("AUD", "district"), ("SLEAD", "north")):
        other = await town.person(role, place)
        answer = await other.ask(
            "mutation ($i: CreateRoleInput!) { createRole(input: $i) { role { code } } }",
            {"i": patrol()},
        )
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_role_based_on_another_has_its_rights_and_a_key_makes_one(town: Any) -> None:
    officer = await town.person("SEC")
    wanted = patrol(permissions=None, basedOn="COMM", idempotencyKey="k1")
    answers = [await officer.do("createRole", wanted, "role { code version }") for _ in range(2)]
    assert answers[0] == answers[1]
    found = {r["code"]: r for r in (await officer.data(ROLES))["roles"]}
    assert found["X_PATROL"]["rights"] == found["COMM"]["rights"]
    assert found["X_PATROL"]["basedOn"] == "COMM"
    other = {**wanted, "title": "另一个"}
    assert await officer.refused("createRole", other) == "IDEMPOTENCY_KEY_REUSED"


async def test_an_own_role_is_given_by_who_holds_its_rights_and_inside_their_region(
    town: Any,
) -> None:
    officer, leader = await town.person("SEC"), await town.person("SLEAD", "north")
    worker = await town.person(None)
    await officer.do("createRole", patrol())
    await officer.do(
        "createRole",
        patrol(code="X_HANDLE", permissions=[right("case:read", "SELF")]),
    )
    for role, region, code in (
        ("X_PATROL", "south1", "NOT_FOUND"),
        ("X_PATROL", "north", "WRONG_LEVEL"),
        ("X_HANDLE", "north1", "EXCEEDS_OWN_RIGHTS"),
    ):
        refused = await given(town, leader, worker, role, region)
        assert refused["userErrors"][0]["code"] == code, role
    assert (await given(town, leader, worker, "X_PATROL", "north1"))["userErrors"] == []


async def test_nobody_widens_what_they_hold_themselves(town: Any) -> None:
    first, second = await town.person("SEC"), await town.person("SEC")
    await first.do("createRole", patrol())
    assert (await given(town, second, first, "X_PATROL", "north1"))["userErrors"] == []
    wider = {"code": "X_PATROL", "version": 1, "permissions": FILES}
    assert await first.refused("changeRole", wider) == "SELF_GRANT"
    assert (await second.do("changeRole", wider))["userErrors"] == []
    narrower = {"code": "X_PATROL", "version": 2, "permissions": READS}
    assert (await first.do("changeRole", narrower))["userErrors"] == []


async def test_who_may_manage_roles_but_not_give_them_makes_none(town: Any) -> None:
    """An own role with role:manage is held to what its holder may give."""
    officer, deputy = await town.person("SEC"), await town.person(None)
    await officer.do(
        "createRole",
        patrol(
            code="X_DEPUTY", level="DISTRICT",
            permissions=[
                right("role:manage"),
                right("role:read"),
            ],
        ),
    )  # fmt: skip
    await officer.do("createRole", patrol())
    await given(town, officer, deputy, "X_DEPUTY", "district")
    assert await deputy.refused("createRole", patrol(code="X_MORE")) == "EXCEEDS_OWN_RIGHTS"
    wider = {"code": "X_PATROL", "version": 1, "permissions": FILES}
    assert await deputy.refused("changeRole", wider) == "EXCEEDS_OWN_RIGHTS"


async def test_a_change_does_not_join_duties_in_a_holder(town: Any) -> None:
    officer, system = await town.person("SEC"), await town.person("SYS")
    await officer.do("createRole", patrol(level="DISTRICT"))
    await given(town, officer, system, "X_PATROL", "district")
    grants = [*READS, right("role:grant")]
    change = {"code": "X_PATROL", "version": 1, "permissions": grants}
    assert await officer.refused("changeRole", change) == "SEPARATION_OF_DUTIES"
    apart = {"code": "X_PATROL", "version": 1, "incompatibleRoles": ["SYS"]}
    assert await officer.refused("changeRole", apart) == "SEPARATION_OF_DUTIES"
    await officer.do("createRole", patrol(code="X_GRANTS", level="DISTRICT", permissions=grants))
    refused = await given(town, officer, system, "X_GRANTS", "district")
    assert refused["userErrors"][0]["code"] == "SEPARATION_OF_DUTIES"


async def test_one_of_two_changes_at_once_stands(town: Any) -> None:
    officers = [await town.person("SEC") for _ in range(2)]
    await officers[0].do("createRole", patrol())
    answers = await asyncio.gather(
        *(
            officer.do("changeRole", {"code": "X_PATROL", "version": 1, "title": f"名{n}"})
            for n, officer in enumerate(officers)
        )
    )
    codes = sorted(error["code"] for answer in answers for error in answer["userErrors"])
    assert codes == ["CONFLICT"]


async def test_another_tenants_roles_are_nothing_here(town: Any, make_town: Any) -> None:
    officer, other = await town.person("SEC"), await make_town()
    foreign, worker = await other.person("SEC"), await other.person(None)
    await officer.do("createRole", patrol())
    assert await own(foreign) == []
    refused = await given(other, foreign, worker, "X_PATROL", "north1")
    assert refused["userErrors"][0]["code"] == "BAD_USER_INPUT"
    change = {"code": "X_PATROL", "version": 1, "title": "改"}
    assert await foreign.refused("changeRole", change) == "NOT_FOUND"
    assert await foreign.refused("retireRole", {"code": "X_PATROL", "version": 1}) == "NOT_FOUND"
    assert (await foreign.do("createRole", patrol(title="他区巡查员")))["userErrors"] == []
    assert (await own(officer))[0]["title"] == "巡查员"


async def test_what_was_rolled_back_is_not_remembered(town: Any) -> None:
    """A version that was never committed comes again with other roles."""
    api, officer = town.api.world, await town.person("SEC")
    claims = await api.identify(Request(officer.token, tenant_id(officer.slug)))

    async def lost() -> None:
        async with api.database.tenant_transaction(town.tenant.id) as transaction:
            actor = await api.load(transaction.connection, claims)
            await create_role(
                transaction, actor, actor.scope("role:manage"), code="X_LOST", title="未建",
                level="COMMUNITY", based_on="COMM", rights=None, incompatible=[],
            )  # fmt: skip
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await lost()
    await officer.do("createRole", patrol(), "role { code }")
    async with api.database.snapshot(town.tenant.id) as connection:
        policy = await policy_of(connection, api.policy, town.tenant.id, 1)
    assert "X_PATROL" in policy.roles
    assert "X_LOST" not in policy.roles


async def test_a_role_of_the_tenants_own_verifies(town: Any) -> None:
    """It is the permission that counts, not the name of the role."""
    officer, clerk = await town.person("SEC"), await town.person("COMM", "north1")
    resident = await town.person("RES", "north1")
    looking, reading = await town.person(None), await town.person(None)
    verifies = patrol(permissions=[*READS, right("case:verify")])
    assert (await officer.do("createRole", verifies))["userErrors"] == []
    reads = patrol(code="X_READER", title="查阅员")
    assert (await officer.do("createRole", reads))["userErrors"] == []
    await given(town, officer, looking, "X_PATROL", "north1")
    await given(town, officer, reading, "X_READER", "north1")
    case = await town.opened(resident, "north1")
    step = {"id": case["id"], "version": case["version"]}
    refused = await clerk.do("verifyCase", {**step, "verifierId": str(reading.membership)})
    assert [e["code"] for e in refused["userErrors"]] == ["NOT_FOUND"]
    done = await clerk.do(
        "verifyCase", {**step, "verifierId": str(looking.membership)}, "case { state }"
    )
    assert (done["userErrors"], done["case"]) == ([], {"state": "VERIFYING"})
