"""What an operation selects, merged and flattened: aliases, fragments, @skip and @include.

A `Selected` is one response key of one object with its mapping, its arguments and what is selected
below it. Argument values keep where they come from (a literal or a place in a variable), so that a
plan made for one request binds the values of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    ObjectValueNode,
    SelectionSetNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_named_type,
    value_from_ast_untyped,
)

from guanjia.reading.mapping import METADATA, REQUIRES
from guanjia.reading.values import Decline, coerce

Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Given:
    """An argument's value: a constant, a place in a variable, or an object of such."""

    shape: Any
    value: Any = None
    variable: str | None = None
    parts: Mapping[str, Given] | None = None

    def reader(self, path: tuple[str, ...]) -> Reader:
        if self.variable is not None:
            name = self.variable
            if not path:
                return lambda run: run.variables[name]
            return lambda run: _walk(run.variables[name], path)
        if self.parts is not None:
            return self.parts[path[0]].reader(path[1:])
        constant = _walk(self.value, path)
        return lambda run: constant


@dataclass(frozen=True, slots=True)
class Selection:
    fields: tuple[Selected, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    key: str
    name: str
    typename: str
    mapping: Any
    arguments: Mapping[str, Given]
    children: Selection
    definition: GraphQLField | None = field(default=None)

    @property
    def identity(self) -> int:
        return id(self)

    def has(self, argument: str) -> bool:
        given = self.arguments.get(argument)
        return given is not None and given.shape != "null"

    def is_variable(self, argument: str) -> bool:
        given = self.arguments.get(argument)
        return given is not None and given.variable is not None

    def shape(self, argument: str) -> Any:
        given = self.arguments.get(argument)
        return given.shape if given is not None else "null"

    def value(self, argument: str) -> Any:
        """The value where the plan was made: only for arguments whose value is in their shape."""
        given = self.arguments.get(argument)
        return given.value if given is not None else None

    def reader(self, path: tuple[str, ...]) -> Reader:
        return self.arguments[path[0]].reader(path[1:])


class Variables:
    """The variables of one request: values for the run, shapes for the plan's key."""

    __slots__ = ("shapes", "values")

    def __init__(self, values: dict[str, Any], shapes: dict[str, Any]) -> None:
        self.values = values
        self.shapes = shapes


class Collector:
    """Collects the fields of one operation over the schema, for one set of variable shapes."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Variables,
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables

    def collect(self, parent: GraphQLObjectType, *sets: SelectionSetNode) -> Selection:
        grouped: dict[str, list[FieldNode]] = {}
        for selection_set in sets:
            for node in self._flatten(parent, selection_set, set()):
                key = node.alias.value if node.alias else node.name.value
                grouped.setdefault(key, []).append(node)
        return Selection(tuple(self._select(parent, key, found) for key, found in grouped.items()))

    def _flatten(
        self, parent: GraphQLObjectType, selection_set: SelectionSetNode, seen: set[str]
    ) -> Iterator[FieldNode]:
        for node in selection_set.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                if condition is None or condition.name.value == parent.name:
                    yield from self._flatten(parent, node.selection_set, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                fragment = self._fragments[node.name.value]
                if fragment.type_condition.name.value == parent.name:
                    yield from self._flatten(parent, fragment.selection_set, seen)

    def _included(self, node: Any) -> bool:
        for directive in node.directives or ():
            name = directive.name.value
            if name not in ("skip", "include"):
                raise Decline("directive")
            value = directive.arguments[0].value
            if isinstance(value, VariableNode):
                decision = self._variables.values.get(value.name.value)
            else:
                decision = value_from_ast_untyped(value)
            if type(decision) is not bool:
                raise Decline("directive")
            if decision is (name == "skip"):
                return False
        return True

    def _select(self, parent: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Selected:
        first = nodes[0]
        name = first.name.value
        if name == "__typename":
            return Selected(key, name, parent.name, None, {}, Selection())
        if name.startswith("__"):
            raise Decline("introspection")
        definition = parent.fields[name]
        target = get_named_type(definition.type)
        children = Selection()
        if isinstance(target, GraphQLObjectType):
            children = self.collect(target, *(n.selection_set for n in nodes if n.selection_set))
        arguments = {
            argument: given
            for argument, given in self._arguments(definition, first)
            if given is not None
        }
        return Selected(
            key, name, parent.name, mapping_of(definition), arguments, children, definition
        )

    def _arguments(
        self, definition: GraphQLField, node: FieldNode
    ) -> Iterator[tuple[str, Given | None]]:
        written = {argument.name.value: argument.value for argument in node.arguments or ()}
        for name, argument in definition.args.items():
            if name in written:
                given = self._given(written[name], argument.type)
                if given is not None:
                    yield name, given
                    continue
            if argument.default_value is not Undefined and argument.default_value is not None:
                value, shape = coerce(argument.default_value, argument.type)
                yield name, Given(shape, value)

    def _given(self, node: ValueNode, kind: GraphQLInputType) -> Given | None:
        """None where the value is a variable that was not provided."""
        if isinstance(node, VariableNode):
            name = node.name.value
            if name not in self._variables.shapes:
                return None
            shape = self._variables.shapes[name]
            return Given(shape, self._variables.values[name], variable=name)
        nullable = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if isinstance(node, ObjectValueNode) and isinstance(nullable, GraphQLInputObjectType):
            return self._object(node, nullable)
        if _mentions_variable(node):
            raise Decline("list_variable")
        value, shape = coerce(value_from_ast_untyped(node), kind)
        return Given(shape, value)

    def _object(self, node: ObjectValueNode, kind: GraphQLInputObjectType) -> Given:
        parts: dict[str, Given] = {}
        for part in node.fields:
            given = self._given(part.value, kind.fields[part.name.value].type)
            if given is not None:
                parts[part.name.value] = given
        shape = tuple(sorted((name, given.shape) for name, given in parts.items()))
        return Given(shape, parts=parts)


def mapping_of(definition: GraphQLField) -> Any:
    """The mapping on the Strawberry field behind a GraphQL field, or None."""
    return _metadata(definition).get(METADATA)


def permission_of(definition: GraphQLField | None) -> str | None:
    """The permission that a field declares, or None for a public one."""
    return _metadata(definition).get(REQUIRES) if definition is not None else None


def _metadata(definition: GraphQLField) -> Mapping[str, Any]:
    strawberry_field = definition.extensions.get("strawberry-definition")
    return getattr(strawberry_field, "metadata", None) or {}


def project(value: Any, selection: Selection) -> Any:
    """A Python object cut to what is selected of it, as plain JSON values."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, list | tuple):
        return [project(item, selection) for item in value]
    if value is None or not selection.fields:
        return value
    return {
        chosen.key: chosen.typename
        if chosen.name == "__typename"
        else project(getattr(value, _attribute(chosen)), chosen.children)
        for chosen in selection.fields
    }


def _attribute(chosen: Selected) -> str:
    assert chosen.definition is not None
    name: str = chosen.definition.extensions["strawberry-definition"].python_name
    return name


def _mentions_variable(node: Any) -> bool:
    if isinstance(node, VariableNode):
        return True
    children = getattr(node, "values", None) or [
        part.value for part in getattr(node, "fields", None) or ()
    ]
    return any(_mentions_variable(child) for child in children)


def _walk(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value[name]
    return value
