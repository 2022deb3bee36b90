"""The compiled path against the stock executor: the same bytes, for every role and root query."""

from __future__ import annotations

import dataclasses
from typing import Any
from uuid import uuid4

import orjson
import strawberry
from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLSchema,
    IntValueNode,
    ObjectFieldNode,
    StringValueNode,
    Visitor,
    get_named_type,
    is_leaf_type,
    is_object_type,
    is_required_argument,
    parse,
    print_ast,
    visit,
)
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries
from tests.api.documents import DOCUMENTS
from tests.api.paths import id_argument

from guanjia.context import Context, Request
from guanjia.graph.limits import MAX_FIELDS
from guanjia.reading.mapping import Unplanned
from guanjia.reading.selection import mapping_of
from guanjia.reading.values import Decline
from guanjia.schema import graphql_schema, sdl
from guanjia.tenancy.models import tenant_id


async def both(person: Any, query: str, variables: Any) -> tuple[bytes, Any] | str:
    """(compiled bytes, stock result), or why the compiler declines."""
    world, caller = person.api.world, await person.caller()
    try:
        fast = await world.engine.run(world.database.fetch_json, caller, query, None, variables)
    except Decline as decline:
        return decline.reason
    assert fast is not None
    context = Context(world, Request(person.token, tenant_id(person.slug)))
    async with context.reading():
        slow = await person.api.schema.execute(
            query, variable_values=variables, context_value=context
        )
    return fast, slow


def agreed(query: str, answers: tuple[bytes, Any] | str) -> bool:
    """Whether there was anything to compare; then both answers are the same, without errors."""
    if isinstance(answers, str):
        return False
    fast, slow = answers
    assert not slow.errors, (query, slow.errors)
    assert fast == orjson.dumps(slow.data), query
    return True


async def test_the_compiled_path_gives_the_stock_executors_bytes(people: list[Any]) -> None:
    """Every document is compiled for everyone who has the permissions of its roots."""
    for query, variables in DOCUMENTS:
        answers = [await both(person, query, variables) for person in people]
        assert {answer for answer in answers if isinstance(answer, str)} <= {"forbidden"}, query
        assert sum(agreed(query, answer) for answer in answers), query


UNPLANNED = {
    "whyAllowed", "duplicateCandidates", "findPerson", "personDuplicates", "calendarYears",
    "myHomes", "listDifference", "avoidanceFindings", "propertyCensus", "myButlers",
    "indicatorMetrics", "indicator", "checkIndicator", "board", "explainDispatch", "mySurveys",
    "previewRouting", "myBallots",
    "noticeGateways", "noticeKinds", "noticeSettings", "previewNotice",
}  # fmt: skip
"""The root queries that are left to the stock executor on purpose, each with its reason."""


def parts_of(kind: Any, depth: int) -> list[str]:
    """Everything of a type that says no reason to be left out, down to this depth."""
    parts = []
    for name, field in get_named_type(kind).fields.items():
        if isinstance(mapping_of(field), Unplanned):
            continue
        if is_leaf_type(get_named_type(field.type)):
            parts.append(name)
        elif depth:
            parts.append(f"{name} {{ {' '.join(parts_of(field.type, depth - 1))} __typename }}")
    return parts


def selections_of(kind: Any, depth: int) -> list[str]:
    """The parts, as many in one selection as a document may have fields."""
    if not is_object_type(get_named_type(kind)):
        return [""]
    chosen: list[list[str]] = [[]]
    room = MAX_FIELDS - 1
    for part in parts_of(kind, depth):
        room -= len(part.split())
        if room < 0:
            chosen.append([])
            room = MAX_FIELDS - 1 - len(part.split())
        chosen[-1].append(part)
    return [f"{{ __typename {' '.join(parts)} }}" for parts in chosen]


def without_mapping(schema: GraphQLSchema) -> set[str]:
    """The root queries that neither can be compiled nor say why not."""
    assert schema.query_type is not None
    return {name for name, field in schema.query_type.fields.items() if mapping_of(field) is None}


