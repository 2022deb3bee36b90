"""The file that describes a tenant: `tenants/<slug>.toml`."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from guanjia.tenancy.models import OPERATOR


class BadTenantFile(Exception):
    """The file cannot be used; each fault names its place."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("含有不可见字符")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"未知的时区 {name[:40]!r}") from None
    return name


def _not_the_operator(slug: str) -> str:
    if slug == OPERATOR:
        raise ValueError(f"{OPERATOR} 是平台自用的名称")
    return slug


Time = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
ShortName = Annotated[str, Field(min_length=1, max_length=30), AfterValidator(_printable)]
LongName = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_printable)]


class Administrator(_Part):
    """A first account. Its one-time password is made and shown at onboarding."""

    login: str = Field(pattern=r"^[a-z][a-z0-9._-]{2,31}$")
    name: ShortName
    role: Literal["SYS", "SEC", "AUD"]


class Department(_Part):
    name: LongName


class OfficeHours(_Part):
    """Pairs of local times, for example 08:00–12:00 and 14:30–17:30."""

    morning: tuple[Time, Time] = ("08:00", "12:00")
    afternoon: tuple[Time, Time] = ("14:30", "17:30")

    @model_validator(mode="after")
    def _in_order(self) -> OfficeHours:
        moments = [*self.morning, *self.afternoon]
        if any(earlier >= later for earlier, later in pairwise(moments)):
            raise ValueError("上下班时间须依次递增")
        return self


class OidcIssuer(_Part):
    """An issuer whose tokens are accepted, with its public keys."""

    issuer: str
    audience: str
    jwks: dict[str, Any]


class TenantFile(_Part):
    slug: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$"), AfterValidator(_not_the_operator)
    ]
    code: str = Field(pattern=r"^[0-9]{6}$")
    name: ShortName
    regions: str
    timezone: Annotated[str, AfterValidator(_zone)] = "Asia/Shanghai"
    demo: bool = False
    office_hours: OfficeHours = OfficeHours()
    oidc: tuple[OidcIssuer, ...] = ()
    administrators: tuple[Administrator, ...] = ()
    departments: tuple[Department, ...] = ()

    @model_validator(mode="after")
    def _no_doubles(self) -> TenantFile:
        for what, names in (
            ("账号", [person.login for person in self.administrators]),
            ("部门", [department.name for department in self.departments]),
        ):
            if doubled := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{what}重复:{'、'.join(doubled)}")
        return self

    def settings(self) -> dict[str, Any]:
        """What of the file is kept in the tenant's row."""
        return self.model_dump(mode="json", include={"office_hours", "oidc"})


def load(path: Path) -> tuple[TenantFile, str]:
    """The description and the text of its region tree; BadTenantFile in Chinese otherwise."""
    try:
        described = TenantFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        return described, (path.parent / described.regions).read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise BadTenantFile([f"找不到文件 {error.filename}"]) from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"第 {line[1]} 行" if line else "末尾"
        raise BadTenantFile([f"{path.name} {where}:不是有效的 TOML"]) from None
    except UnicodeDecodeError:
        raise BadTenantFile([f"{path.name} 或其区划文件不是 UTF-8 编码"]) from None
    except ValidationError as error:
        raise BadTenantFile([f"{path.name} {_said(fault)}" for fault in error.errors()]) from None


_KINDS = {
    "extra_forbidden": "未知的项",
    "missing": "缺少此项",
    "string_too_short": "不能为空",
    "string_too_long": "过长",
}


def _said(fault: Any) -> str:
    """A fault of the file: its place, as the file writes it, and what is wrong."""
    place = "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in fault["loc"])
    if fault["type"] == "value_error":
        text = str(fault["ctx"]["error"])
    else:
        text = _KINDS.get(fault["type"]) or f"取值无效 {str(fault.get('input'))[:40]!r}"
    return f"{place.removeprefix('.')}:{text}".removeprefix(":")
