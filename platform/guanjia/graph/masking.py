"""Errors as the outside sees them: a stable code and a sentence, never SQL or a trace."""

import logging
import re
from dataclasses import dataclass, field
from typing import Any

from asyncpg import QueryCanceledError
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.extensions.mask_errors import MaskErrors

from guanjia.db.faults import Fault, fault
from guanjia.graph.errors import (
    BAD_USER_INPUT,
    CONFLICT,
    INTERNAL,
    LIMIT_EXCEEDED,
    UNAVAILABLE,
    Denied,
    Refusal,
)
from guanjia.graph.journal import log_fault
from guanjia.reading.rows import BadPage

logger = logging.getLogger("guanjia.errors")
INTERNAL_MESSAGE = "服务内部错误,请稍后再试;问题已记录。"
TOO_SLOW = "操作耗时过长,已中止。请缩小范围,或以同一 idempotencyKey 重试。"
FAULTS = {
    Fault.RACE: (CONFLICT, "同一时间有其他操作改动了相同的数据,本次未生效,请重试。"),
    Fault.UNAVAILABLE: (UNAVAILABLE, "服务暂时不可用,请稍后重试;带幂等键的请求可以放心重发。"),
    Fault.VALUE: (BAD_USER_INPUT, "输入的内容含有不能保存的字符,或数值超出范围。"),
}
LONGEST_DETAIL = 300
_OUR_SENTENCE = re.compile(r"encountered error '([^']*[\u4e00-\u9fff][^']*)'")
# The library repeats what was sent, which may be anybody's identity number.
_SENT = re.compile(r"(; found:|, found:| value:|, but encountered error).*", re.DOTALL)
_SENT_NAME = re.compile(r"Value '.*' does not exist", re.DOTALL)
_VARIABLE = re.compile(r"Variable '(\$\w+)' has invalid value(?: at \.?([\w.\[\]]+))?")


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
    if cause is None or isinstance(cause, GraphQLError) or _is_input_error(error, cause):
        return _as(error, sentence(error), BAD_USER_INPUT, detail=detail(error))
    shown = outcome(cause, error.path)
    return _as(error, shown.message, shown.code, **shown.more)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the outside is told of a fault."""

    code: str
    message: str
    more: dict[str, str] = field(default_factory=dict)


def outcome(error: BaseException, where: object = None) -> Shown:
    """The code and sentence of what went wrong; what we did not foresee is logged under the
    request's id, which is all that is told of it."""
    if isinstance(error, Denied | Refusal):
        return Shown(error.code, error.message)
    if isinstance(error, TimeoutError | QueryCanceledError):
        return Shown(LIMIT_EXCEEDED, TOO_SLOW)
    found = fault(error)
    if found in FAULTS:
        logger.warning("%s at %s: %s", found.value, where, type(error).__name__)
        return Shown(*FAULTS[found])
    known = log_fault(error, where)
    return Shown(INTERNAL, INTERNAL_MESSAGE, {"requestId": known} if known else {})


def code_of(error: GraphQLError) -> str:
    """The code of an error that went through `coded`."""
    return str((error.extensions or {}).get("code", INTERNAL))


def _is_input_error(error: GraphQLError, cause: BaseException) -> bool:
    """Coercion of variables and literals fails before any field runs: at a place in the document,
    but without a path."""
    of_coercion = isinstance(cause, ValueError | TypeError | OverflowError)
    return error.path is None and bool(error.nodes) and of_coercion


def sentence(error: GraphQLError) -> str:
    """What is wrong with a document or its variables, in Chinese and without repeating values."""
    said = _OUR_SENTENCE.search(error.message)
    if said:
        return said.group(1)
    where = "".join(f"(第{at.line}行第{at.column}列)" for at in (error.locations or ())[:1])
    if isinstance(error, GraphQLSyntaxError):
        return f"查询语句有语法错误{where}。"
    variable = _VARIABLE.match(error.message)
    if variable:
        inside = f"中的 {variable.group(2)} " if variable.group(2) else ""
        return f"变量 {variable.group(1)} {inside}不符合接口约定的类型。"
    return f"请求不符合接口约定{where}。"


def detail(error: GraphQLError) -> str:
    """The library's own words for a developer, cut before the values that were sent."""
    return _SENT_NAME.sub("Value does not exist", _SENT.sub("", error.message))[:LONGEST_DETAIL]


def _as(error: GraphQLError, message: str, code: str, **more: Any) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        original_error=error.original_error,
        extensions={"code": code, **more},
    )
