from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx

from tests.bundles import TinyConfig, item_id, publish_tiny
from tests.serving.test_server import serving, wait_until


def pids(url: str) -> set[int]:
    """Processes that answer; connections are not kept, so that all get their turn."""
    found = set()
    for _ in range(30):
        text = httpx.get(f"{url}/metrics").text
        found |= {int(float(line.split()[-1])) for line in text.splitlines() if line.startswith("marquee_worker_pid ")}
    return found


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


def test_workers_end_when_their_parent_is_killed(tmp_path: Path, repository: Path) -> None:
    publish_tiny(tmp_path)
    with serving(tmp_path, repository, "workers=2") as (url, process):
        wait_until(lambda: len(pids(url)) == 2)
        workers = pids(url)
        process.kill()
        wait_until(lambda: not any(is_alive(pid) for pid in workers))


def test_workers_that_cannot_start_end_with_a_code(tmp_path: Path, repository: Path) -> None:
    folder = publish_tiny(tmp_path)
    damaged = folder / "catalogue.json"
    damaged.write_bytes(damaged.read_bytes().replace(b"Title 1", b"Title 9", 1))
    with serving(tmp_path, repository, "workers=2", is_ready=False) as (_, process):
        assert process.wait(timeout=30) == 1
