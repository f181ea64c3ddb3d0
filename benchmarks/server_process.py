"""A `marquee-serve` process for the length of a benchmark, and a lean HTTP client that costs it little."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec


class Served(NamedTuple):
    """A server that is ready; ready_s: from its start."""

    port: int
    pid: int
    ready_s: float


class Answer(NamedTuple):
    """Status, body and seconds of one request."""

    status: int
    body: bytes
    elapsed_s: float


@contextmanager
def served(*words: str) -> Iterator[Served]:
    """Start, wait until ready, stop."""
    started = time.perf_counter()
    command = [sys.executable, "-c", "from serving.server import main; main()", *words, "port=0", "watch_s=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            found = re.search(r"http://[^/]*:(\d+)", process.stdout.readline())
            if found is None:
                raise SystemExit("the server did not start")
            port = int(found[1])
            while not _is_ready(port):
                time.sleep(0.01)
            yield Served(port, process.pid, time.perf_counter() - started)
        finally:
            process.terminate()


class Client:
    """One connection, one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, message: object) -> Answer:
        """Send a message as JSON and wait for the answer; once more where an idle connection was closed meanwhile."""
        is_new = self._writer is None
        try:
            return await self._post(path, message)
        except (OSError, asyncio.IncompleteReadError):
            if is_new:
                raise
            self.close()
            self._writer = None
            return await self._post(path, message)

    async def _post(self, path: str, message: object) -> Answer:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        assert self._reader is not None
        body = msgspec.json.encode(message)
        head = (
            f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        started = time.perf_counter()
        self._writer.write(head.encode() + body)
        received = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", received, re.IGNORECASE)
        answer = await self._reader.readexactly(int(length[1]) if length else 0)
        return Answer(int(received[9:12]), answer, time.perf_counter() - started)

    def close(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            self._writer.close()


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def percentile_ms(seconds: list[float], share: float) -> float:
    """Milliseconds that a share of the values stays below; 0 of none."""
    ordered = sorted(seconds)
    return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
