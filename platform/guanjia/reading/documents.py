"""Documents: parsed and validated once, then known by their text.

A `Prepared` operation turns the variables of a request into values and a shape, and keeps the
plans made for the shapes seen so far. The caches are bounded; a document that cannot be planned is
remembered with its reason.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    type_from_ast,
    validate,
    value_from_ast_untyped,
)

from guanjia.reading.mapping import Node, Nodes
from guanjia.reading.plan import Compiler, Plan
from guanjia.reading.selection import Collector, Variables
from guanjia.reading.values import Decline, coerce

MAX_PLANS = 64

ScopeShapes = Callable[[str, Node], tuple[str, ...]]


class Lru:
    """The `size` entries used last."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[Any, Any] = OrderedDict()

    def get(self, key: Any) -> Any:
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: Any, value: Any) -> None:
        self._entries[key] = value
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)


class Limits(Protocol):
    """What documents may ask for, decided above: both raise GraphQLError."""

    def parse(self, query: str) -> DocumentNode: ...

    def hold_rows(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None: ...


class Prepared:
    """One query operation of a valid document."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDefinitionNode],
        limits: Limits,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._operation = operation
        self._fragments = fragments
        self._plans = Lru(MAX_PLANS)
        self._variables = [
            (
                definition.variable.name.value,
                # A valid document names input types only.
                cast(GraphQLInputType, type_from_ast(schema, definition.type)),
                definition.default_value,
            )
            for definition in operation.variable_definitions or ()
        ]

    def variables(self, given: Any) -> Variables:
        """The request's variables, coerced; anything irregular declines."""
        if given is None:
            given = {}
        if type(given) is not dict:
            raise Decline("variable")
        values: dict[str, Any] = {}
        shapes: dict[str, Any] = {}
        for name, kind, default in self._variables:
            if name in given:
                values[name], shapes[name] = coerce(given[name], kind)
            elif default is not None:
                values[name], shapes[name] = coerce(value_from_ast_untyped(default), kind)
            elif str(kind).endswith("!"):
                raise Decline("variable")
        return Variables(values, shapes)

    def plan(self, nodes: Nodes, variables: Variables, signature: Any, scopes: ScopeShapes) -> Plan:
        """The plan for these shapes, compiled at its first use."""
        key = (tuple(variables.shapes.items()), signature)
        plan: Plan | None = self._plans.get(key)
        if plan is None:
            self._hold(variables)
            collector = Collector(self._schema, self._fragments, variables)
            query = self._schema.query_type
            assert query is not None
            roots = collector.collect(query, self._operation.selection_set)
            plan = Compiler(nodes, scopes).compile(roots.fields)
            self._plans.put(key, plan)
        return plan

    def _hold(self, variables: Variables) -> None:
        try:
            self._limits.hold_rows(self._schema, self._operation, self._fragments, variables.values)
        except GraphQLError:
            raise Decline("rows") from None


class Documents:
    """Every document seen lately, by text and operation name: a Prepared or a reason to decline."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, size: int = 512) -> None:
        self._schema = schema
        self._limits = limits
        self._entries = Lru(size)

    def prepare(self, query: str, operation_name: str | None) -> Prepared:
        key = (query, operation_name)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._analyse(query, operation_name)
            self._entries.put(key, entry)
        if isinstance(entry, Decline):
            raise Decline(entry.reason)
        assert isinstance(entry, Prepared)
        return entry

    def _analyse(self, query: str, operation_name: str | None) -> Prepared | Decline:
        try:
            document = self._limits.parse(query)
        except GraphQLError:
            return Decline("syntax")
        if validate(self._schema, document, max_errors=1):
            return Decline("invalid")
        operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
        if operation_name is not None:
            operations = [d for d in operations if d.name and d.name.value == operation_name]
        if len(operations) != 1:
            return Decline("operation_name")
        if operations[0].operation is not OperationType.QUERY:
            return Decline("not_a_query")
        if operations[0].directives:
            return Decline("directive")
        fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        return Prepared(self._schema, operations[0], fragments, self._limits)
