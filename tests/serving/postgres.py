"""A PostgreSQL server on loopback for the length of the tests, from whatever installation the machine has."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

USER = "postgres"


@dataclass(frozen=True)
class Postgres:
    """A server's programs, its folder and its port."""

    programs: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{USER}"

    def start(self) -> None:
        settings = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self.folder}"
        self._control("-l", str(self.folder / "log"), "-o", settings, "start")

    def stop(self) -> None:
        self._control("-m", "immediate", "stop")

    def crash(self) -> None:
        """Kill it and start it anew; it takes its own processes some time to notice that they are orphans."""
        os.kill(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        for _ in range(50):
            time.sleep(0.1)
            with suppress(subprocess.CalledProcessError):
                return self.start()
        raise AssertionError("PostgreSQL does not come up again")

    def _control(self, *words: str) -> None:
        _run(self.programs / "pg_ctl", "-D", self.folder / "data", "-w", *words)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A fresh server; the test is skipped where none is installed."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed; apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="marquee-pg-"))
    server = Postgres(programs, folder, _free_port())
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        _run(programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", USER, "-N")
        server.start()
        yield server
    finally:
        with suppress(subprocess.CalledProcessError):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """Folder of initdb and pg_ctl; Debian keeps them off the path."""
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    program = Path(found).resolve() if found else debian[-1] if debian else None
    return program.parent if program and (os.geteuid() or _has_user()) else None


def _has_user() -> bool:
    """PostgreSQL refuses to run as root."""
    return shutil.which("runuser") is not None and any(entry.pw_name == USER for entry in pwd.getpwall())


def _run(*words: str | Path) -> None:
    before = ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []
    subprocess.run([*before, *map(str, words)], check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
