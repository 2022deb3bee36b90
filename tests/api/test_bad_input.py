"""Bad input to everything that takes input, generated from the schema: a code and a Chinese
sentence, never a fault of ours, never the value repeated, and nothing written."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_leaf_type,
)

from guanjia import schema as schemas
from guanjia.db.ids import new_id
from guanjia.graph.marks import PUBLIC
from guanjia.reading.mapping import REQUIRES

SECRET = "11010119000101123X"
"""A number of the reserved block, sent where it does not belong: no answer may repeat it."""
LONG = "名" * 10_000
WRONG: dict[str, list[Any]] = {
    "ID": [SECRET, "\x00", LONG, {"a": SECRET}, str(new_id())],
    "String": ["空\x00白", LONG, {"a": SECRET}],
    "Int": [0, -1, 10**20, 1.5, SECRET],
    "Boolean": [SECRET],
    "Date": [SECRET, "2026-02-30", 20260101, "\x00"],
    "DateTime": [SECRET, "2026-01-01T00:00:00", "9999-12-31T23:59:59-12:00", "\x00"],
    "Money": ["-1.00", "1.001", "9" * 30, 1.5, SECRET],
}
ODD = ["🙂", "123456", "a\u202eb", "\ufeff", "e\u0301" * 40, "' or 1=1 --", "{{7*7}}"]
"""Text that is nobody's fault: taken or refused, and never a fault of ours."""
NOT_COMPARED = ("audit_records", "sessions")
"""Denials are recorded and sessions are used; all else must be as it was."""


@dataclass(frozen=True)
class Leaf:
    """A place in an input where a value goes."""

    path: tuple[str, ...]
    kind: Any
    listed: bool = False
    required: bool = False

    def put(self, whole: dict[str, Any], value: Any) -> dict[str, Any]:
        """The input with the value in this place."""
        head, *rest = self.path
        if not rest:
            return {**whole, head: [value] if self.listed else value}
        inner = Leaf(tuple(rest), self.kind, self.listed).put(whole.get(head) or {}, value)
        return {**whole, head: inner}


def leaves(fields: Any, above: tuple[str, ...] = ()) -> Iterator[Leaf]:
    for name, field in fields.items():
        kind, named = field.type, get_named_type(field.type)
        if isinstance(named, GraphQLInputObjectType):
            yield from leaves(named.fields, (*above, name))
        elif is_leaf_type(named):
            bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
            listed = isinstance(bare, GraphQLList)
            yield Leaf((*above, name), named, listed, isinstance(kind, GraphQLNonNull))


def wrong(leaf: Leaf) -> list[Any]:
    if isinstance(leaf.kind, GraphQLEnumType):
        return [SECRET, 3]
    return WRONG[leaf.kind.name]


def chinese(text: str) -> bool:
    return any("\u4e00" <= c <= "\u9fff" for c in text)


def check(answer: dict[str, Any], what: Any) -> bool:
    """Whether it was refused; how it was refused is right in any case."""
    text = json.dumps(answer, ensure_ascii=False)
    assert SECRET not in text, what
    errors = list(answer.get("errors", ()))
    for error in errors:
        assert error["extensions"]["code"] not in ("INTERNAL", "UNAVAILABLE"), (what, answer)
        assert chinese(error["message"]), (what, error)
        assert len(error["message"]) < 500, what
    for field in (answer.get("data") or {}).values():
        for error in (field or {}).get("userErrors", ()) if isinstance(field, dict) else ():
            assert error["code"], what
            assert chinese(error["message"]), (what, error)
            errors.append(error)
    return bool(errors)


async def digest(admin: Any, tenant: Any) -> dict[str, str]:
    """What is in every table of the tenant."""
    tables = await admin.fetch(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relkind = 'r' and a.attname = 'tenant_id'"
        " and c.relnamespace = 'public'::regnamespace"
    )
    return {
        name: await admin.fetchval(
            f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {name} t"
            " where tenant_id = $1",
            tenant.id,
        )
        for (name,) in tables
        if name not in NOT_COMPARED
    }


PLACES = {"DISTRICT": "district", "STREET": "north", "COMMUNITY": "north1", "GRID": "north1grid"}


