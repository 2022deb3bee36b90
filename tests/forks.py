"""Commands and workers that tests start begin without two seconds of imports.

One process (`python -m tests.forks SOCKET`) has imported what they are made of and forks for each.
The program that tests start instead of Python hands it its arguments, environment, folder and open
files, passes signals on, and ends as the fork ended; with it the fork is killed. Whatever it is
told to run besides it leaves to Python, and so does everything where there are no pidfds.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from guanjia.settings import PROJECT_ROOT

MODULES = ("guanjia.cli", "guanjia.imports.worker")
MOST_FILES = 16
LAUNCHER = """#!{python} -IS
import json, os, signal, socket, sys
if sys.argv[1:2] != ["-m"] or sys.argv[2:3][0] not in {modules} or "--parent" in sys.argv:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
folder = "/proc/self/fd"
listed = [int(n) for n in os.listdir(folder) if os.path.exists(f"{{folder}}/{{n}}")]
numbers = [n for n in listed if n < 3 or os.get_inheritable(n)]
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
    try:
        link.connect({address!r})
    except OSError:
        os.execv({python!r}, [{python!r}, *sys.argv[1:]])
    told = dict(argv=sys.argv[2:], env=dict(os.environ), cwd=os.getcwd(), numbers=numbers)
    socket.send_fds(link, [json.dumps(told).encode()], numbers)
    for number in numbers:
        os.close(number)
    for kind in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(kind, lambda kind, _: link.send(bytes([kind])))
    status = int(link.recv(16) or 9)
if os.WIFSIGNALED(status):
    signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.waitstatus_to_exitcode(status))
"""
_begun: list[Forks] = []


@dataclass
class Forks:
    """The process that forks; it ends with its standard input."""

    folder: Path
    process: subprocess.Popen[bytes]


def python() -> str:
    """What to start in place of `sys.executable`."""
    if not hasattr(os, "pidfd_open"):
        return sys.executable
    if not _begun:
        _begun.append(_begin())
    launcher = str(_begun[0].folder / "python")
    return launcher if os.access(launcher, os.X_OK) else sys.executable  # not where nothing may run


def end() -> None:
    """Nothing forks any more."""
    while _begun:
        forks = _begun.pop()
        assert forks.process.stdin is not None
        forks.process.stdin.close()
        forks.process.wait()
        shutil.rmtree(forks.folder)


class Sys:
    """What of `sys` a module needs that starts Python."""

    path = sys.path

    @property
    def executable(self) -> str:
        return python()


def _begin() -> Forks:
    folder = Path(tempfile.mkdtemp(prefix="forks-"))
    address, launcher = str(folder / "link"), folder / "python"
    launcher.write_text(
        LAUNCHER.format(python=sys.executable, modules=MODULES, address=address), encoding="utf-8"
    )
    launcher.chmod(0o755)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(address)
    listening.listen(64)
    begun = subprocess.Popen(
        [sys.executable, "-m", "tests.forks", str(listening.fileno())],
        stdin=subprocess.PIPE,
        pass_fds=(listening.fileno(),),
        env={**os.environ, "PYTHONPATH": f"{PROJECT_ROOT}/platform{os.pathsep}{PROJECT_ROOT}"},
    )
    listening.close()
    return Forks(folder, begun)


def _serve(listening: socket.socket) -> None:
    """Forks for everyone who connects, until whoever began this is gone."""
    for module in MODULES:
        __import__(module)
    from guanjia.jobs.kinds import load_kinds

    load_kinds()
    for module in MODULES:
        del sys.modules[module]  # it runs as the main module
    waits = selectors.DefaultSelector()
    waits.register(sys.stdin, selectors.EVENT_READ, None)
    waits.register(listening, selectors.EVENT_READ, None)
    while True:
        for key, _ in waits.select():
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is listening:
                _take(listening.accept()[0], waits)
            elif not key.data.over:
                _pass_on(key.data, key.fileobj is key.data.link, waits)


def _take(link: socket.socket, waits: selectors.BaseSelector) -> None:
    told, files, _, _ = socket.recv_fds(link, 1 << 18, MOST_FILES)
    process = os.fork()
    if process == 0:
        for key in [*waits.get_map().values()]:
            if isinstance(key.fileobj, int):
                os.close(key.fileobj)
            elif key.fileobj is not sys.stdin:
                key.fileobj.close()
        waits.close()
        link.close()
        _become(json.loads(told), files)
    for file in files:
        os.close(file)
    fork = SimpleNamespace(link=link, process=process, ended=os.pidfd_open(process), over=False)
    waits.register(link, selectors.EVENT_READ, fork)
    waits.register(fork.ended, selectors.EVENT_READ, fork)


def _pass_on(fork: Any, said: bool, waits: selectors.BaseSelector) -> None:
    """A signal to the fork, or its end to who started it."""
    if said and (kind := fork.link.recv(1)):
        signal.pidfd_send_signal(fork.ended, kind[0])
        return
    fork.over = True
    if said:
        signal.pidfd_send_signal(fork.ended, signal.SIGKILL)
    _, status = os.waitpid(fork.process, 0)
    waits.unregister(fork.link)
    waits.unregister(fork.ended)
    if not said:
        with contextlib.suppress(BrokenPipeError):  # who started it was killed at this moment
            fork.link.send(str(status).encode())
    fork.link.close()
    os.close(fork.ended)


def _become(told: dict[str, Any], files: list[int]) -> None:
    """The process that was asked for; does not return."""
    code: Any = 1
    try:
        moved = [os.dup(file) for file in files]
        top = max((*moved, *told["numbers"])) + 1
        moved = [os.dup2(file, top + n) for n, file in enumerate(moved)]
        os.closerange(0, top)
        for file, number in zip(moved, told["numbers"], strict=True):
            os.dup2(file, number)
            os.close(file)
        os.environ.clear()
        os.environ.update(told["env"])
        os.chdir(told["cwd"])
        sys.stdin, sys.stdout, sys.stderr = (
            open(n, mode, encoding="utf-8")  # noqa: SIM115
            for n, mode in ((0, "r"), (1, "w"), (2, "w"))
        )
        sys.argv = told["argv"]
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        runpy.run_module(told["argv"][0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for registered in (atexit._run_exitfuncs, sys.stdout.flush, sys.stderr.flush):
            try:
                registered()
            except BaseException:
                code = code or 1
        os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
