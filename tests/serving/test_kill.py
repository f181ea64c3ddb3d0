"""Nothing acknowledged is lost and nothing counts twice, however often processes are killed."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from serving.assembly import assemble
from serving.bundle import Bundle
from serving.metrics import Metrics
from serving.service import Service
from serving.store.store import Store
from tests.bundles import item_id, publish_tiny
from tests.serving.postgres import running_postgres
from tests.serving.test_workers import pids

BATCH = 3
CRASH_EVERY = 4


class Keeper(NamedTuple):
    """The database, and how it dies and comes back; SQLite lives in the workers and dies with them."""

    url: str
    crash: Callable[[], None] = lambda: None


@pytest.fixture(params=["sqlite", "postgresql"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Keeper]:
    if request.param == "sqlite":
        yield Keeper(f"sqlite:///{tmp_path / 'live.sqlite'}")
        return
    pytest.importorskip("psycopg", reason="the postgres extra is not installed")
    with running_postgres() as postgres:
        yield Keeper(postgres.url, postgres.crash)


class Sender(threading.Thread):
    """Sends batches of events; one whose fate is unknown is sent again, as a client would."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__()
        self.url = url
        self.number = number
        self.is_over = False
        self.acknowledged: list[str] = []
        self.num_again = 0
        self._sent = 0

    def run(self) -> None:
        while not self.is_over:
            events = [self._event(place) for place in range(BATCH)]
            while not self._send(events) and not self.is_over:
                self.num_again += 1
                time.sleep(0.02)
            self._sent += BATCH

    def _send(self, events: list[dict[str, str]]) -> bool:
        try:
            response = httpx.post(f"{self.url}/v1/events", json={"events": events}, timeout=10)
        except httpx.TransportError:
            return False
        if response.status_code == 200:
            self.acknowledged += [event["event_id"] for event in events]
        return response.status_code == 200

    def _event(self, place: int) -> dict[str, str]:
        name = f"{self.number}-{self._sent + place}"
        return {"event_id": name, "user_id": f"u{self.number}", "event": "play", "item_id": item_id(place)}


class Server:
    """`marquee-serve` with two workers in a process group of its own, always on the same port."""

    def __init__(self, out: Path, store: str, repository: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._words = [f"bundle={out}", f"port={self.port}", f"store={store}", "workers=2", "log_level=error"]
        self._repository = repository
        self._start()

    def kill_all(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._start()

    def kill_worker(self, rng: random.Random) -> None:
        os.kill(rng.choice(sorted(pids(self.url))), signal.SIGKILL)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def _start(self) -> None:
        code = "from serving.server import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *self._words],
            cwd=self._repository,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for _ in range(1200):
            try:
                httpx.get(f"{self.url}/health/ready", timeout=1)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the server does not come up")


def killed(rounds: int, out: Path, keeper: Keeper, repository: Path) -> None:
    """Kill a worker, everything or the database, in the midst of writing, again and again."""
    folder, rng = publish_tiny(out), random.Random(0)
    server = Server(out, keeper.url, repository)
    senders = [Sender(server.url, number) for number in range(3)]
    for sender in senders:
        sender.start()
    try:
        for round_number in range(rounds):
            time.sleep(rng.uniform(0.05, 0.5))
            if round_number % 2:
                server.kill_all()
            else:
                server.kill_worker(rng)
            if round_number % CRASH_EVERY == 1:
                keeper.crash()
    finally:
        for sender in senders:
            sender.is_over = True
        for sender in senders:
            sender.join()
        server.stop()
    nothing_lost_nothing_twice(folder, keeper, senders, rounds)
    total, again = sum(len(each.acknowledged) for each in senders), sum(each.num_again for each in senders)
    print(f"{rounds} kills, {total} events acknowledged, {again} batches sent again, 0 lost, 0 twice")


def nothing_lost_nothing_twice(folder: Path, keeper: Keeper, senders: list[Sender], rounds: int) -> None:
    store = Store.open(keeper.url)
    service = Service(assemble(Bundle.load(folder)), Metrics(), store)
    for sender in senders:
        stored = Counter(event.event_id for event in store.events.of(f"u{sender.number}"))
        assert set(sender.acknowledged) <= set(stored), "an acknowledged event was lost"
        assert set(stored.values()) == {1}, "an event counts twice"
        assert len(service.live.recommender.state.history(f"u{sender.number}").rows) == len(stored)
        assert len(sender.acknowledged) > rounds
    service.close()


def test_no_acknowledged_event_is_lost_when_processes_are_killed(
    tmp_path: Path, keeper: Keeper, repository: Path
) -> None:
    killed(2, tmp_path, keeper, repository)


@pytest.mark.slow
def test_no_acknowledged_event_is_lost_in_a_hundred_kills(tmp_path: Path, keeper: Keeper, repository: Path) -> None:
    killed(100, tmp_path, keeper, repository)
