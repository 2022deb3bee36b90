"""Who may read a field: `requires(permission)` or `public(reason)`, and nothing else.

The mark stands at the field, appears in the SDL as `@requires` or `@public`, and is enforced by
the frame. `unmarked` finds root fields and object types that carry none: such a schema does not
build.
"""

import inspect
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import strawberry
from graphql import GraphQLSchema
from strawberry.extensions import FieldExtension
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField

from guanjia.reading.mapping import REQUIRES

PUBLIC = "public"


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT],
    name="requires",
    description="读取或执行所需的权限;范围之外的行不可见。",
)
class Requires:
    permission: str


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT],
    name="public",
    description="无需登录即可使用,并说明理由。",
)
class Public:
    reason: str


def _mark(field: StrawberryField, name: str, value: str, directive: object) -> None:
    if name in (field.metadata or {}):
        return  # the field was part of a schema built before
    field.metadata = MappingProxyType({**(field.metadata or {}), name: value})
    field.directives = [*field.directives, directive]


class RequiresExtension(FieldExtension):
    """Yields the actor's scope for the permission to the resolver, or ends the operation.

    A resolver that takes an argument `scope` receives it; the argument is not part of the schema.
    """

    def __init__(self, permission: str) -> None:
        self.permission = permission
        self._wants_scope = False

    def apply(self, field: StrawberryField) -> None:
        _mark(field, REQUIRES, self.permission, Requires(permission=self.permission))
        resolver = field.base_resolver
        if resolver is None:
            return
        names = inspect.signature(resolver._unbound_wrapped_func).parameters
        self._wants_scope = "scope" in names
        field.arguments = [a for a in field.arguments if a.python_name != "scope"]

    async def resolve_async(self, next_: Any, source: Any, info: Any, **kwargs: Any) -> Any:
        scope = await info.context.scope(self.permission)
        if self._wants_scope:
            kwargs["scope"] = scope
        result = next_(source, info, **kwargs)
        return await result if inspect.isawaitable(result) else result


class PublicExtension(FieldExtension):
    def __init__(self, reason: str) -> None:
        self.reason = reason

    def apply(self, field: StrawberryField) -> None:
        _mark(field, PUBLIC, self.reason, Public(reason=self.reason))


def requires(permission: str) -> list[FieldExtension]:
    """The mark of a field that needs a permission (`noun:verb`)."""
    return [RequiresExtension(permission)]


def public(reason: str) -> list[FieldExtension]:
    """The mark of a field that anyone may use; the reason is shown in the SDL."""
    return [PublicExtension(reason)]


class SubscriptionMark(FieldExtension):
    """The mark of a subscription. Its resolver checks the permission at the start and again at
    every event, because both rights and rows change meanwhile."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    def apply(self, field: StrawberryField) -> None:
        _mark(field, REQUIRES, self.permission, Requires(permission=self.permission))


def subscription(permission: str, description: str) -> Callable[[Callable[..., Any]], Any]:
    """A subscription that needs a permission."""
    return lambda resolver: strawberry.subscription(
        resolver=resolver, description=description, extensions=[SubscriptionMark(permission)]
    )


def unmarked(schema: GraphQLSchema) -> list[str]:
    """The root fields, as `Type.field`, that say neither requires nor public."""
    found = []
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        for name, field in root.fields.items() if root else ():
            marks = field.extensions["strawberry-definition"].metadata or {}
            if REQUIRES not in marks and PUBLIC not in marks:
                found.append(f"{root}.{name}")
    return found