async def some_id(person: Any, kind: Any) -> str | None:
    """The id of a row of this type that the person can list, if there is a list of them."""
    for name, field in graphql_schema(person.api.schema).query_type.fields.items():
        if str(get_named_type(field.type)) == f"{get_named_type(kind)}Connection":
            answer = await person.ask(f"{{ {name}(first: 1) {{ nodes {{ id }} }} }}")
            nodes_ = (answer["data"] or {name: {"nodes": []}})[name]["nodes"]
            return nodes_[0]["id"] if nodes_ else None
    return None


async def test_every_root_query_is_compiled_or_says_why_not(people: list[Any]) -> None:
    """A new root query is compiled and equal for somebody who sees a row of it, or it is listed."""
    schema = graphql_schema(people[0].api.schema)
    assert without_mapping(schema) == set()
    planned = {}
    for name, field in schema.query_type.fields.items():
        mapped = mapping_of(field)
        if isinstance(mapped, Unplanned):
            assert len(mapped.reason) > 10, name
        else:
            planned[name] = field
    assert schema.query_type.fields.keys() - planned.keys() == UNPLANNED
    for name, field in planned.items():
        seen = False
        for person in people:
            variables, head = None, ""
            argument = id_argument(schema, name)
            if argument is not None:
                variables = {"id": await some_id(person, field.type)}
                head = "($id: ID!)"
                if variables["id"] is None:
                    continue
            call = f"{name}({argument}: $id)" if head else name
            for selection in selections_of(field.type, 2):
                document = f"query {head} {{ {call} {selection} }}"
                answers = await both(person, document, variables)
                assert not isinstance(answers, str) or answers == "forbidden", (name, answers)
                if agreed(document, answers):
                    value = orjson.loads(answers[0])[name]
                    seen = seen or bool(
                        value and (not isinstance(value, dict) or value.get("nodes", 1))
                    )
        assert seen, f"nobody saw a row of {name}"


async def test_a_root_query_without_a_mapping_is_found() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def hidden(self) -> int:
            return 1

    assert without_mapping(graphql_schema(strawberry.Schema(Query))) == {"hidden"}


async def test_what_is_declined_is_counted_with_its_reason(people: list[Any]) -> None:
    security = people[8]
    counted = security.api.world.engine.declined
    before = dict(counted)
    await security.ask(
        'query ($m: ID!, $r: ID!) { whyAllowed(memberId: $m, permission: "case:read",'
        " regionId: $r) { allowed } }",
        {"m": str(security.membership), "r": str(uuid4())},
    )
    new = {reason: count for reason, count in counted.items() if count != before.get(reason)}
    assert list(new) == ["root:whyAllowed: the policy's explanation, no list of rows"]
    before = dict(counted)
    nobody = dataclasses.replace(security, token=None)
    assert (await nobody.data("{ tenant { slug } viewer { id } }")) == {
        "tenant": {"slug": security.slug},
        "viewer": None,
    }
    new = {reason: count for reason, count in counted.items() if count != before.get(reason)}
    assert set(new) == {"anonymous"}


class Regular(Visitor):
    """Makes the arguments of a random document such as a client would send: pages of 1 to 100 in
    one direction, no cursor out of nowhere, ids that could be, searches of a few words."""

    def enter_field(self, field: FieldNode, *_: Any) -> FieldNode:
        given = {argument.name.value: argument for argument in field.arguments or ()}
        for name in ("after", "before", *(("last",) if "first" in given else ())):
            given.pop(name, None)
        return dataclasses.replace(field, arguments=tuple(given.values()))

    def enter_argument(self, argument: ArgumentNode, *_: Any) -> ArgumentNode | None:
        if argument.name.value not in ("first", "last"):
            return None
        size = int(getattr(argument.value, "value", 7)) % 100 + 1
        return dataclasses.replace(argument, value=IntValueNode(value=str(size)))

    def enter_object_field(self, field: ObjectFieldNode, *_: Any) -> ObjectFieldNode | None:
        if field.name.value == "search":
            return dataclasses.replace(field, value=StringValueNode(value="井盖"))
        return None


