"""What can go wrong in an operation, as two exceptions and a closed list of codes.

A `Refusal` is an answer to a person who asked for something the rules do not allow: it becomes a
`userErrors` entry of the payload and the mutation leaves nothing behind.
A `Denied` ends the operation: it becomes a top-level error with `extensions.code`.
Everything else is a fault of ours and is shown as INTERNAL without any detail.
"""

from __future__ import annotations

UNAUTHENTICATED = "UNAUTHENTICATED"
FORBIDDEN = "FORBIDDEN"
NOT_FOUND = "NOT_FOUND"
BAD_USER_INPUT = "BAD_USER_INPUT"
CONFLICT = "CONFLICT"
LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
PASSWORD_CHANGE_REQUIRED = "PASSWORD_CHANGE_REQUIRED"  # noqa: S105  # a code
"""Forbidden for now, and the person can end it: a client shows the form for a new password."""
UNAVAILABLE = "UNAVAILABLE"
"""The database is away or overloaded: the same request may be sent again."""
INTERNAL = "INTERNAL"

DENIALS = frozenset(
    {UNAUTHENTICATED, FORBIDDEN, PASSWORD_CHANGE_REQUIRED, LIMIT_EXCEEDED, BAD_USER_INPUT}
)


class Refusal(Exception):
    """A business error: a stable code, a Chinese sentence and the input field it is about."""

    def __init__(self, code: str, message: str, field: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


class Denied(Exception):
    """The operation may not run at all: a code of DENIALS and a Chinese sentence."""

    def __init__(self, code: str, message: str, permission: str | None = None) -> None:
        if code not in DENIALS:
            raise ValueError(f"{code} is not a denial code")
        super().__init__(message)
        self.code = code
        self.message = message
        self.permission = permission


def unauthenticated(message: str = "请先登录。") -> Denied:
    return Denied(UNAUTHENTICATED, message)


def forbidden(permission: str | None = None, message: str = "您没有执行此操作的权限。") -> Denied:
    return Denied(FORBIDDEN, message, permission)


def password_change_required(permission: str | None = None) -> Denied:
    return Denied(
        PASSWORD_CHANGE_REQUIRED, "密码须先修改(首次登录或已到期),之后才能继续。", permission
    )


def not_found(noun: str, *field: str) -> Refusal:
    """One sentence whether the row is absent, foreign or out of reach: existence is private."""
    return Refusal(NOT_FOUND, f"找不到该{noun},或不在您的管辖范围内。", field)
