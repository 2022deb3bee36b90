"""Signing in as a client sees it: through the endpoint, on both reading paths."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest
from tests.api.test_walls import READING, sample

from guanjia import schema as schemas
from guanjia.context import Context, Request
from guanjia.graph.marks import PUBLIC

LOGIN = (
    "mutation ($i: LoginInput!) { login(input: $i) { accessToken refreshToken"
    " mustChangePassword userErrors { code message field } } }"
)
REFRESH = (
    "mutation ($i: RefreshSessionInput!) { refreshSession(input: $i) { accessToken refreshToken"
    " mustChangePassword userErrors { code } } }"
)
CHANGE = (
    "mutation ($i: ChangePasswordInput!) { changePassword(input: $i)"
    " { changed userErrors { code field } } }"
)
CREATE = (
    "mutation ($i: CreateUserInput!) { createUser(input: $i)"
    " { oneTimePassword member { id locked } userErrors { code } } }"
)
GRANT = "mutation ($i: GrantRoleInput!) { grantRole(input: $i) { userErrors { code } } }"
ME = "{ viewer { displayName mustChangePassword permissions sessionId sessions { id device } } }"
CASES = "{ cases { totalCount } }"
FRESH = "Fresh-Word-1"


class Account:
    """An account that an administrator opened, with a role, and its way in."""

    def __init__(self, town: Any, login: str, password: str, member: str) -> None:
        self.town, self.login, self.password, self.member = town, login, password, member

    async def enter(self, device: str | None = None, password: str | None = None) -> Any:
        """A person with a session of their own; `answer` holds what login said."""
        person = await self.town.person(None)
        person.token = None
        given = {"loginName": self.login, "password": password or self.password}
        answer = await person.data(LOGIN, {"i": {**given, "deviceName": device}})
        person.answer = answer["login"]
        person.token = person.answer["accessToken"]
        return person

    async def settle(self) -> Any:
        """Inside, with a password of their own."""
        person = await self.enter("电脑")
        changed = await person.data(
            CHANGE, {"i": {"oldPassword": self.password, "newPassword": FRESH}}
        )
        assert changed["changePassword"] == {"changed": True, "userErrors": []}
        self.password = FRESH
        return person


async def account(town: Any, login: str = "clerk", role: str = "COMM") -> Account:
    sys, sec = await town.person("SYS"), await town.person("SEC")
    made = (await sys.data(CREATE, {"i": {"loginName": login, "displayName": "某职员"}}))[
        "createUser"
    ]
    assert made["member"]["locked"] is False
    region = "district" if role in ("SYS", "SEC", "AUD") else "north1"
    given = {"memberId": made["member"]["id"], "role": role,
             "regionId": str(town.tenant.regions[region].id)}  # fmt: skip
    assert (await sec.data(GRANT, {"i": given}))["grantRole"]["userErrors"] == []
    return Account(town, login, made["oneTimePassword"], made["member"]["id"])


async def test_a_password_that_is_due_opens_nothing_but_its_change(town: Any) -> None:
    clerk = await account(town)
    person = await clerk.enter()
    assert person.answer["mustChangePassword"] is True
    viewer = (await person.data(ME))["viewer"]
    assert (viewer["mustChangePassword"], viewer["permissions"]) == (True, [])
    assert await person.code(CASES) == "PASSWORD_CHANGE_REQUIRED"
    # One's own row is read on the compiled path, everything else is declined there.
    assert (await person.post({"query": ME})).headers["x-plan"] == "fast"
    assert (await person.post({"query": CASES})).headers["x-plan"] == "slow:forbidden"
    refreshed = await person.data(REFRESH, {"i": {"refreshToken": person.answer["refreshToken"]}})
    assert refreshed["refreshSession"]["mustChangePassword"] is True
    person.token = refreshed["refreshSession"]["accessToken"]
    assert await person.code(CASES) == "PASSWORD_CHANGE_REQUIRED"

    changed = await person.data(CHANGE, {"i": {"oldPassword": clerk.password, "newPassword": "x"}})
    assert changed["changePassword"]["userErrors"][0]["code"] == "WEAK_PASSWORD"
    await person.data(CHANGE, {"i": {"oldPassword": clerk.password, "newPassword": FRESH}})
    # The very next operation, on the cached actor's path, is allowed.
    assert (await person.data(CASES))["cases"]["totalCount"] == 0
    viewer = (await person.data(ME))["viewer"]
    assert viewer["mustChangePassword"] is False
    assert "case:read" in viewer["permissions"]


async def test_every_field_but_five_is_closed_while_the_password_is_due(town: Any) -> None:
    person = await (await account(town)).enter()
    for name, query in READING.items():
        assert await person.code(query) == "PASSWORD_CHANGE_REQUIRED", name
    open_ones = set()
    for name, field in schemas.graphql_schema(town.api.schema).mutation_type.fields.items():
        given = None
        document = f"mutation {{ {name} {{ __typename }} }}"
        if field.args:
            kind = field.args["input"].type
            given = {"input": sample(kind.of_type)}
            document = f"mutation ($input: {kind}) {{ {name}(input: $input) {{ __typename }} }}"
        if name == "logout":
            open_ones.add(name)  # it would end the walk
            continue
        answer = await person.ask(document, given)
        if "errors" not in answer:
            open_ones.add(name)
            assert PUBLIC in field.extensions["strawberry-definition"].metadata
        else:
            code = answer["errors"][0]["extensions"]["code"]
            assert code == "PASSWORD_CHANGE_REQUIRED", (name, answer)
    assert open_ones == {"login", "refreshSession", "changePassword", "logout"}
    await person.data("mutation { logout { loggedOut } }")
    assert await person.code(ME) == "UNAUTHENTICATED"


async def test_a_subscription_opens_for_nobody_whose_password_is_due(town: Any) -> None:
    person = await (await account(town)).enter()
    context = Context(town.api.world, Request(person.token, town.tenant.id))
    result = await town.api.schema.subscribe(
        "subscription { caseChanged { id } }", context_value=context
    )
    first = await anext(aiter(result)) if hasattr(result, "__aiter__") else result
    assert first.errors[0].extensions["code"] == "PASSWORD_CHANGE_REQUIRED"


async def test_a_password_that_comes_of_age_closes_the_cached_session_too(town: Any) -> None:
    person = await (await account(town)).settle()
    await person.data(CASES)
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "update sessions set password_due_at = $1 where id = $2",
            soon, (await person.data(ME))["viewer"]["sessionId"],
        )  # fmt: skip
        await transaction.connection.execute("update access_epochs set epoch = epoch + 1")
    await person.data(CASES)
    await asyncio.sleep(1.1)
    assert await person.code(CASES) == "PASSWORD_CHANGE_REQUIRED"


async def test_a_lost_phone_is_ended_from_the_computer(town: Any) -> None:
    clerk = await account(town)
    computer = await clerk.settle()
    phone = await clerk.enter("张伟的手机")
    spare = await clerk.enter()
    await phone.data(CASES)
    viewer = (await computer.data(ME))["viewer"]
    listed = {session["device"]: session["id"] for session in viewer["sessions"]}
    assert set(listed) == {"电脑", "张伟的手机", "tests"}
    assert listed["电脑"] == viewer["sessionId"]
    end = (
        "mutation ($i: EndSessionInput!) { endSession(input: $i)"
        " { sessionId userErrors { code } } }"
    )
    lost = {"i": {"sessionId": listed["张伟的手机"]}}
    assert (await computer.data(end, lost))["endSession"]["sessionId"] == listed["张伟的手机"]
    assert await phone.code(CASES) == "UNAUTHENTICATED"
    again = (await computer.data(end, lost))["endSession"]
    assert again == {"sessionId": None, "userErrors": [{"code": "NOT_FOUND"}]}
    # A stranger's session does not exist for them.
    stranger = await (await account(town, "stranger")).settle()
    mine = {"i": {"sessionId": listed["电脑"]}}
    assert (await stranger.data(end, mine))["endSession"]["userErrors"] == [{"code": "NOT_FOUND"}]
    bad = (await computer.data(end, {"i": {"sessionId": "\0"}}))["endSession"]
    assert bad["userErrors"] == [{"code": "BAD_USER_INPUT"}]

    ended = await computer.data("mutation { endOtherSessions { ended userErrors { code } } }")
    assert ended["endOtherSessions"] == {"ended": 1, "userErrors": []}
    assert await spare.code(CASES) == "UNAUTHENTICATED"
    assert len((await computer.data(ME))["viewer"]["sessions"]) == 1
    nobody = await town.person(None)
    nobody.token = None
    assert await nobody.code(end, lost) == "UNAUTHENTICATED"
    assert await nobody.code("mutation { endOtherSessions { ended } }") == "UNAUTHENTICATED"


@pytest.mark.parametrize("device", ["机" * 61, "a\0b", "a\nb"])
async def test_a_device_name_that_is_none_is_refused(town: Any, device: str) -> None:
    person = await (await account(town)).enter(device)
    assert person.token is None
    assert person.answer["userErrors"][0] == {
        "code": "BAD_USER_INPUT", "message": "设备名称最多 60 个字。", "field": ["deviceName"],
    }  # fmt: skip


MEMBER = {
    "lockUser": "member { locked }",
    "unlockUser": "member { locked }",
    "resetPassword": "oneTimePassword",
}


async def manage(person: Any, name: str, **given: Any) -> Any:
    kind = name[0].upper() + name[1:] + "Input"
    answer = await person.data(
        f"mutation ($i: {kind}!) {{ {name}(input: $i)"
        f" {{ {MEMBER[name]} userErrors {{ code message }} }} }}",
        {"i": given},
    )
    return answer[name]


async def test_an_administrator_locks_unlocks_and_resets(town: Any) -> None:
    sys, clerk = await town.person("SYS"), await account(town)
    person = await clerk.settle()
    await person.data(CASES)
    locked = await manage(sys, "lockUser", memberId=clerk.member, reason="离岗")
    assert locked == {"member": {"locked": True}, "userErrors": []}
    assert await person.code(CASES) == "UNAUTHENTICATED"
    refused = (await clerk.enter()).answer["userErrors"]
    assert refused[0]["code"] == "ACCOUNT_LOCKED"
    assert (await manage(sys, "unlockUser", memberId=clerk.member))["member"]["locked"] is False
    person = await clerk.enter()
    await person.data(CASES)

    for _ in range(5):
        await clerk.enter(password="Wrong-Word-1")
    assert (await clerk.enter()).answer["userErrors"][0]["code"] == "LOGIN_LOCKED"
    await manage(sys, "unlockUser", memberId=clerk.member)
    assert (await clerk.enter()).token

    once = (await manage(sys, "resetPassword", memberId=clerk.member))["oneTimePassword"]
    assert await person.code(CASES) == "UNAUTHENTICATED"
    assert (await clerk.enter()).answer["userErrors"][0]["code"] == "LOGIN_FAILED"
    clerk.password = once
    assert (await clerk.enter()).answer["mustChangePassword"] is True

    auditor = await town.person("AUD")
    rows = (await auditor.data("{ auditRecords(first: 100) { nodes { action permission } } }"))[
        "auditRecords"
    ]["nodes"]
    for action in ("user.lock", "user.unlock", "password.reset"):
        assert {"action": action, "permission": "user:manage"} in rows
    assert "Fresh-Word" not in str(rows)


async def test_the_three_administrators_do_not_take_each_other_over(town: Any) -> None:
    officer, sys = await account(town, "officer", "SEC"), await town.person("SYS")
    refused = await manage(sys, "resetPassword", memberId=officer.member)
    assert refused["oneTimePassword"] is None
    assert refused["userErrors"][0]["code"] == "SEPARATION_OF_DUTIES"
    colleague = await account(town, "colleague", "SYS")
    assert (await manage(sys, "resetPassword", memberId=colleague.member))["oneTimePassword"]
    for name in ("lockUser", "resetPassword"):
        own = await manage(sys, name, memberId=str(sys.membership))
        assert own["userErrors"][0]["code"] == "OWN_ACCOUNT"
    for member in ("\0", "00000000-0000-0000-0000-000000000000"):
        for name in MEMBER:
            assert (await manage(sys, name, memberId=member))["userErrors"][0]["code"] in (
                "NOT_FOUND", "BAD_USER_INPUT",
            )  # fmt: skip
    # Somebody whose account is another tenant's cannot be touched here.
    guest = await town.person("COMM", "north1")
    for name in MEMBER:
        foreign = await manage(sys, name, memberId=str(guest.membership))
        assert foreign["userErrors"][0]["code"] == "NOT_HOME_TENANT"


async def test_the_answer_tells_nothing_of_who_exists(town: Any) -> None:
    clerk = await account(town)
    nobody = Account(town, "nobody", "Wrong-Word-1", "")
    said: dict[str, list[Any]] = {"somebody": [], "nobody": []}
    for _ in range(7):
        said["somebody"].append((await clerk.enter(password="Wrong-Word-1")).answer)
        said["nobody"].append((await nobody.enter()).answer)
    assert said["somebody"] == said["nobody"]
    assert [answer["userErrors"][0]["code"] for answer in said["nobody"]] == (
        ["LOGIN_FAILED"] * 5 + ["LOGIN_LOCKED"] * 2
    )


async def test_two_tabs_that_refresh_at_once_stay_logged_in(town: Any) -> None:
    person = await (await account(town)).settle()
    given = {"i": {"refreshToken": person.answer["refreshToken"]}}
    answers = await asyncio.gather(*(person.data(REFRESH, given) for _ in range(4)))
    pairs = [answer["refreshSession"] for answer in answers]
    assert {tuple(pair["userErrors"]) for pair in pairs} == {()}
    assert len({pair["refreshToken"] for pair in pairs}) == 1
    for pair in pairs:
        person.token = pair["accessToken"]
        await person.data(CASES)
