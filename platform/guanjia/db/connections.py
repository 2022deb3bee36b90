"""Which database, and as whom: the four roles' addresses, from settings or the embedded server.

`owner` migrates, `app_rw` writes, `app_ro` reads, `auditor` verifies. Nothing else connects.
"""

from __future__ import annotations

import fcntl
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import asyncpg

ROLES = ("owner", "app_rw", "app_ro", "auditor")
APPLICATION_ROLES = ("app_rw", "app_ro", "auditor")
DATABASE = "guanjia"
MAINTENANCE_DATABASES = ("postgres", "template1", "")

_VARIABLES = {
    "owner": "GUANJIA_OWNER_DATABASE_URL",
    "app_rw": "GUANJIA_DATABASE_URL",
    "app_ro": "GUANJIA_READ_DATABASE_URL",
    "auditor": "GUANJIA_AUDITOR_DATABASE_URL",
}
_PURPOSES = {"owner": "迁移", "app_rw": "写入", "app_ro": "读取", "auditor": "审计核验"}


class Unreachable(ConnectionError):
    """No connection to the database; the text is a Chinese sentence to show, without a secret."""


class NoSuchDatabase(Unreachable):
    """The server answers, the database is not there."""


class MissingConnection(Exception):
    """A role's address is needed and was not given; the text is a Chinese sentence to show."""


class DatabaseSettings(Protocol):
    """The part of the settings that says where the database is."""

    @property
    def database_url(self) -> str | None: ...
    @property
    def read_database_url(self) -> str | None: ...
    @property
    def owner_database_url(self) -> str | None: ...
    @property
    def auditor_database_url(self) -> str | None: ...
    @property
    def admin_database_url(self) -> str | None: ...
    @property
    def state_dir(self) -> Path: ...


@dataclass(frozen=True)
class Connections:
    """One address per role; None where the installation gave none."""

    owner: str | None = None
    app_rw: str | None = None
    app_ro: str | None = None
    auditor: str | None = None

    def require(self, role: str) -> str:
        """The role's address, or `MissingConnection` with the variable to set."""
        dsn: str | None = getattr(self, role)
        if dsn is None:
            raise MissingConnection(
                f"缺少{_PURPOSES[role]}所用数据库角色 {role} 的连接地址,"
                f"请设置环境变量 {_VARIABLES[role]}。"
            )
        return dsn

    def __repr__(self) -> str:
        # Addresses carry passwords; a traceback or a log line must not.
        given = ", ".join(f.name for f in fields(self) if getattr(self, f.name))
        return f"Connections({given})"


async def resolve(settings: DatabaseSettings, *, administer: bool = False) -> Connections:
    """The addresses to use, in this order: what the settings give, else the embedded server.

    With `administer` (migrate, demo, tests) a role that may create roles, given as
    `admin_database_url` or as `database_url`, first prepares roles and database. Without it (serve)
    such an address is passed on as it is, and the guard refuses it.
    """
    from guanjia.db import cluster, embedded  # both need the names above

    explicit = Connections(
        owner=settings.owner_database_url,
        app_rw=settings.database_url,
        app_ro=settings.read_database_url,
        auditor=settings.auditor_database_url,
    )
    if administer:
        administrator = await administrator_of(settings)
        if administrator is not None:
            passwords = remembered_passwords(settings.state_dir, server_key(administrator))
            passwords.update(_passwords_in(explicit))
            return await cluster.prepare(administrator, _database(settings), passwords)
    if any(getattr(explicit, role) for role in ROLES):
        return explicit
    if settings.admin_database_url is not None:
        # Prepared by an earlier migrate: the passwords are in the state folder.
        passwords = remembered_passwords(
            settings.state_dir, server_key(settings.admin_database_url)
        )
        return addresses(settings.admin_database_url, _database(settings), passwords)
    server = await embedded.start(settings.state_dir)
    return await cluster.prepare(server.administrator, DATABASE, server.passwords)


async def connect(dsn: str, **options: Any) -> asyncpg.Connection:
    """A connection to this address with all that it says (several hosts, TLS), or `Unreachable`."""
    try:
        connection: asyncpg.Connection = await asyncpg.connect(dsn, **options)
    except _REFUSALS as error:
        kind = NoSuchDatabase if isinstance(error, asyncpg.InvalidCatalogNameError) else Unreachable
        raise kind(
            f"无法以用户 {user_of(dsn)} 连接数据库 {server_key(dsn)}/{database_of(dsn)}:"
            f"{_reason(error)}"
        ) from error
    return connection


