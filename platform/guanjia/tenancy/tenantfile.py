"""The file that describes a tenant: `tenants/<slug>.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class BadTenantFile(Exception):
    """The file cannot be used; each fault names its place."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Administrator(_Part):
    """A first account. Its one-time password is made and shown at onboarding."""

    login: str = Field(pattern=r"^[a-z][a-z0-9._-]{2,31}$")
    name: str = Field(min_length=1, max_length=30)
    role: str


class Department(_Part):
    name: str = Field(min_length=1, max_length=60)


class OfficeHours(_Part):
    """Pairs of local times, for example 08:00–12:00 and 14:30–17:30."""

    morning: tuple[str, str] = ("08:00", "12:00")
    afternoon: tuple[str, str] = ("14:30", "17:30")


class OidcIssuer(_Part):
    """An issuer whose tokens are accepted, with its public keys."""

    issuer: str
    audience: str
    jwks: dict[str, Any]


class TenantFile(_Part):
    slug: str = Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")
    code: str = Field(pattern=r"^[0-9]{6}$")
    name: str = Field(min_length=1, max_length=30)
    regions: str
    timezone: str = "Asia/Shanghai"
    demo: bool = False
    office_hours: OfficeHours = OfficeHours()
    oidc: tuple[OidcIssuer, ...] = ()
    administrators: tuple[Administrator, ...] = ()
    departments: tuple[Department, ...] = ()

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
        raise BadTenantFile([f"{path.name} 不是有效的 TOML:{error}"]) from None
    except UnicodeDecodeError:
        raise BadTenantFile([f"{path.name} 或其区划文件不是 UTF-8 编码"]) from None
    except ValidationError as error:
        raise BadTenantFile(
            [
                f"{path.name} 的 {'.'.join(map(str, fault['loc']))}:{_said(fault)}"
                for fault in error.errors()
            ]
        ) from None


def _said(fault: Any) -> str:
    kinds = {"extra_forbidden": "未知的项", "missing": "缺少此项"}
    return kinds.get(fault["type"], f"取值无效 {fault.get('input')!r}")
