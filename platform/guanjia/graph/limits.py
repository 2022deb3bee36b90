"""What a document may ask for, decided before it is validated or run.

The compiled path and the stock executor parse with the same `parse`, so neither validates what the
other refuses: validation itself is quadratic in fields that merge, and exponential in fragments
that spread each other. `rows` bounds what a valid operation can read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import graphql
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)
from strawberry.extensions import SchemaExtension

from guanjia.graph.errors import LIMIT_EXCEEDED
from guanjia.reading.mapping import Connect, Many
from guanjia.reading.selection import mapping_of
from guanjia.reading.values import DEFAULT_PAGE, PAGE_LIMIT, Decline, bucket

MAX_CHARACTERS = 16_000
MAX_TOKENS = 2_000
MAX_COMMENTS = 200
MAX_DEPTH = 12
MAX_ALIASES = 30
MAX_DIRECTIVES = 50
MAX_FIELDS = 1_000
"""Fields of a document once its fragments are spread out."""
MAX_COMPARISONS = 4_000
"""Pairs of fields with one response key, each of which validation compares."""
MAX_ROWS = 50_000
"""Rows an operation may read when every page it asks for is full and a list has 20 rows."""


# The parser has no class of its own for what exceeds its bounds.
_TOO_LARGE = ("Syntax Error: Document ", "Syntax Error: Source ")


class LimitExceeded(GraphQLError):
    """The document asks for more than anyone may."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": LIMIT_EXCEEDED})


def parse(query: str) -> DocumentNode:
    """The document, small enough to be validated; LimitExceeded or a syntax error."""
    try:
        document = graphql.parse(
            query,
            max_source_length=MAX_CHARACTERS,
            max_lexical_tokens=MAX_TOKENS,
            max_comments=MAX_COMMENTS,
        )
    except GraphQLSyntaxError as error:
        if error.message.startswith(_TOO_LARGE):
            raise LimitExceeded(
                f"查询过大:最多 {MAX_CHARACTERS} 个字符、{MAX_TOKENS} 个记号。"
            ) from None
        raise
    _measure(document)
    return document


@dataclass(slots=True)
class _Place:
    """A response key of the answer: the fields that merge there and what is selected below."""

    fields: int = 0
    below: dict[str, _Place] = field(default_factory=dict)


class _Walk:
    """Spreads out a document's fragments, counting; stops at the first limit that is passed."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._fields = self._aliases = self._directives = self._comparisons = 0

    def definition(self, node: OperationDefinitionNode | FragmentDefinitionNode) -> None:
        self._count_directives(node)
        self._selections(node.selection_set, {}, 0, ())

    def _selections(
        self,
        chosen: SelectionSetNode,
        places: dict[str, _Place],
        depth: int,
        inside: tuple[str, ...],
    ) -> None:
        for node in chosen.selections:
            self._count_directives(node)
            self._fields += 1
            _hold(self._fields, MAX_FIELDS, "查询展开后字段过多:最多 {} 个。")
            if isinstance(node, FieldNode):
                self._field(node, places, depth, inside)
            elif isinstance(node, InlineFragmentNode):
                self._selections(node.selection_set, places, depth, inside)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in inside:
                # A cycle or an unknown fragment is left to validation, which names it.
                fragment = self._fragments.get(node.name.value)
                if fragment is not None:
                    name = fragment.name.value
                    self._selections(fragment.selection_set, places, depth, (*inside, name))

    def _field(
        self, node: FieldNode, places: dict[str, _Place], depth: int, inside: tuple[str, ...]
    ) -> None:
        self._aliases += node.alias is not None
        _hold(self._aliases, MAX_ALIASES, "查询中的别名过多:最多 {} 个。")
        place = places.setdefault((node.alias or node.name).value, _Place())
        self._comparisons += place.fields
        place.fields += 1
        _hold(self._comparisons, MAX_COMPARISONS, "查询中重复的字段过多。")
        if node.selection_set is None:
            return
        # Introspection is deep by nature and bounded by its own size.
        deeper = depth if node.name.value.startswith("__") or depth < 0 else depth + 1
        _hold(deeper, MAX_DEPTH, "查询嵌套过深:最多 {} 层。")
        below = -1 if node.name.value.startswith("__") else deeper
        self._selections(node.selection_set, place.below, below, inside)

    def _count_directives(self, node: Any) -> None:
        self._directives += len(node.directives or ())
        _hold(self._directives, MAX_DIRECTIVES, "查询中的指令过多:最多 {} 个。")


def _hold(count: int, most: int, sentence: str) -> None:
    if count > most:
        raise LimitExceeded(sentence.format(most))


def _measure(document: DocumentNode) -> None:
    walk = _Walk(fragments_of(document))
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            walk.definition(definition)


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """The fragments of a document by name."""
    return {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }


def hold_rows(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
) -> None:
    """LimitExceeded when the operation of a valid document could read more than MAX_ROWS rows.
    Page sizes count as the bucket they are planned with, so that one plan is one decision."""
    root = schema.get_root_type(operation.operation)
    assert root is not None
    defaults = {
        node.variable.name.value: node.default_value
        for node in operation.variable_definitions or ()
    }
    rows = _Rows(fragments, {**defaults, **variables}).below(root, operation.selection_set, 1)
    _hold(rows, MAX_ROWS, "查询可能读取的行数过多:各层分页大小相乘,最多 {} 行。")


class _Rows:
    def __init__(
        self, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, Any]
    ) -> None:
        self._fragments = fragments
        self._variables = variables

    def below(self, parent: GraphQLObjectType, chosen: SelectionSetNode, times: int) -> int:
        """Rows read below `times` objects of the parent type."""
        total = 0
        for node in self._fields(chosen):
            definition = parent.fields.get(node.name.value)
            target = get_named_type(definition.type) if definition else None
            if node.selection_set is None or not isinstance(target, GraphQLObjectType):
                continue
            assert definition is not None
            count = times * self._size(definition, node)
            if mapping_of(definition) is not None:
                total += count
            total += self.below(target, node.selection_set, count)
        return total

    def _fields(self, chosen: SelectionSetNode) -> Iterator[FieldNode]:
        for node in chosen.selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._fields(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                yield from self._fields(self._fragments[node.name.value].selection_set)

    def _size(self, definition: GraphQLField, node: FieldNode) -> int:
        """How many objects one object has at this field."""
        mapping = mapping_of(definition)
        if isinstance(mapping, Many):
            # Its rows have one parent each, so that few parents have many: grants, sub-regions.
            return min(mapping.limit, DEFAULT_PAGE)
        if isinstance(mapping, Connect):
            given = {argument.name.value: argument.value for argument in node.arguments or ()}
            return self._page(given.get("last") or given.get("first"))
        return 1

    def _page(self, given: Any) -> int:
        if isinstance(given, VariableNode):
            given = self._variables.get(given.name.value)
        if isinstance(given, IntValueNode):
            given = int(given.value)
        if type(given) is not int:
            return DEFAULT_PAGE
        try:
            return bucket(max(given, 1))
        except Decline:
            return PAGE_LIMIT  # a larger page is refused for its own reason


class Limits(SchemaExtension):
    """The same limits on the stock executor."""

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        if context.query:
            parsed = getattr(context.context, "document", None)
            context.graphql_document = parsed or parse(context.query)
        yield

    def on_execute(self) -> Iterator[None]:
        context = self.execution_context
        document = context.graphql_document
        assert document is not None
        operation = graphql.get_operation_ast(document, context.operation_name)
        if operation is not None:
            hold_rows(
                context.schema._schema, operation, fragments_of(document), context.variables or {}
            )
        yield