def random_documents(api: Any) -> list[str]:
    """Documents over the whole schema, made by hypothesis with a fixed seed."""
    found: list[str] = []
    fields = [
        name
        for name, field in graphql_schema(api.schema).query_type.fields.items()
        if not any(is_required_argument(argument) for argument in field.args.values())
    ]

    @hypothesis_settings(
        max_examples=150,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        queries(
            sdl(api.schema),
            fields=fields,
            custom_scalars={
                "DateTime": st.just("2026-03-02T01:00:00+00:00").map(nodes.String),
                "Date": st.just("2026-03-02").map(nodes.String),
            },
        )
    )
    def collect(document: str) -> None:
        found.append(print_ast(visit(parse(document), Regular())))

    collect()
    return found


async def test_random_documents_agree_too(people: list[Any]) -> None:
    compared = 0
    for document in random_documents(people[0].api):
        for person in (people[0], people[2], people[7], people[10]):
            compared += agreed(document, await both(person, document, None))
    assert compared >= 60


async def test_a_cursor_belongs_to_one_tenant_list_and_order(
    people: list[Any], make_town: Any
) -> None:
    query = (
        "query ($a: String, $o: CaseOrder) { cases(first: 2, after: $a, orderBy: $o)"
        " { nodes { id } pageInfo { endCursor } } }"
    )
    mine = await people[0].data(query)
    cursor = mine["cases"]["pageInfo"]["endCursor"]
    following = await people[0].data(query, {"a": cursor})
    assert {n["id"] for n in following["cases"]["nodes"]}.isdisjoint(
        n["id"] for n in mine["cases"]["nodes"]
    )
    stranger = await (await make_town()).person("DCMD")
    assert await stranger.code(query, {"a": cursor}) == "BAD_USER_INPUT"
    assert await people[0].code(query, {"a": cursor, "o": "OLDEST"}) == "BAD_USER_INPUT"
    assert await people[0].code(query, {"a": cursor[:-2] + "zz"}) == "BAD_USER_INPUT"
    assert await people[0].code(query, {"a": "垃圾" * 600}) == "BAD_USER_INPUT"


async def test_a_stale_epoch_yields_nothing(people: list[Any]) -> None:
    world, caller = people[0].api.world, await people[0].caller()
    sql, arguments = world.engine.bind(caller, "{ cases { totalCount } }", None, None)
    assert await world.database.fetch_json(sql, arguments) is not None
    arguments[2] += 1
    assert await world.database.fetch_json(sql, arguments) is None
    arguments[2] -= 1
    arguments[3] = uuid4()
    assert await world.database.fetch_json(sql, arguments) is None


async def test_pages_put_together_are_the_list(people: list[Any]) -> None:
    """Forwards and backwards, for one region, several regions, several levels and one's own."""
    for person in (people[0], people[2], people[6], people[10], people[11]):
        whole = await person.data("{ cases(first: 100) { totalCount nodes { id } } }")
        ids = [node["id"] for node in whole["cases"]["nodes"]]
        assert len(ids) == whole["cases"]["totalCount"] == len(set(ids)) > 0
        for size, cursor, more, end in (
            ("first", "after", "hasNextPage", "endCursor"),
            ("last", "before", "hasPreviousPage", "startCursor"),
        ):
            query = (
                f"query ($c: String) {{ cases({size}: 2, {cursor}: $c)"
                f" {{ nodes {{ id }} pageInfo {{ more: {more} end: {end} }} }} }}"
            )
            found: list[str] = []
            info: dict[str, Any] = {"more": True, "end": None}
            while info["more"]:
                answer = await both(person, query, {"c": info["end"]})
                assert agreed(query, answer)
                page = orjson.loads(answer[0])["cases"]
                info, nodes_ = page["pageInfo"], [node["id"] for node in page["nodes"]]
                found = [*found, *nodes_] if size == "first" else [*nodes_, *found]
            assert found == ids
