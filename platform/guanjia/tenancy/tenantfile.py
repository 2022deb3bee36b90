"""The file that describes a tenant: `tenants/<slug>.toml`."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from guanjia import settings as configuration
from guanjia.tenancy.models import OPERATOR
from guanjia.tenancy.signin import stricter


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
LongText = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_printable)]
LongName = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_printable)]


class Administrator(_Part):
    """A first account. Its one-time password is made and shown at onboarding."""

    login: str = Field(pattern=r"^[a-z][a-z0-9._-]{2,31}$")
    name: ShortName
    role: Literal["SYS", "SEC", "AUD"]


class Department(_Part):
    name: LongName


class Routing(_Part):
    """Who leads or assists for a category, in a region (the whole district without one): a
    department of this file, or an organisation that follows from the place."""

    category: ShortName
    basis: Literal["OWNER", "TERRITORY"]
    role: Literal["LEAD", "ASSIST"]
    department: LongName | None = None
    party_kind: Literal["PROPERTY_COMPANY", "COMMUNITY", "STREET_OFFICE"] | None = None
    region: str | None = Field(default=None, pattern=r"^[0-9]{6,15}$")
    level: Literal["COMMUNITY", "STREET", "DISTRICT"] | None = None
    source: LongName = "[design] 本系统设定"

    @model_validator(mode="after")
    def _one_party(self) -> Routing:
        if (self.department is None) == (self.party_kind is None):
            raise ValueError("department 与 party_kind 须且只能给出一个")
        return self


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


def _key_address(address: str) -> str:
    parts = urlsplit(address)
    plain = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not (parts.scheme == "https" or plain) or not parts.hostname:
        raise ValueError("须为 https 地址(http 仅限本机,用于开发)")
    if parts.username or parts.fragment or not address.isprintable():
        raise ValueError("地址中不能含账号、片段或不可见字符")
    return address


class OidcIssuer(_Part):
    """An issuer whose tokens are accepted, with its public keys or the address of them.

    The server asks that address: it is the operator's word, also where it points into a private
    network.
    """

    issuer: LongText
    audience: LongText
    jwks: dict[str, Any] | None = None
    jwks_url: Annotated[LongText, AfterValidator(_key_address)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> OidcIssuer:
        if (self.jwks is None) == (self.jwks_url is None):
            raise ValueError("jwks 与 jwks_url 须且只能给出一个")
        return self


Count = Annotated[int, Field(gt=0, le=100_000_000)]


class SignIn(_Part):
    """Where the tenant is stricter than the platform; see `signin`."""

    password_min_length: Annotated[int, Field(le=64)] | None = None
    password_classes: Annotated[int, Field(le=4)] | None = None
    password_max_age_days: Count | None = None
    lock_failures: Count | None = None
    lock_seconds: Count | None = None
    idle_seconds: Count | None = None
    absolute_seconds: Count | None = None
    resident_idle_seconds: Count | None = None
    resident_absolute_seconds: Count | None = None

    @field_validator("*")
    @classmethod
    def _no_weaker(cls, value: int | None, info: ValidationInfo) -> int | None:
        assert info.field_name is not None
        floor: int = getattr(configuration.load(), info.field_name)
        if value is not None and stricter(info.field_name)(value, floor) != value:
            raise ValueError(f"{value} 比平台的底线 {floor} 宽松")
        return value


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
    sign_in: SignIn = SignIn()
    administrators: tuple[Administrator, ...] = ()
    departments: tuple[Department, ...] = ()
    routing: tuple[Routing, ...] = ()

    @model_validator(mode="after")
    def _no_doubles(self) -> TenantFile:
        for what, names in (
            ("账号", [person.login for person in self.administrators]),
            ("部门", [department.name for department in self.departments]),
            ("签发方", [issuer.issuer for issuer in self.oidc]),
        ):
            if doubled := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{what}重复:{'、'.join(doubled)}")
        known = {department.name for department in self.departments}
        for route in self.routing:
            if route.department is not None and route.department not in known:
                raise ValueError(
                    f"路由 {route.category} 的部门 {route.department} 不在 departments 中"
                )
        return self

    def settings(self) -> dict[str, Any]:
        """What of the file is kept in the tenant's row."""
        return self.model_dump(
            mode="json", include={"office_hours", "oidc", "sign_in"}, exclude_none=True
        )


def load(path: Path) -> tuple[TenantFile, str]:
    """The description and the text of its region tree; BadTenantFile in Chinese otherwise."""
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        described = TenantFile.model_validate(tomllib.loads(text))
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
        raise BadTenantFile(
            [f"{path.name}{_line(text, fault['loc'])} {_said(fault)}" for fault in error.errors()]
        ) from None


_KINDS = {
    "extra_forbidden": "未知的项",
    "missing": "缺少此项",
    "string_too_short": "不能为空",
    "string_too_long": "过长",
}


_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.-]+)\s*\]")
_KEY = re.compile(r"\s*([\w-]+)\s*=")


def _line(text: str, place: tuple[int | str, ...]) -> str:
    """The line on which the file writes what is at this place, or the table it would be in."""
    table: tuple[int | str, ...] = ()
    seen: dict[str, int] = {}
    written: tuple[int | str, ...]
    nearest = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            name = header[2]
            seen[name] = seen.get(name, -1) + 1
            table = (name, seen[name]) if header[1] == "[[" else (name,)
            written = table
        elif key := _KEY.match(line):
            written = (*table, key[1])
        else:
            continue
        if place[: len(written)] == written:
            nearest = number
    return f" 第 {nearest} 行" if nearest else ""


def _said(fault: Any) -> str:
    """A fault of the file: its place, as the file writes it, and what is wrong."""
    place = "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in fault["loc"])
    if fault["type"] == "value_error":
        text = str(fault["ctx"]["error"])
    else:
        text = _KINDS.get(fault["type"]) or f"取值无效 {str(fault.get('input'))[:40]!r}"
    return f"{place.removeprefix('.')}:{text}".removeprefix(":")