@pytest.fixture
async def holder(town: Any) -> Any:
    """Somebody for each permission, made when first asked for."""
    made: dict[str | None, Any] = {}

    async def of(field: Any) -> Any:
        permission = (field.extensions["strawberry-definition"].metadata or {}).get(REQUIRES)
        if permission not in made:
            table = town.api.world.policy.allow_table
            fitting = [a for a in table if a.permission == permission] or [None]
            first = min(fitting, key=lambda a: (a.reach != "region", a.role, a.level) if a else ())
            role, place = (first.role, PLACES[first.level]) if first else ("COMM", "north1")
            made[permission] = await town.person(role, place, "住建局")
        return made[permission]

    return of


@pytest.fixture
async def real(town: Any) -> dict[str, Any]:
    """Real ids by the name of the argument, so that the rest of an input is looked at."""
    clerk = await town.person("COMM", "north1")
    case = await town.opened(clerk, "north1")
    found = await clerk.data("{ caseCategories(first: 1) { nodes { id } } }")
    return {
        "id": case["id"],
        "version": case["version"],
        "categoryId": found["caseCategories"]["nodes"][0]["id"],
        "regionId": str(town.tenant.regions["north1"].id),
        "memberId": str(clerk.membership),
        "organisationId": str(await town.organisation("住建局")),
    }


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The library logs a trace for each refusal; there are thousands."""
    caplog.set_level(logging.CRITICAL, "strawberry.execution")


GOOD = {
    "ID": str(new_id()), "String": "某某", "Int": 1, "Boolean": True, "Money": "1.00",
    "DateTime": "2026-03-02T09:00:00+08:00", "Date": "2026-03-02",
}  # fmt: skip


def good(kind: Any, real: dict[str, Any]) -> dict[str, Any]:
    """An input with everything that is required."""
    found: dict[str, Any] = {}
    for leaf in leaves(kind.fields):
        name = leaf.path[-1]
        if leaf.required and len(leaf.path) == 1:
            enum = next(iter(getattr(leaf.kind, "values", ())), None)
            found = leaf.put(found, enum or real.get(name) or GOOD[leaf.kind.name])
    return found


def mutations(api: Any) -> dict[str, Any]:
    fields: dict[str, Any] = schemas.graphql_schema(api.schema).mutation_type.fields
    return fields


def queries(api: Any) -> dict[str, Any]:
    fields: dict[str, Any] = schemas.graphql_schema(api.schema).query_type.fields
    return {name: field for name, field in fields.items() if field.args}


async def test_no_mutation_takes_a_wrong_value(
    town: Any, holder: Any, real: dict[str, Any], admin: Any, quiet: None
) -> None:
    for name, field in mutations(town.api).items():
        if "input" not in field.args:
            continue
        public = PUBLIC in field.extensions["strawberry-definition"].metadata
        person, kind = await holder(field), get_named_type(field.args["input"].type)
        base, before = good(kind, real), await digest(admin, town.tenant)
        query = (
            f"mutation ($i: {kind}!) {{ {name}(input: $i) {{ userErrors {{ code message }} }} }}"
        )
        for leaf in leaves(kind.fields):
            missing = {key: value for key, value in base.items() if key != leaf.path[0]}
            # Each try of a password costs a hash, as it should.
            sent = [leaf.put(base, value) for value in wrong(leaf)[: 2 if public else None]]
            sent += [missing, leaf.put(base, None)] if leaf.required else []
            for given in sent:
                check(await person.ask(query, {"i": given}), (name, leaf.path, given))
        assert check(await person.ask(query, {"i": {**base, "unknown": SECRET}}), name)
        assert check(await person.ask(query, {"i": SECRET}), name)
        if not public:
            assert await digest(admin, town.tenant) == before, name


async def test_no_query_takes_a_wrong_value(
    town: Any, holder: Any, real: dict[str, Any], quiet: None
) -> None:
    for name, field in queries(town.api).items():
        person = await holder(field)
        declared = ", ".join(f"${arg}: {one.type}" for arg, one in field.args.items())
        passed = ", ".join(f"{arg}: ${arg}" for arg in field.args)
        selected = "" if is_leaf_type(get_named_type(field.type)) else "{ __typename }"
        query = f"query ({declared}) {{ {name}({passed}) {selected} }}"
        required = {
            arg: real.get(arg) or GOOD[get_named_type(one.type).name]
            for arg, one in field.args.items()
            if isinstance(one.type, GraphQLNonNull)
        }
        for leaf in leaves(field.args):
            for value in [*wrong(leaf), *(ODD if leaf.kind.name == "String" else ())]:
                answer = await person.ask(query, leaf.put(required, value))
                check(answer, (name, leaf.path, value))


async def test_odd_text_is_kept_or_refused(
    town: Any, holder: Any, real: dict[str, Any], quiet: None
) -> None:
    for name, field in mutations(town.api).items():
        if "input" not in field.args:
            continue
        person, kind = await holder(field), get_named_type(field.args["input"].type)
        base = good(kind, real)
        public = PUBLIC in field.extensions["strawberry-definition"].metadata
        query = (
            f"mutation ($i: {kind}!) {{ {name}(input: $i) {{ userErrors {{ code message }} }} }}"
        )
        for leaf in leaves(kind.fields):
            if leaf.kind.name == "String":
                for value in ODD[:2] if public else ODD:
                    check(
                        await person.ask(query, {"i": leaf.put(base, value)}), (name, leaf, value)
                    )


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("first", 0), ("first", 101), ("first", -1), ("last", 101), ("first", 2**31),
        ("after", ""), ("after", "x"), ("after", "\x00"), ("after", LONG), ("before", "a.b"),
        ("after", "é.é"), ("filter", {"search": "一"}), ("filter", {"search": "字" * 51}),
        ("filter", {"id": {"in": ["x"]}}), ("orderBy", "NOPE"),
    ],
)  # fmt: skip
async def test_a_page_that_cannot_be_given(town: Any, argument: str, value: Any) -> None:
    kinds = {
        "first": "Int", "last": "Int", "after": "String", "before": "String",
        "filter": "CaseFilter", "orderBy": "CaseOrder",
    }  # fmt: skip
    clerk = await town.person("COMM", "north1")
    query = f"query ($v: {kinds[argument]}) {{ cases({argument}: $v) {{ totalCount }} }}"
    answer = await clerk.ask(query, {"v": value})
    assert check(answer, answer)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_cursor_of_another_tenant_order_or_list(town: Any, make_town: Any) -> None:
    other = await make_town()
    mine, theirs = await town.person("COMM", "north1"), await other.person("COMM", "north1")
    await other.opened(theirs, "north1")
    cursor = "{ cases { pageInfo { endCursor } } caseEvents { pageInfo { endCursor } } }"
    found = await theirs.data(cursor)
    foreign = found["cases"]["pageInfo"]["endCursor"]
    page = "query ($a: String, $o: CaseOrder) { cases(after: $a, orderBy: $o) { nodes { id } } }"
    assert "errors" not in await theirs.ask(page, {"a": foreign})
    for person, given in (
        (mine, {"a": foreign}),
        (theirs, {"a": foreign, "o": "OLDEST"}),
        (theirs, {"a": found["caseEvents"]["pageInfo"]["endCursor"]}),
    ):
        answer = await person.ask(page, given)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert check(answer, given)


async def test_ids_of_another_tenant_name_nothing(
    town: Any, make_town: Any, holder: Any, admin: Any, quiet: None
) -> None:
    other = await make_town()
    stranger = await other.person("COMM", "north1")
    case = await other.opened(stranger, "north1")
    found = await stranger.data("{ caseCategories(first: 1) { nodes { id } } }")
    ids = [
        case["id"], found["caseCategories"]["nodes"][0]["id"], str(stranger.membership),
        str(other.tenant.regions["north1"].id), str(await other.organisation("住建局")),
    ]  # fmt: skip
    theirs, mine = await digest(admin, other.tenant), None
    for name, field in mutations(town.api).items():
        kind = get_named_type(field.args["input"].type) if "input" in field.args else None
        named = [leaf for leaf in leaves(kind.fields) if leaf.kind.name == "ID"] if kind else []
        if not named:
            continue
        person = await holder(field)
        mine = await digest(admin, town.tenant)
        query = (
            f"mutation ($i: {kind}!) {{ {name}(input: $i) {{ userErrors {{ code message }} }} }}"
        )
        for foreign in ids:
            given = good(kind, {leaf.path[-1]: foreign for leaf in named})
            assert check(await person.ask(query, {"i": given}), (name, foreign))
        assert await digest(admin, town.tenant) == mine, name
    assert mine is not None
    assert await digest(admin, other.tenant) == theirs


async def test_refusals_of_a_step(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    case = await town.opened(clerk, "north1")
    step = {"id": case["id"], "version": case["version"]}

    async def refused(name: str, kind: str, **given: Any) -> str:
        query = (
            f"mutation ($i: {kind}!) {{ {name}(input: $i) {{ userErrors {{ code message }} }} }}"
        )
        answer = await clerk.ask(query, {"i": {**step, **given}})
        assert check(answer, name)
        code: str = answer["data"][name]["userErrors"][0]["code"]
        return code

    assert await refused("submitCase", "SubmitCaseInput") == "ILLEGAL_TRANSITION"
    assert await refused("fileCase", "FileCaseInput", version=99) == "CONFLICT"
    assert (
        await refused("declineCase", "DeclineCaseInput", reason="UNCLEAR", answer=" ")
        == "MISSING_DATA"
    )


@pytest.mark.parametrize("tenant", ["nosuch", "", "\u00e9", "a" * 5000, "../x", "yanping'--"])
async def test_an_unknown_tenant(town: Any, tenant: str) -> None:
    clerk = await town.person("COMM", "north1")
    answer = await town.api.http.post(
        "/graphql",
        json={"query": "{ cases { totalCount } }"},
        headers={"x-tenant": tenant.encode(), "authorization": f"Bearer {clerk.token}"},
    )
    if tenant:
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert check(answer.json(), tenant)
    login = await town.api.http.post(
        "/graphql",
        json={
            "query": "mutation ($i: LoginInput!) { login(input: $i) { accessToken"
            " userErrors { code message } } }",
            "variables": {"i": {"loginName": "somebody", "password": "Wrong-2026-guanjia"}},
        },
        headers={"x-tenant": tenant.encode()},
    )
    assert check(login.json(), tenant)


@pytest.mark.parametrize(
    "body",
    [
        b'{"query": "{ cases { totalCount } }", "variables": {"a": "\\ud800"}}',
        b'{"query": "{ cases { totalCount } }\xff"}',
        b'{"query": "{ case(id: \\"\\\\ud800\\") { id } }"}',
        b'{"query": "{ cases(first: ' + b"9" * 5000 + b') { totalCount } }"}',
        b'{"query": "query ($n: Int) { cases(first: $n) { totalCount } }", "variables": {"n": 1'
        + b"0" * 400
        + b"}}",
        b'{"query": "{ x }", "variables": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
        b'{"query": "{ x }", "variables": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"query": "' + b"{a" * 3000 + b"}" * 3000 + b'"}',
        b'{"query": "{ cases(filter: ' + b"{a:" * 3000 + b"1" + b"}" * 3000 + b') { x } }"}',
        b'{"query": "{ viewer { id } }", "operationName": "Nope"}',
        b'{"query": "subscription { caseChanged { id } }"}',
        b'{"query": "{ viewer { id } }", "extensions": 3}',
        b'[{"query": "{ viewer { id } }"}]', b'{"variables": {}}', b"", b"\x00", b"{", b"null",
    ],
)  # fmt: skip
async def test_a_body_that_is_no_request(town: Any, body: bytes) -> None:
    for person in (await town.person("COMM", "north1"), None):
        headers = {"content-type": "application/json", "x-tenant": town.tenant.slug}
        if person:
            headers["authorization"] = f"Bearer {person.token}"
        answer = await town.api.http.post("/graphql", content=body, headers=headers)
        assert answer.status_code < 500
        assert check(answer.json(), body[:80])