_REFUSALS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return "用户名或密码不对,或服务器(pg_hba.conf)不允许。请核对连接地址。"
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return "没有这个数据库。请先运行 guanjia migrate(GUANJIA_ADMIN_DATABASE_URL)。"
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return "服务器的连接数已满。请提高 max_connections,或减少副本数。"
    if isinstance(error, asyncpg.CannotConnectNowError):
        return "服务器正在启动或关闭,请稍候重试。"
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return "该用户没有这个数据库的 CONNECT 权限。请先运行 guanjia migrate。"
    return f"服务器没有应答或拒绝了连接。请检查地址和网络({type(error).__name__})。"


def addresses(dsn: str, database: str, passwords: Mapping[str, str]) -> Connections:
    """The four roles' addresses on the server of `dsn`."""
    return Connections(
        **{role: with_database(with_user(dsn, role, passwords[role]), database) for role in ROLES}
    )


def with_user(dsn: str, user: str, password: str | None) -> str:
    parts = urlsplit(dsn)
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    host = parts.netloc.rpartition("@")[2]
    # A user or password may also hide in the query string, where it would win.
    query = [(k, v) for k, v in parse_qsl(parts.query) if k not in ("user", "password")]
    return urlunsplit((parts.scheme, f"{login}@{host}", parts.path, urlencode(query), ""))


def with_database(dsn: str, database: str) -> str:
    parts = urlsplit(dsn)
    query = [(k, v) for k, v in parse_qsl(parts.query) if k not in ("database", "dbname")]
    path = "/" + quote(database, safe="")
    return urlunsplit((parts.scheme, parts.netloc, path, urlencode(query), ""))


def database_of(dsn: str) -> str:
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    return query.get("dbname") or query.get("database") or unquote(parts.path.lstrip("/"))


def user_of(dsn: str) -> str:
    parts = urlsplit(dsn)
    return unquote(parts.username or "") or dict(parse_qsl(parts.query)).get("user", "")


def socket_address(folder: Path, user: str, password: str, database: str) -> str:
    """The address of a server that listens on a socket in `folder` only."""
    base = f"postgresql:///{quote(database, safe='')}?{urlencode({'host': str(folder)})}"
    return with_user(base, user, password)


def remembered_passwords(state_dir: Path, server: str) -> dict[str, str]:
    """The four roles' passwords on a server, made on first use and kept with mode 0600."""
    return remembered_secrets(state_dir, server, ROLES)


def remembered_secrets(state_dir: Path, server: str, names: tuple[str, ...]) -> dict[str, str]:
    """Secrets by name, made on first use; two that ask at the same time get the same."""
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = state_dir / "credentials.json"
    mine = _remembered(path).get(server, {})
    if any(name not in mine for name in names):
        with exclusively(state_dir / "credentials.lock"):
            kept = _remembered(path)
            mine = kept.setdefault(server, {})
            mine.update({n: secrets.token_urlsafe(24) for n in names if n not in mine})
            _write_private(path, json.dumps(kept, indent=2))
    return {name: mine[name] for name in names}


def _remembered(path: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    return found


@contextmanager
def exclusively(lock: Path) -> Iterator[None]:
    """Only one on this machine at a time works under the lock file."""
    with open(lock, "a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _write_private(path: Path, text: str) -> None:
    """Write so that no other user and no crash ever sees half of it."""
    draft = path.with_name(path.name + f".{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


async def administrator_of(settings: DatabaseSettings) -> str | None:
    """An address whose user may create roles, if the settings give one."""
    given = settings.admin_database_url or settings.database_url
    if given is None:
        return None
    try:
        connection = await connect(given)
    except NoSuchDatabase:
        given = with_database(given, "postgres")
        connection = await connect(given)
    try:
        may = await connection.fetchval(
            "select rolsuper or rolcreaterole from pg_roles where rolname = session_user"
        )
    finally:
        await connection.close()
    if may:
        return given
    if settings.admin_database_url is not None:
        raise MissingConnection(
            "GUANJIA_ADMIN_DATABASE_URL 的用户无权创建数据库角色,"
            "请换成超级用户或具有 CREATEROLE 权限的用户。"
        )
    return None


def _database(settings: DatabaseSettings) -> str:
    for dsn in (settings.database_url, settings.admin_database_url):
        name = database_of(dsn) if dsn else ""
        if name not in MAINTENANCE_DATABASES:
            return name
    return DATABASE


def _passwords_in(explicit: Connections) -> dict[str, str]:
    """The passwords the installation chose itself, for the roles it names."""
    found: dict[str, str] = {}
    for role in ROLES:
        dsn: str | None = getattr(explicit, role)
        if dsn:
            parts = urlsplit(dsn)
            if unquote(parts.username or "") == role and parts.password:
                found[role] = unquote(parts.password)
    return found


def server_key(dsn: str) -> str:
    """The server of an address, as a name for people and for the state folder."""
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    hosts = parts.netloc.rpartition("@")[2]
    if "," in hosts:
        return hosts
    host = parts.hostname or query.get("host") or "local"
    return f"{host}:{parts.port or query.get('port') or 5432}"
