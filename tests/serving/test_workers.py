from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from serving.workers import PARENT
from tests.bundles import TinyConfig, item_id, publish_tiny
from tests.serving.test_server import serving, wait_until


def pids(url: str) -> set[int]:
    """Processes at work."""
    return {int(value) for value in values(url, "marquee_worker_pid{")}


def values(url: str, beginning: str) -> list[float]:
    """Values of the samples that begin so."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return [float(line.split()[-1]) for line in lines if line.startswith(beginning)]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_worker_is_replaced_and_the_others_go_on(tmp_path: Path, repository: Path) -> None:
    publish_tiny(tmp_path)
    with serving(tmp_path, repository, "workers=2") as (url, process):
        wait_until(lambda: len(pids(url)) == 2)
        event = {"event_id": "e", "user_id": "ann", "event": "play", "item_id": item_id(3)}
        assert httpx.post(f"{url}/v1/events", json={"events": [event]}).json()["accepted"] == 1
        before = pids(url)
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: len(pids(url) - {min(before)}) == 2)
        for _ in range(20):
            assert (
                item_id(3) not in httpx.post(f"{url}/v1/recommend", json={"user_id": "ann", "k": 100}).json()["items"]
            )
        second = publish_tiny(tmp_path, TinyConfig(seed=1))
        wait_until(
            lambda: {httpx.get(f"{url}/health/live").json()["model_version"] for _ in range(20)} == {second.name}
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert not any(is_alive(pid) for pid in before)


def test_workers_count_together(tmp_path: Path, repository: Path) -> None:
    publish_tiny(tmp_path)
    with serving(tmp_path, repository, "workers=2") as (url, _):
        wait_until(lambda: len(pids(url)) == 2)
        before = pids(url)
        for _ in range(20):
            httpx.post(f"{url}/v1/recommend", json={"k": 5})
        answered = 'marquee_requests_total{route="/v1/recommend",status="200"}'
        assert [values(url, answered) for _ in range(8)] == 8 * [[20.0]]
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: len(pids(url) - before) == 1 and min(before) not in pids(url))
        assert values(url, answered) == [20.0], "what a worker counted outlives it"


def test_workers_end_when_their_parent_is_killed(tmp_path: Path, repository: Path) -> None:
    publish_tiny(tmp_path)
    with serving(tmp_path, repository, "workers=2") as (url, process):
        wait_until(lambda: len(pids(url)) == 2)
        workers = pids(url)
        process.kill()
        wait_until(lambda: not any(is_alive(pid) for pid in workers))


def test_a_worker_whose_parent_went_before_it_was_ready_ends_too() -> None:
    words = "import time; from serving.workers import end_with_parent; end_with_parent(0.01); time.sleep(30)"
    nobody = {**os.environ, PARENT: str(os.getppid())}
    started = subprocess.Popen([sys.executable, "-c", words], env=nobody)
    assert started.wait(timeout=20) == -signal.SIGTERM


def test_workers_that_cannot_start_end_with_a_code(tmp_path: Path, repository: Path) -> None:
    folder = publish_tiny(tmp_path)
    damaged = folder / "catalogue.json"
    damaged.write_bytes(damaged.read_bytes().replace(b"Title 1", b"Title 9", 1))
    with serving(tmp_path, repository, "workers=2", is_ready=False) as (_, process):
        assert process.wait(timeout=30) == 1
