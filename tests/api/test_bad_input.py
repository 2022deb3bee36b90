"""Bad input to everything that takes input, generated from the schema: a code and a Chinese
sentence, never a fault of ours, never the value repeated, and nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
    get_named_type,
    is_leaf_type,
)
from tests.api.answers import SECRET, check
from tests.api.oracle import rows_of

from guanjia import schema as schemas
from guanjia.db.ids import new_id
from guanjia.graph.marks import PUBLIC
from guanjia.reading.mapping import REQUIRES

LONG = "名" * 10_000
WRONG: dict[str, list[Any]] = {
    "ID": [SECRET, "\x00", LONG, {"a": SECRET}, str(new_id())],
    "String": ["空\x00白", LONG, {"a": SECRET}],
    "Int": [0, -1, 10**20, 1.5, SECRET],
    "Boolean": [SECRET],
    "Date": [SECRET, "2026-02-30", 20260101, "\x00"],
    "DateTime": [SECRET, "2026-01-01T00:00:00", "9999-12-31T23:59:59-12:00", "\x00"],
    "Time": [SECRET, "25:00", 900, "\x00"],
    "Money": ["-1.00", "1.001", "9" * 30, 1.5, SECRET],
}
WRONG_SCALAR = [SECRET, "\x00", LONG, {"a": SECRET}]
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
            required = isinstance(kind, GraphQLNonNull) and field.default_value is Undefined
            yield Leaf((*above, name), named, listed, required)


def wrong(leaf: Leaf) -> list[Any]:
    if isinstance(leaf.kind, GraphQLEnumType):
        return [SECRET, 3]
    return WRONG.get(leaf.kind.name, WRONG_SCALAR)


async def digest(admin: Any, tenant: Any) -> dict[str, str | None]:
    """What is in every table of the tenant that is compared."""
    found = await rows_of(admin, tenant.id)
    return {name: rows for name, rows in found.items() if name not in NOT_COMPARED}


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


GOOD = {
    "ID": str(new_id()), "String": "某某", "Int": 1, "Boolean": True, "Money": "1.00",
    "DateTime": "2026-03-02T09:00:00+08:00", "Date": "2026-03-02",
    "Time": "15:00",
}  # fmt: skip


def good(kind: Any, real: dict[str, Any]) -> dict[str, Any]:
    """An input with everything that is required."""
    found: dict[str, Any] = {}
    for leaf in leaves(kind.fields):
        name = leaf.path[-1]
        if leaf.required and len(leaf.path) == 1:
            found = leaf.put(found, real.get(name) or fitting(leaf.kind))
    return found


def fitting(kind: Any) -> Any:
    """A value of a leaf type, or of an input that requires nothing."""
    if isinstance(kind, GraphQLInputObjectType):
        return {}
    return next(iter(getattr(kind, "values", ())), None) or GOOD[kind.name]


def mutations(api: Any) -> dict[str, Any]:
    fields: dict[str, Any] = schemas.graphql_schema(api.schema).mutation_type.fields
    return fields


def queries(api: Any) -> dict[str, Any]:
    fields: dict[str, Any] = schemas.graphql_schema(api.schema).query_type.fields
    return {name: field for name, field in fields.items() if field.args}


def mutation(name: str, kind: Any, times: int = 1) -> str:
    """The mutation as often as wanted in one operation, with the inputs $i0, $i1, …"""
    declared = ", ".join(f"$i{n}: {kind}!" for n in range(times))
    fields = (
        f"f{n}: {name}(input: $i{n}) {{ userErrors {{ code message }} }}" for n in range(times)
    )
    return f"mutation ({declared}) {{ {' '.join(fields)} }}"


async def tried(person: Any, name: str, kind: Any, inputs: list[Any]) -> None:
    """Each input is refused or taken as it should be, all in one operation."""
    if inputs:
        variables = {f"i{n}": given for n, given in enumerate(inputs)}
        check(await person.ask(mutation(name, kind, len(inputs)), variables), (name, inputs))


async def test_no_mutation_takes_a_wrong_value(
    town: Any, holder: Any, real: dict[str, Any], admin: Any
) -> None:
    for name, field in mutations(town.api).items():
        if "input" not in field.args:
            continue
        public = PUBLIC in field.extensions["strawberry-definition"].metadata
        person, kind = await holder(field), get_named_type(field.args["input"].type)
        base, before = good(kind, real), await digest(admin, town.tenant)
        for leaf in leaves(kind.fields):
            # Each try of a password costs a hash, as it should.
            values = wrong(leaf)[: 2 if public else None]
            texts = [v for v in values if isinstance(v, str) and leaf.kind.name in ("ID", "String")]
            await tried(person, name, kind, [leaf.put(base, value) for value in texts])
            for value in values:
                if value not in texts:
                    await tried(person, name, kind, [leaf.put(base, value)])
            if leaf.required and len(leaf.path) == 1:
                less = {key: value for key, value in base.items() if key != leaf.path[0]}
                for given in (less, leaf.put(base, None)):
                    answer = await person.ask(mutation(name, kind), {"i0": given})
                    assert check(answer, (name, leaf.path))
        for given in ({**base, "unknown": SECRET}, SECRET):
            assert check(await person.ask(mutation(name, kind), {"i0": given}), name)
        if not public:
            assert await digest(admin, town.tenant) == before, name


async def test_no_query_takes_a_wrong_value(town: Any, holder: Any, real: dict[str, Any]) -> None:
    for name, field in queries(town.api).items():
        person = await holder(field)
        declared = ", ".join(f"${arg}: {one.type}" for arg, one in field.args.items())
        passed = ", ".join(f"{arg}: ${arg}" for arg in field.args)
        selected = "" if is_leaf_type(get_named_type(field.type)) else "{ __typename }"
        query = f"query ({declared}) {{ {name}({passed}) {selected} }}"
        required = {
            arg: real.get(arg) or fitting(get_named_type(one.type))
            for arg, one in field.args.items()
            if isinstance(one.type, GraphQLNonNull)
        }
        for leaf in leaves(field.args):
            for value in [*wrong(leaf), *(ODD if leaf.kind.name == "String" else ())]:
                answer = await person.ask(query, leaf.put(required, value))
                check(answer, (name, leaf.path, value))


async def test_odd_text_is_kept_or_refused(town: Any, holder: Any, real: dict[str, Any]) -> None:
    for name, field in mutations(town.api).items():
        if "input" not in field.args:
            continue
        person, kind = await holder(field), get_named_type(field.args["input"].type)
        base = good(kind, real)
        public = PUBLIC in field.extensions["strawberry-definition"].metadata
        for leaf in leaves(kind.fields):
            if leaf.kind.name == "String":
                values = ODD[:2] if public else ODD
                await tried(person, name, kind, [leaf.put(base, value) for value in values])


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
