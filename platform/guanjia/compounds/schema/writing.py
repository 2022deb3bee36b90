"""One use-case as one mutation: input in, the row it names out."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from strawberry.types import Info

from guanjia.audit.replay import keyed
from guanjia.db.scope import Scope
from guanjia.graph.filters import arguments
from guanjia.graph.payloads import mutation
from guanjia.reading.mapping import elsewhere

HOLDER_NAME = elsewhere("persons", "name_mask", "person_id")
"""Who holds a post is public where they hold it, with the name masked."""


def writes(
    use_case: Callable[..., Awaitable[Any]],
    input_type: Any,
    payload_type: Any,
    field: str,
    node_name: str,
    permission: str,
    description: str,
) -> Any:
    """A mutation that is one use-case; its payload shows the row that the use-case names. Sent
    again with the same `idempotencyKey`, where the input has one, it shows that row again."""

    async def resolve(self: None, info: Info, input: input_type, scope: "Scope") -> payload_type:
        context = info.context
        given = arguments(input)
        keyed_once = given.pop("idempotency_key", None) is not None

        async def effect() -> UUID:
            row: UUID = await use_case(
                context.transaction, context.actor, scope, now=context.now, **given
            )
            return row

        if keyed_once:
            member, name = context.actor.membership_id, use_case.__name__
            row = await keyed(context.transaction, member, name, input, effect)
        else:
            row = await effect()
        return payload_type(**{field: await context.reader.by_id(node_name, row)})

    return mutation(permission, description)(resolve)
