"""Errors as the outside sees them: a stable code and a sentence, never SQL or a trace."""

import logging
from typing import Any

from graphql import GraphQLError
from strawberry.extensions.mask_errors import MaskErrors

from guanjia.graph.errors import BAD_USER_INPUT, INTERNAL, Denied, Refusal
from guanjia.reading.rows import BadPage

logger = logging.getLogger("guanjia.errors")
INTERNAL_MESSAGE = "服务内部错误,请稍后再试;问题已记录。"


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
    if isinstance(cause, Denied | Refusal):
        return _as(error, cause.message, cause.code)
    if isinstance(cause, BadPage):
        return _as(error, cause.message, BAD_USER_INPUT, argument=cause.argument)
    if cause is None or isinstance(cause, GraphQLError) or _is_input_error(error):
        return _as(error, error.message, BAD_USER_INPUT)
    logger.error("unforeseen error at %s", error.path, exc_info=cause)
    return _as(error, INTERNAL_MESSAGE, INTERNAL)


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
