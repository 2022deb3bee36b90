"""The environment, read once into one frozen object, and the list of modules.

Every variable starts with GUANJIA_. A variable that nobody reads is a misspelling: it is named in
a warning. Secrets never appear in a repr or in an error. In development missing keys are made once
and kept in the state folder, readable by its owner alone; in production they must be given.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import ipaddress
import json
import logging
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

MODULES = (
    "audit", "jobs", "tenancy", "access", "notifications", "attachments", "imports", "people",
    "compounds", "surveys", "cases", "meetings", "whistles", "indicators",
)  # fmt: skip
"""The modules that have a part of the schema, lowest floor first; those with tables have models and
migrations too."""

PREFIX = "GUANJIA_"
CURSOR_KEY_BYTES = 32
MASTER_KEY_BYTES = 32
_POSTGRES_SCHEMES = ("postgresql://", "postgres://")


class SettingsError(Exception):
    """The configuration cannot be used; each sentence names the variable and what to write."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


def _project_root() -> Path:
    """The checkout this package lies in; installed elsewhere, the working directory."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


PROJECT_ROOT = _project_root()


def _database(url: str) -> str:
    if not url.startswith(_POSTGRES_SCHEMES):
        raise ValueError("应以 postgresql:// 开头")
    return url


def _private_key(pem: str) -> str:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ValueError("应为未加密的 Ed25519 私钥(PEM 格式)") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("应为 Ed25519 私钥,其他算法不予接受")
    return pem


def _long_enough(key: str) -> str:
    if len(key.encode()) < CURSOR_KEY_BYTES:
        raise ValueError(f"至少 {CURSOR_KEY_BYTES} 个字节")
    return key


def _master_keys(listed: str) -> str:
    try:
        keys = [base64.b64decode(part.strip(), validate=True) for part in listed.split(",")]
    except binascii.Error:
        raise ValueError("应为逗号分隔的 Base64 文本") from None
    if any(len(key) != MASTER_KEY_BYTES for key in keys):
        raise ValueError(f"每个主密钥应为 {MASTER_KEY_BYTES} 个字节")
    return listed


def _object(text: str) -> str:
    if not isinstance(json.loads(text), dict):
        raise ValueError("应为 JSON 对象")
    return text


def _networks(listed: str) -> str:
    networks(listed)
    return listed


def _host_suffix(suffix: str) -> str:
    return suffix.strip().lower().strip(".")


DatabaseUrl = Annotated[str, AfterValidator(_database)]
Seconds = Annotated[int, Field(gt=0)]
AbsolutePath = Annotated[
    Path, BeforeValidator(lambda path: PROJECT_ROOT / Path(str(path)).expanduser())
]


class Settings(BaseSettings):
    """What the environment said. Paths are absolute (relative ones start at the project root)."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    environment: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    worker_port: int = Field(8001, ge=0, le=65535)
    """Where `guanjia worker` shows its health and its figures; 0 for nowhere."""

    database_url: DatabaseUrl | None = Field(None, repr=False)
    """Role app_rw. Without it the embedded server is used."""
    read_database_url: DatabaseUrl | None = Field(None, repr=False)
    """Role app_ro."""
    owner_database_url: DatabaseUrl | None = Field(None, repr=False)
    """Role owner; read by `guanjia migrate` only."""
    auditor_database_url: DatabaseUrl | None = Field(None, repr=False)
    """Role auditor."""
    admin_database_url: DatabaseUrl | None = Field(None, repr=False)
    """A role that may create roles and databases; never read by `guanjia serve`."""

    state_dir: AbsolutePath = PROJECT_ROOT / ".guanjia"
    tenants_dir: AbsolutePath = PROJECT_ROOT / "tenants"
    policies_dir: AbsolutePath = PROJECT_ROOT / "policies"

    attachments_dir: AbsolutePath | None = None
    """Where attachments lie; with `s3_bucket`, in that bucket of an S3-compatible store instead."""
    s3_bucket: str | None = None
    s3_endpoint: str | None = None
    s3_region: str = "us-east-1"
    s3_access_key_id: str | None = Field(None, repr=False)
    s3_secret_access_key: str | None = Field(None, repr=False)

    outbox_dir: AbsolutePath | None = None
    """Where the file channel of notices writes; in development a folder of the state folder."""
    webhook_url: str | None = Field(None, repr=False)
    """Where notices are posted, over TLS, signed with `webhook_key`."""
    webhook_key: Annotated[str, AfterValidator(_long_enough)] | None = Field(None, repr=False)
    sms_url: str | None = Field(None, repr=False)
    """The text message gateway, signed to with `sms_key`."""
    sms_key: Annotated[str, AfterValidator(_long_enough)] | None = Field(None, repr=False)
    sms_body: Annotated[str, AfterValidator(_object)] = '{"phone": "{phone}", "text": "{text}"}'
    """What the gateway gets, as JSON: {phone}, {text} and {key} are filled in."""
    sms_accepted: str = ""
    """What the gateway's answer contains when it took a message."""
    gateway_networks: Annotated[str, AfterValidator(_networks)] = ""
    """The private networks in which these two may be, with commas: 10.1.0.0/16."""
    tenant_gateway_networks: Annotated[str, AfterValidator(_networks)] = ""
    """The same for the gateways that tenants name themselves."""

    host_suffix: Annotated[str, AfterValidator(_host_suffix)] | None = None
    """With `guanjia.example`, the host `yanping.guanjia.example` chooses the tenant `yanping`."""

    signing_key: Annotated[str, AfterValidator(_private_key)] | None = Field(None, repr=False)
    cursor_key: Annotated[str, AfterValidator(_long_enough)] | None = Field(None, repr=False)
    master_key: Annotated[str, AfterValidator(_master_keys)] | None = Field(None, repr=False)
    """Wraps the tenants' data keys: 32 bytes in Base64. Of several, separated by commas, the first
    wraps and all unwrap."""
    cipher_suite: Literal["INTERNATIONAL", "NATIONAL"] = "INTERNATIONAL"
    """For keys made from now on: AES-256-GCM with HMAC-SHA-256, or SM4-GCM with HMAC-SM3."""

    allowed_origins: str = ""
    """The pages elsewhere that may call the API, with commas: https://app.example. In development
    also those of this machine."""
    forwarded_allow_ips: str = "127.0.0.1"
    """The proxies whose X-Forwarded-For is believed: addresses or networks, with commas."""
    login_attempts_per_minute: Annotated[int, Field(gt=0)] = 60
    """From one address; a whole office may share one."""
    operation_seconds: Seconds = 20
    """An operation that takes longer is ended; nothing of it is written."""

    access_token_seconds: Seconds = 300
    refresh_grace_seconds: int = Field(30, ge=0, le=60)
    """How long the refresh token before the last one still gives the same next one."""

    # The floor of every tenant; its file may tighten these (see tenancy.signin).
    idle_seconds: Seconds = 900
    absolute_seconds: Seconds = 28_800
    resident_idle_seconds: Seconds = 604_800
    resident_absolute_seconds: Seconds = 2_592_000
    lock_failures: Annotated[int, Field(gt=0)] = 5
    lock_seconds: Seconds = 900
    password_min_length: int = Field(10, ge=8, le=64)
    password_classes: int = Field(3, ge=1, le=4)
    reveals_per_hour: Annotated[int, Field(gt=0)] = 30
    """How often one person may look at protected values in full within an hour."""
    password_max_age_days: Annotated[int, Field(gt=0)] = 90

    def origins(self) -> list[str]:
        """The allowed origins, one by one."""
        return [origin.strip() for origin in self.allowed_origins.split(",") if origin.strip()]

    def attachments_folder(self) -> Path:
        """The folder of attachments: the one that was given, or one in the state folder."""
        return self.attachments_dir or self.state_dir / "attachments"

    def outbox_folder(self) -> Path | None:
        """The folder of the file channel; None where there is none."""
        if self.outbox_dir is None and self.environment == "development":
            return self.state_dir / "outbox"
        return self.outbox_dir

    def signing_key_pem(self) -> str:
        """The Ed25519 private key that signs access tokens, as PEM."""
        return self.signing_key or self._kept_secret("signing_key", _new_private_key)

    def cursor_secret(self) -> bytes:
        """The secret from which the keys of all cursors are derived; at least 32 bytes."""
        return (self.cursor_key or self._kept_secret("cursor_key", _new_cursor_key)).encode()

    def master_keys(self) -> list[bytes]:
        """The keys that protect the tenants' data keys; new ones are wrapped with the first."""
        listed = self.master_key or self._kept_secret("master_key", _new_master_key)
        return [base64.b64decode(part.strip()) for part in listed.split(",")]

    def check_for_serving(self) -> None:
        """Raise SettingsError unless a server may start with these settings."""
        self._check(NEEDED_IN_PRODUCTION)

    def check_for_working(self) -> None:
        """Raise SettingsError unless a worker may start with these settings: it signs nothing."""
        self._check({name: NEEDED_IN_PRODUCTION[name] for name in NEEDED_BY_WORKER})

    def _check(self, needed: Mapping[str, str]) -> None:
        sentences = []
        if self.database_url and not self.read_database_url:
            sentences.append(_missing("read_database_url", "应用只读角色 app_ro 的连接地址"))
        for name in ("webhook", "sms"):
            if (getattr(self, f"{name}_url") is None) != (getattr(self, f"{name}_key") is None):
                sentences.append(
                    f"{variable(f'{name}_url')} 与 {variable(f'{name}_key')} 须同时设置。"
                )
        if self.environment == "production":
            sentences += [
                _missing(name, meaning)
                for name, meaning in needed.items()
                if getattr(self, name) is None
            ]
            if self.s3_bucket is None and self.attachments_dir is None:
                # The state folder of a container goes with it.
                sentences.append(
                    _missing("s3_bucket", "存放附件的桶(或以 GUANJIA_ATTACHMENTS_DIR 指明文件夹)")
                )
        if sentences:
            raise SettingsError(*dict.fromkeys(sentences))

    def _kept_secret(self, name: str, make: Callable[[], str]) -> str:
        if self.environment == "production":
            raise SettingsError(_missing(name, NEEDED_IN_PRODUCTION[name]))
        return _keep(self.state_dir / name, make)


