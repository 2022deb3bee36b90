"""The PostgreSQL server inside a Python wheel, for development, the demo and the tests.

It listens on a unix socket in a private folder, asks everyone for a password (also its superuser,
whose password the application never uses), and runs as long as somebody uses it: each process holds
a shared lock, and the last one to leave stops the server. A killed process leaves the server up;
the next one finds and reuses it.

PostgreSQL refuses to run as root. Started by root it runs as an unprivileged system user, and its
files move to a system folder if that user cannot reach the project.
"""

from __future__ import annotations

import asyncio
import atexit
import fcntl
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from guanjia.db.connections import ROLES, exclusively, remembered_secrets, socket_address
from guanjia.db.homes import Home, find_home

SUPERUSER = "postgres"
SYSTEM_USER = "guanjia"

_START_SECONDS = 60
_LOG_BYTES = 4 << 20
_HAS_PROC = os.path.isdir("/proc/self/fd")

_SETTINGS = """\
# Written at every start by Guanjia; a change made here is lost.
listen_addresses = ''
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_connections = 100
shared_buffers = 256MB
fsync = on
full_page_writes = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
log_statement = none
"""

_ACCESS = """\
# Written at every start by Guanjia. A password from everyone, over the socket only.
local all all scram-sha-256
local replication all reject
"""


class ServerFailed(Exception):
    """The embedded server cannot be started; the text is a Chinese sentence to show."""


