"""One operation, from its document to its result: a snapshot for a query, a transaction for a
mutation. An operation that lost against another one is run again before anybody hears of it; one
that met a fault leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from graphql import GraphQLError, OperationType, get_operation_ast
from strawberry.schema.base import BaseSchema
from strawberry.types.execution import ExecutionResult, PreExecutionError

from guanjia.context import Context
from guanjia.db.faults import Fault, fault
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, INTERNAL, UNAVAILABLE, Denied
from guanjia.graph.limits import parse
from guanjia.graph.masking import code_of, coded
from guanjia.graph.transport import Asked

NO_OPERATION = "文档中没有这个操作,或有多个操作而没有给出 operationName。"
OVER_WEBSOCKET = "订阅须经 WebSocket(graphql-transport-ws)。"
PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Seconds before an operation is run again, at most; the true pause is a random part of it, so
that two that met do not meet again."""
_LOST = (Fault.RACE, Fault.DUPLICATE)
FAULTS = frozenset({INTERNAL, UNAVAILABLE, CONFLICT})


class Broken(Exception):
    """A field met a fault, so that nothing of the mutation may stay."""

    def __init__(self, error: GraphQLError) -> None:
        super().__init__(error.message)
        self.error = error


async def run(schema: BaseSchema, asked: Asked, open_context: Callable[[], Context]) -> Any:
    """The result of a query or mutation; its errors all carry a code. Each attempt has a context
    of its own."""
    try:
        document = parse(asked.query)
    except GraphQLError as error:
        return PreExecutionError(data=None, errors=[coded(error)])
    chosen = get_operation_ast(document, asked.name)
    if chosen is None:
        return _failed(Denied(BAD_USER_INPUT, NO_OPERATION))
    if chosen.operation is OperationType.SUBSCRIPTION:
        return _failed(Denied(BAD_USER_INPUT, OVER_WEBSOCKET))
    writes = chosen.operation is OperationType.MUTATION
    for pause in (*PAUSES, None):
        context = open_context()
        context.document = document
        try:
            return await _once(schema, asked, context, writes)
        except Exception as error:
            again = _may_run_again(fault(_cause(error)), writes)
            if pause is None or not again or context.apart:
                return _failed(error)
        await asyncio.sleep(pause * random.random())  # noqa: S311  # not a secret
    raise AssertionError("the last attempt returns")


async def _once(schema: BaseSchema, asked: Asked, context: Context, writes: bool) -> Any:
    async with context.writing() if writes else context.reading():
        result = await schema.execute(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.name,
        )
        broken = _broken(result)
        if broken is not None and (writes or fault(_cause(broken)) is not None):
            raise broken
    await context.record_denials()
    return result


def _broken(result: ExecutionResult) -> Broken | None:
    for error in result.errors or ():
        if code_of(error) in FAULTS:
            return Broken(error)
    return None


def _cause(error: Exception) -> BaseException | None:
    return error.error.original_error if isinstance(error, Broken) else error


def _may_run_again(found: Fault | None, writes: bool) -> bool:
    """A commit whose answer was lost may have taken effect, so a mutation is not sent again for
    the client; reading twice is harmless."""
    return found in _LOST if writes else found in (*_LOST, Fault.UNAVAILABLE)


def _failed(error: Exception) -> ExecutionResult:
    if isinstance(error, Broken):
        return ExecutionResult(data=None, errors=[error.error])
    return PreExecutionError(data=None, errors=[coded(GraphQLError("", original_error=error))])
