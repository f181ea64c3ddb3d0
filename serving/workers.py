"""Several server processes behind one socket: started, replaced when they die, stopped together.

Each maps the same bundle files into memory, so its item vectors, tokens and index are there once.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Final

SOCKET: Final = "MARQUEE_SOCKET"
"""Names the inherited file descriptor to a worker."""
PARENT: Final = "MARQUEE_PARENT"
"""Names the process that started a worker: by the time a worker can ask, that one may be gone."""
METRICS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which workers count together; the variable is prometheus_client's."""
GRACE_S: Final = 15.0
LOOK_S: Final = 0.1
WRONG_USE: Final = 2
WRONG_S: Final = 10.0
"""Until a worker that could not use its bundle or store is tried again."""
SOON_S: Final = 1.0
"""A worker that dies sooner than this after its start is replaced after as long a pause."""

_LOG = logging.getLogger("marquee.serving")


@dataclass
class _Worker:
    """replace_at: 0 until its end was noticed."""

    process: subprocess.Popen[bytes]
    started: float
    replace_at: float = 0.0


@dataclass
class Workers:
    """Keeps `number` processes of `command` alive on the socket until SIGTERM or SIGINT; SIGHUP reaches all of them."""

    command: Sequence[str]
    number: int
    bound: socket.socket
    clock: Callable[[], float] = time.monotonic
    workers: list[_Worker] = field(default_factory=list)
    is_stopping: bool = False
    metrics_folder: str = ""

    def run(self) -> int:
        """Exit code 1 when the workers cannot start at all."""
        with tempfile.TemporaryDirectory(prefix="marquee-metrics-", ignore_cleanup_errors=True) as folder:
            self.metrics_folder = folder
            return self._run()

    def _run(self) -> int:
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, self._on_stop)
        signal.signal(signal.SIGHUP, lambda *_: self._send(signal.SIGHUP))
        self.bound.listen(1024)
        self.workers = [self._start() for _ in range(self.number)]
        while not self.is_stopping:
            time.sleep(LOOK_S)
            if self._have_all_failed():
                self._send(signal.SIGTERM)
                return 1
            self._replace()
        return self._wait()

    def _start(self) -> _Worker:
        told = {SOCKET: str(self.bound.fileno()), PARENT: str(os.getpid()), METRICS_FOLDER: self.metrics_folder}
        process = subprocess.Popen(  # noqa: S603 (this very program)
            self.command, env={**os.environ, **told}, pass_fds=[self.bound.fileno()]
        )
        return _Worker(process, self.clock())

    def _have_all_failed(self) -> bool:
        """A wrong bundle or option: code 2 from everybody."""
        return all(worker.process.poll() == WRONG_USE for worker in self.workers)

    def _replace(self) -> None:
        for place, worker in enumerate(self.workers):
            if worker.process.poll() is None:
                continue
            if worker.replace_at == 0.0:
                _LOG.error("worker %d ended with code %s", worker.process.pid, worker.process.returncode)
                worker.replace_at = self.clock() + self._pause_s(worker)
                self._no_longer_counts(worker.process.pid)
            if self.clock() >= worker.replace_at and not self.is_stopping:
                self.workers[place] = self._start()

    def _no_longer_counts(self, pid: int) -> None:
        """What the process counted stays in the sums; what it was is gone."""
        for path in Path(self.metrics_folder).glob(f"gauge_live*_{pid}.db"):
            path.unlink(missing_ok=True)

    def _pause_s(self, worker: _Worker) -> float:
        if worker.process.returncode == WRONG_USE:
            return WRONG_S
        return SOON_S if self.clock() - worker.started < SOON_S else 0.0

    def _on_stop(self, *_: Any) -> None:
        self.is_stopping = True
        self._send(signal.SIGTERM)

    def _send(self, number: int) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.send_signal(number)

    def _wait(self) -> int:
        """Workers finish what they have begun; those that take too long are killed."""
        until = self.clock() + GRACE_S
        for worker in self.workers:
            try:
                worker.process.wait(max(until - self.clock(), 0.1))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        return 0


def worker_command(words: Sequence[str]) -> list[str]:
    """Command line of one worker with the same options."""
    return [sys.executable, "-c", "from serving.server import main; main()", *words]


def is_worker() -> bool:
    """Whether this process was started by `Workers`."""
    return SOCKET in os.environ


def end_with_parent(every_s: float = 1.0) -> None:
    """Stop this worker when the process that started it is gone, however and whenever it went."""
    parent = int(os.environ[PARENT])

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(every_s)
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=look, name="parent", daemon=True).start()


def inherited_socket() -> socket.socket | None:
    """The socket that the parent opened; None in a process that is no worker."""
    number = os.environ.get(SOCKET)
    return None if number is None else socket.socket(fileno=int(number))
