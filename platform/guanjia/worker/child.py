"""A worker beside the server, for the demo: ends with it, and begins again when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from guanjia.settings import variable

FIRST_REST, LONGEST_REST = 1.0, 30.0
PATIENCE = 30.0


@contextmanager
def worker_beside(say: Callable[[str], None]) -> Iterator[None]:
    """One worker runs as a child process while inside; that it had to be started again is said."""
    keeper = _Keeper(say)
    thread = threading.Thread(target=keeper.keep, name="worker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        keeper.end()
        thread.join(PATIENCE + 5)


class _Keeper:
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        rest = FIRST_REST
        while (child := self._start()) is not None:
            code = child.wait()
            if self._ended.is_set():
                return
            self._say(f"后台任务进程已退出(返回值 {code}),{rest:.0f} 秒后重新启动。")
            self._ended.wait(rest)
            rest = min(rest * 2, LONGEST_REST)

    def end(self) -> None:
        """No child runs any more, and none is started."""
        with self._lock:
            self._ended.set()
            child = self._child
        if child is None or child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._ended.is_set():
                return None
            # In a session of its own: an interrupt at the terminal reaches it through us alone.
            self._child = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-m", "guanjia.cli", "worker", "--parent", str(os.getpid())],
                env={**os.environ, variable("worker_port"): "0"},
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            return self._child
