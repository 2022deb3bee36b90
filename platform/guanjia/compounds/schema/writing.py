"""One use-case as one mutation: input in, the row it names out."""

from collections.abc import Awaitable, Callable
from typing import Any

from strawberry.types import Info

from guanjia.db.scope import Scope
from guanjia.graph.filters import arguments
from guanjia.graph.payloads import mutation

HOLDER_NAME = (
    "(select hp.name_mask from persons hp where hp.tenant_id = {tenant}"
    " and hp.id = {row}.person_id)"
)
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
    """A mutation that is one use-case; its payload shows the row that the use-case names."""

    async def resolve(self: None, info: Info, input: input_type, scope: "Scope") -> payload_type:
        context = info.context
        row = await use_case(
            context.transaction, context.actor, scope, now=context.now, **arguments(input)
        )
        return payload_type(**{field: await context.reader.by_id(node_name, row)})

    return mutation(permission, description)(resolve)
