"""Mutations: one input, one payload with `userErrors`, one savepoint.

A mutation's resolver returns its payload. A `Refusal` rolls back everything the field did and is
answered in `userErrors`; a `Denied` rolls back and ends the operation.
"""

import asyncio
import inspect
from collections.abc import Callable
from contextvars import Context
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from guanjia.graph.errors import Refusal
from guanjia.graph.marks import public, requires


@strawberry.type(description="业务错误:稳定的代码、中文说明、相关的输入字段")
class UserError:
    code: str = strawberry.field(
        description="供程序判断。各处通用的:NOT_FOUND 不存在或不在您的范围,CONFLICT 已被他人更新或"
        "已经办过(重新读取后再试),BAD_USER_INPUT 填写有误,"
        "ILLEGAL_TRANSITION 当前状态不能这样办,IDEMPOTENCY_KEY_REUSED 幂等键已用于别的内容"
    )
    message: str = strawberry.field(description="给人看的一句话")
    field: list[str] | None = strawberry.field(
        default=None, description="相关的输入字段;与某个字段无关时为空"
    )


def payload(cls: type) -> Any:
    """The class becomes a payload type: every field nullable, and `userErrors`."""
    cls.__annotations__ = {**cls.__annotations__, "user_errors": list[UserError]}
    added = {"user_errors": strawberry.field(default_factory=list, description="为空表示已完成")}
    for name in cls.__annotations__:
        if name in added or not hasattr(cls, name):
            setattr(cls, name, added.get(name))
    return strawberry.type(cls, description=inspect.cleandoc(cls.__doc__ or "") or None)


class SavepointExtension(FieldExtension):
    """What a refused field wrote is gone; fields before and after it stand."""

    def __init__(self) -> None:
        self._payload: Any = None

    def apply(self, field: StrawberryField) -> None:
        assert field.base_resolver is not None
        self._payload = field.base_resolver.wrapped_func.__annotations__["return"]

    async def resolve_async(self, next_: Any, source: Any, info: Any, **kwargs: Any) -> Any:
        try:
            async with info.context.savepoint():
                result = next_(source, info, **kwargs)
                return await result if inspect.isawaitable(result) else result
        except Refusal as refusal:
            return self._refused(refusal)

    def _refused(self, refusal: Refusal) -> Any:
        error = UserError(
            code=refusal.code, message=refusal.message, field=list(refusal.field) or None
        )
        return self._payload(user_errors=[error])


class ApartExtension(SavepointExtension):
    """The resolver opens transactions of its own, apart from the operation's: what it must keep
    when it refuses (a counted failure, an ended session) stays.

    Somebody whose password is due may use it only where it says so."""

    def __init__(self, while_password_due: bool, counted: bool) -> None:
        super().__init__()
        self._while_password_due = while_password_due
        self._counted = counted

    async def resolve_async(self, next_: Any, source: Any, info: Any, **kwargs: Any) -> Any:
        info.context.apart = True

        async def run() -> Any:
            if self._counted:
                info.context.admit()
            result = next_(source, info, **kwargs)
            return await result if inspect.isawaitable(result) else result

        if not self._while_password_due:
            info.context.refuse_while_password_due()
        try:
            # An empty context knows no open transaction.
            return await asyncio.create_task(run(), context=Context())
        except Refusal as refusal:
            return self._refused(refusal)


def mutation(permission: str, description: str) -> Callable[[Callable[..., Any]], Any]:
    """A mutation that needs a permission; its resolver may take the `scope` it yields."""
    return lambda resolver: strawberry.mutation(
        resolver=resolver,
        description=description,
        extensions=[*requires(permission), SavepointExtension()],
    )


def public_mutation(
    reason: str, description: str, *, while_password_due: bool = False, counted: bool = False
) -> Callable[[Callable[..., Any]], Any]:
    """A mutation that anyone may use; a counted one only so often from one address."""
    return lambda resolver: strawberry.mutation(
        resolver=resolver,
        description=description,
        extensions=[*public(reason), ApartExtension(while_password_due, counted)],
    )