@dataclass
class Server:
    """A running server this process uses. `administrator` is its superuser's address."""

    home: Home
    administrator: str = field(repr=False)
    passwords: dict[str, str] = field(repr=False)
    _in_use: int

    def release(self) -> None:
        """This process no longer uses the server; it stops if nobody else does."""
        _servers.pop(self.home.state_dir, None)
        if self._in_use < 0:
            return
        with _exclusively(self.home.state_dir):
            try:
                fcntl.flock(self._in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _stop(self.home)
            except BlockingIOError:
                pass  # another process still works on it
            finally:
                os.close(self._in_use)
                self._in_use = -1


_servers: dict[Path, Server] = {}


async def start(state_dir: Path) -> Server:
    """The server of this state folder runs and is held by this process until `release` or exit.
    The path is absolute."""
    if state_dir in _servers:
        return _servers[state_dir]
    return await asyncio.to_thread(_start, state_dir)


async def stop(state_dir: Path) -> bool:
    """The server of this state folder does not run. False if it did not run before."""
    if server := _servers.pop(state_dir, None):
        os.close(server._in_use)
        server._in_use = -1
    return await asyncio.to_thread(_stop_whoever_uses_it, state_dir)


def _start(state_dir: Path) -> Server:
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _exclusively(state_dir):
            server = _start_alone(state_dir)
    except PermissionError as error:
        raise ServerFailed(
            f"无法使用状态目录 {state_dir}({error.strerror}:{error.filename})。"
            "请用创建它的系统用户运行,或删除该目录后重试。"
        ) from error
    # Here and not where it is awaited: whoever waits may be told to stop meanwhile.
    _servers[state_dir] = server
    atexit.register(server.release)
    return server


def _start_alone(state_dir: Path) -> Server:
    user = _system_user()
    home = find_home(state_dir, user)
    keys = remembered_secrets(state_dir, "embedded", ("superuser", *ROLES))
    if not (home.data / "PG_VERSION").exists():
        _create(home, keys["superuser"])
    _refuse_other_version(home)
    if _running(home) is None:
        _launch(home)
    administrator = socket_address(home.socket, SUPERUSER, keys["superuser"], "postgres")
    if not asyncio.run(_accepts(administrator)):
        # The secret was lost with the state folder, the data were not.
        _stop(home)
        _replace_password(home, keys["superuser"])
        _launch(home)
    in_use = os.open(state_dir / "server.users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(in_use, fcntl.LOCK_SH)
    return Server(home, administrator, {role: keys[role] for role in ROLES}, in_use)


def _stop_whoever_uses_it(state_dir: Path) -> bool:
    if not (state_dir / "server.json").exists():
        return False
    with _exclusively(state_dir):
        return _stop(find_home(state_dir, _system_user()))


def _exclusively(state_dir: Path) -> AbstractContextManager[None]:
    """Only one process at a time starts or stops the server of a state folder."""
    return exclusively(state_dir / "server.lock")


def _system_user() -> pwd.struct_passwd | None:
    """Whom the server runs as; None for the present user. Root looks for an unprivileged one."""
    if os.geteuid() != 0:
        return None
    for name in (SYSTEM_USER, "postgres"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    try:
        subprocess.run(  # noqa: S603 (fixed words; root's PATH finds the program)
            [*command, SYSTEM_USER],
            check=True,
            capture_output=True,
        )
        return pwd.getpwnam(SYSTEM_USER)
    except (OSError, subprocess.CalledProcessError, KeyError):
        return pwd.getpwnam("nobody")


def _create(home: Home, password: str) -> None:
    """A new, empty data folder. Built beside its place, so that a kill leaves no half of one."""
    draft = home.folder / f"new-{secrets.token_hex(4)}"
    key = home.folder / f"key-{secrets.token_hex(4)}"
    for stale in [*home.folder.glob("new-*"), *home.folder.glob("key-*")]:
        shutil.rmtree(stale) if stale.is_dir() else stale.unlink()
    try:
        key.touch(mode=0o600)
        key.write_text(password)
        home.hand_over(key)
        _run(
            home,
            "initdb",
            *("-D", str(draft), "-U", SUPERUSER, f"--pwfile={key}", "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--locale=C", "--data-checksums"),
        )
        draft.rename(home.data)
    finally:
        key.unlink(missing_ok=True)
        shutil.rmtree(draft, ignore_errors=True)


def _refuse_other_version(home: Home) -> None:
    version = (home.data / "PG_VERSION").read_text().strip()
    ours = _run(home, "postgres", "--version").split()[-1].split(".")[0]
    if version != ours:
        raise ServerFailed(
            f"内置数据库的数据由 PostgreSQL {version} 创建,而当前安装的是 PostgreSQL {ours}。"
            f"演示数据可删除 {home.folder} 后重建;需要保留的数据请先用旧版本导出。"
        )


def _launch(home: Home) -> None:
    """The server accepts connections. Expects that none runs on these data."""
    _clear_after_kill(home)
    home.write("postgresql.conf", _SETTINGS.format(socket=str(home.socket).replace("'", "''")))
    home.write("pg_hba.conf", _ACCESS)
    log = home.folder / "server.log"
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_name("server.log.1"))
    try:
        _run(
            home,
            "pg_ctl",
            *("start", "--wait", f"--timeout={_START_SECONDS}"),
            *("-D", str(home.data), "-l", str(log)),
        )
    except ServerFailed as failure:
        tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        raise ServerFailed(f"{failure}\n{tail}") from failure


def _clear_after_kill(home: Home) -> None:
    """Nothing is left of a server that was killed. Its lock files may name a process number that
    something else has now; but they also protect the data from sessions that outlived the server,
    so they go only when no process works on the data any more."""
    if not _HAS_PROC:
        return  # the server's own check of its lock file has to do
    for attempt in range(1000):
        left = [process for process in _processes() if _works_in(process, home.data)]
        if not left:
            break
        if attempt == 300:
            for process in left:
                os.kill(process, signal.SIGQUIT)
        time.sleep(0.01)
    else:
        raise ServerFailed(f"仍有进程占用内置数据库的数据目录:{left}。")
    (home.data / "postmaster.pid").unlink(missing_ok=True)
    for stale in home.socket.glob(".s.PGSQL.*"):
        stale.unlink()


def _processes() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _works_in(process: int, folder: Path) -> bool:
    try:
        return os.path.samefile(f"/proc/{process}/cwd", folder)
    except OSError:
        return False  # gone, or of another user


def _stop(home: Home) -> bool:
    process = _running(home)
    if process is None:
        return False
    for kind in (signal.SIGINT, signal.SIGQUIT):  # fast, then at once; both lose nothing committed
        try:
            os.kill(process, kind)
        except ProcessLookupError:
            return True
        for _ in range(1000):
            if _running(home) is None:
                return True
            time.sleep(0.01)
    raise ServerFailed(f"内置数据库进程 {process} 没有停止。")


def _running(home: Home) -> int | None:
    """The process of the server on these data, if it lives.

    `postmaster.pid` alone does not tell: after a crash its number may belong to another program,
    and in a copied folder it names the server of the original. A server works inside its data.
    """
    try:
        process = int((home.data / "postmaster.pid").read_text().split("\n")[0])
        os.kill(process, 0)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    except PermissionError:
        return None  # lives, but is somebody else's
    if _HAS_PROC:
        return process if _works_in(process, home.data) else None
    # Without /proc (macOS) the answer of the server's own tool has to do.
    return process if _succeeds(home, "pg_ctl", "status", "-D", str(home.data)) else None


async def _accepts(administrator: str) -> bool:
    """Whether the server takes the superuser's password. Waits while it is still recovering."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            connection = await asyncpg.connect(administrator, timeout=5)
        except asyncpg.InvalidPasswordError:
            return False
        except (asyncpg.CannotConnectNowError, ConnectionError, FileNotFoundError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return True


def _replace_password(home: Home, password: str) -> None:
    statement = f"alter role {SUPERUSER} password '{password}';\n"
    _run(home, "postgres", "--single", "-D", str(home.data), "postgres", text=statement)


def _succeeds(home: Home, program: str, *arguments: str) -> bool:
    try:
        _run(home, program, *arguments)
    except ServerFailed:
        return False
    return True


def _run(home: Home, program: str, *arguments: str, text: str | None = None) -> str:
    """Run one of the server's programs as its system user. Output goes through a file: a server
    that pg_ctl leaves behind would hold a pipe open for ever."""
    output = home.folder / f"out-{secrets.token_hex(4)}"
    identity: dict[str, Any] = {}
    if home.user is not None:
        identity = {"user": home.user.pw_uid, "group": home.user.pw_gid, "extra_groups": []}
    try:
        with open(output, "wb") as sink:
            done = subprocess.run(  # noqa: S603 (our own programs and arguments, no shell)
                [str(home.programs / program), *arguments],
                input=text.encode() if text is not None else None,
                stdin=subprocess.DEVNULL if text is None else None,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=home.folder,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                timeout=_START_SECONDS * 2,
                check=False,
                **identity,
            )
        said = output.read_text(errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerFailed(f"内置数据库程序 {program} 无法运行:{error}") from error
    finally:
        output.unlink(missing_ok=True)
    if done.returncode != 0:
        raise ServerFailed(
            f"内置数据库程序 {program} 失败(返回值 {done.returncode}):{said[-2000:]}"
        )
    return said
