"""Errors as the outside sees them: a stable code and a sentence, never SQL or a trace."""

from dataclasses import dataclass, field
from typing import Any

from asyncpg import QueryCanceledError
from graphql import GraphQLError
from strawberry.extensions.mask_errors import MaskErrors

from guanjia.graph.errors import BAD_USER_INPUT, INTERNAL, LIMIT_EXCEEDED, Denied, Refusal
from guanjia.graph.journal import log_fault
from guanjia.reading.rows import BadPage

INTERNAL_MESSAGE = "服务内部错误,请稍后再试;问题已记录。"
TOO_SLOW = "操作耗时过长,已中止。请缩小范围,或以同一 idempotencyKey 重试。"
NOT_THE_CONTRACT = "请求不符合接口约定:"


class CodedErrors(MaskErrors):
    """Every error carries `extensions.code`; what we did not foresee is INTERNAL and logged."""

    def __init__(self, **_: Any) -> None:
        super().__init__()

    def _process_errors(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        return [coded(error) for error in errors]


def coded(error: GraphQLError) -> GraphQLError:
    """The same error with its code; the text of unforeseen ones is replaced."""
    if error.extensions and "code" in error.extensions:
        return error
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if isinstance(cause, BadPage):
        return _as(error, cause.message, BAD_USER_INPUT, argument=cause.argument)
    if cause is None or isinstance(cause, GraphQLError) or _is_input_error(error):
        return _as(error, NOT_THE_CONTRACT + error.message, BAD_USER_INPUT)
    shown = outcome(cause, error.path)
    return _as(error, shown.message, shown.code, **shown.more)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the outside is told of a fault."""

    code: str
    message: str
    more: dict[str, str] = field(default_factory=dict)


def outcome(fault: BaseException, where: object = None) -> Shown:
    """The code and sentence of what went wrong; what we did not foresee is logged under the
    request's id, which is all that is told of it."""
    if isinstance(fault, Denied | Refusal):
        return Shown(fault.code, fault.message)
    if isinstance(fault, TimeoutError | QueryCanceledError):
        return Shown(LIMIT_EXCEEDED, TOO_SLOW)
    known = log_fault(fault, where)
    return Shown(INTERNAL, INTERNAL_MESSAGE, {"requestId": known} if known else {})


def code_of(error: GraphQLError) -> str:
    """The code of an error that went through `coded`."""
    return str((error.extensions or {}).get("code", INTERNAL))


def _is_input_error(error: GraphQLError) -> bool:
    """Coercion of variables and literals fails before any field runs, so there is no path."""
    return error.path is None and isinstance(error.original_error, ValueError | TypeError)


def _as(error: GraphQLError, message: str, code: str, **more: Any) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={"code": code, **more},
    )