NEEDED_IN_PRODUCTION = {
    "database_url": "应用读写角色 app_rw 的连接地址",
    "read_database_url": "应用只读角色 app_ro 的连接地址",
    "signing_key": "签发访问令牌的 Ed25519 私钥(PEM 格式)",
    "cursor_key": f"分页游标的签名密钥,至少 {CURSOR_KEY_BYTES} 个字节",
    "master_key": f"保护租户数据密钥的主密钥,{MASTER_KEY_BYTES} 个字节的 Base64 文本",
}

NEEDED_BY_WORKER = ("database_url", "read_database_url")


def networks(listed: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """The networks in a list with commas."""
    return tuple(ipaddress.ip_network(part.strip()) for part in filter(None, listed.split(",")))


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def _missing(name: str, meaning: str) -> str:
    return f"缺少环境变量 {variable(name)}:请设置为{meaning}。"


def _new_private_key() -> str:
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def _new_cursor_key() -> str:
    return secrets.token_urlsafe(CURSOR_KEY_BYTES)


def _new_master_key() -> str:
    return base64.b64encode(secrets.token_bytes(MASTER_KEY_BYTES)).decode()


def _keep(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`, made on first use. Two processes that start together agree on one:
    the file appears complete (a link to a finished one) or not at all."""
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp creates the file with mode 0600.
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(make())
        os.link(unfinished, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(unfinished)
    return path.read_text()


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each GUANJIA_ variable that no setting reads, with the nearest known name."""
    known = {variable(name) for name in Settings.model_fields}
    sentences = []
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f",是否应为 {near[0]}?" if near else "。"
            sentences.append(f"环境变量 {name} 不是管家的设置,已忽略{hint}")
    return sentences


_FAULTS = {
    "int_parsing": "应为整数",
    "literal_error": "应为 {expected}",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
}


def read() -> Settings:
    """The settings as the environment is now; SettingsError with one sentence for each fault."""
    try:
        return Settings()
    except ValidationError as invalid:
        sentences = []
        for fault in invalid.errors(include_url=False, include_input=False):
            context = fault.get("ctx", {})
            text = str(context.get("error", "")) or _FAULTS.get(fault["type"], "取值无效")
            expected = str(context.get("expected", "")).replace("'", "").replace(" or ", " 或 ")
            filled = text.format_map({**context, "expected": expected})
            sentences.append(f"环境变量 {variable(str(fault['loc'][0]))} 无效:{filled}。")
        raise SettingsError(*sentences) from None


@cache
def load() -> Settings:
    """The settings of this process: the environment is read once, unknown variables are named."""
    for sentence in unknown_variables(os.environ):
        logging.getLogger(__name__).warning(sentence)
    return read()
