from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.app import create_app
from serving.assembly import assemble
from serving.bundle import CURRENT, Bundle
from serving.metrics import Metrics
from serving.reload import Reloader, load_recommender
from serving.service import Service
from serving.store.store import Store
from tests.bundles import TinyConfig, item_id, publish_tiny
from tests.serving.conftest import NOW_MS, FailingScorer
from tests.serving.running import running
from towers.query import Query

ASKED = {"history": [item_id(1), item_id(2)], "timestamp": NOW_MS / 1000, "k": 30}


class Caller(threading.Thread):
    """Asks the same question again and again."""

    def __init__(self, client: httpx.Client) -> None:
        super().__init__()
        self.client = client
        self.is_over = False
        self.statuses: list[int] = []
        self.answers: set[tuple[str, tuple[str, ...], tuple[str, ...]]] = set()

    def run(self) -> None:
        while not self.is_over:
            response = self.client.post("/v1/recommend", json=ASKED)
            self.statuses.append(response.status_code)
            answer: dict[str, Any] = response.json()
            self.answers.add((answer["model_version"], tuple(answer["items"]), tuple(answer["titles"])))


def damage(folder: Path, kind: int) -> None:
    """One of three ways in which a bundle can be broken."""
    if kind == 0:
        file = folder / "item_vectors.npy"
        file.write_bytes(file.read_bytes()[:-64] + bytes(range(64)))
    elif kind == 1:
        (folder / "user_tower.onnx").unlink()
    else:
        (folder / "manifest.json").write_text("{}")


def swaps_under_load(out: Path, store: Store, number: int, callers: int = 3) -> None:
    """Publish `number` bundles, every fifth one damaged, while callers ask."""
    folders = {publish_tiny(out): True}
    service = Service(load_recommender(out), Metrics(), store)
    reloader = Reloader(service, out)
    with running(create_app(service)) as client:
        threads = [Caller(client) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for seed in range(1, number + 1):
            folder = publish_tiny(out, TinyConfig(seed=seed))
            folders[folder] = seed % 5 != 3
            if not folders[folder]:
                damage(folder, seed % 3)
            reloader.reload()
            assert (service.model_version == folder.name) == folders[folder]
        for thread in threads:
            thread.is_over = True
            thread.join()
    service.close()
    assert {status for thread in threads for status in thread.statuses} == {200}
    answers = {answer for thread in threads for answer in thread.answers}
    versions = [version for version, _, _ in answers]
    assert len(versions) == len(set(versions)) > number / 3, "one version, one answer"
    sound = {folder.name for folder, is_sound in folders.items() if is_sound}
    assert set(versions) <= sound
    assert sum(len(thread.statuses) for thread in threads) > number


def test_bundles_change_under_load_without_a_failed_request(tmp_path: Path) -> None:
    swaps_under_load(tmp_path / "out", Store.open(f"sqlite:///{tmp_path / 'live.sqlite'}"), 8)


@pytest.mark.slow
def test_fifty_swaps_under_load_some_of_them_corrupt(tmp_path: Path) -> None:
    swaps_under_load(tmp_path / "out", Store.open(f"sqlite:///{tmp_path / 'live.sqlite'}"), 50)


def test_a_published_bundle_is_noticed_and_a_broken_one_tried_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = publish_tiny(tmp_path)
    service = Service(load_recommender(tmp_path), Metrics())
    reloader = Reloader(service, tmp_path)
    with caplog.at_level(logging.WARNING, "marquee.serving"):
        reloader.watch(0.02)
        second = publish_tiny(tmp_path, TinyConfig(seed=1))
        until(lambda: service.model_version == second.name)
        third = publish_tiny(tmp_path, TinyConfig(seed=2))
        until(lambda: service.model_version == third.name)
        (tmp_path / CURRENT).write_text("bundles/nothing\n")
        time.sleep(0.1)
        damage(first, 2)
        (tmp_path / CURRENT).write_text(f"bundles/{first.name}\n")
        until(lambda: "not replaced" in caplog.text)
        time.sleep(0.2)
    reloader.stop()
    assert service.model_version == third.name
    assert caplog.text.count("not replaced") == 1


def test_a_bundle_that_loads_but_cannot_answer_is_not_taken(tiny_bundle: Bundle, tmp_path: Path) -> None:
    publish_tiny(tmp_path)
    service = Service(load_recommender(tmp_path), Metrics())
    version = service.model_version

    def broken(_: Path) -> Any:
        recommender = assemble(tiny_bundle, lambda: NOW_MS)
        recommender._scorer = FailingScorer()
        return recommender

    Reloader(service, tmp_path, broken).reload()
    assert service.model_version == version
    assert service.live.recommender.recommend(Query(), 3).items


def until(is_so: Any) -> None:
    for _ in range(1000):
        if is_so():
            return
        time.sleep(0.02)
    raise AssertionError("waited in vain")
