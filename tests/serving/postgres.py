"""A PostgreSQL server on loopback for the length of the tests, from whatever installation the machine has."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

USER = "postgres"


@contextmanager
def running_postgres() -> Iterator[str]:
    """URL of a fresh server; the test is skipped where none is installed."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed; apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="marquee-pg-"))
    port = _free_port()
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        _run(programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", USER, "-N")
        settings = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
        _run(programs / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-w", "-o", settings, "start")
        yield f"postgresql://{USER}@127.0.0.1:{port}/{USER}"
    finally:
        with suppress(subprocess.CalledProcessError):
            _run(programs / "pg_ctl", "-D", folder / "data", "-w", "-m", "immediate", "stop")
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
