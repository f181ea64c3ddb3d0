"""A local Ray cluster runs the server as it is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serving.bundle import Bundle
from serving.options import UsageError
from serving.ray_deployment import application
from serving.reload import load_recommender
from tests.bundles import TinyConfig, item_id, publish_tiny
from tests.serving.test_reload import until
from tests.serving.test_workers import pids
from towers.query import Query


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Two replicas of a tiny bundle behind Ray's proxy."""
    ray = pytest.importorskip("ray", reason="Ray is not installed; pip install 'marquee[ray]'")
    from ray import serve

    publish_tiny(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(application({"bundle": str(tmp_path), "replicas": "2", "watch_s": "0.2"}))
        yield f"http://127.0.0.1:{port}"
    finally:
        serve.shutdown()
        ray.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_replicas_answer_as_the_server_does_and_share_store_and_bundle(url: str, tmp_path: Path) -> None:
    until(lambda: len(pids(url)) == 2)
    history = (item_id(1), item_id(2))
    answer = httpx.post(f"{url}/v1/recommend", json={"history": list(history), "k": 10}).json()
    alone = load_recommender(tmp_path).recommend(Query(history=history), 10)
    assert answer["items"] == list(alone.items)
    event = {"event_id": "e", "user_id": "ann", "event": "play", "item_id": item_id(3)}
    assert httpx.post(f"{url}/v1/events", json={"events": [event]}).json()["accepted"] == 1
    for _ in range(20):
        assert item_id(3) not in httpx.post(f"{url}/v1/recommend", json={"user_id": "ann", "k": 100}).json()["items"]
    second = publish_tiny(tmp_path, TinyConfig(seed=1))
    until(lambda: {httpx.get(f"{url}/health/live").json()["model_version"] for _ in range(20)} == {second.name})
    assert Bundle.load(tmp_path).version == second.name
    assert httpx.post(f"{url}/v1/recommend", json={"k": 0}).status_code == 422


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"port": 8000}, "port is Ray Serve's own"),
        ({"replicas": "none"}, "replicas is 'none'"),
        ({"prot": 1}, "unknown option 'prot=1'"),
        ({}, "bundle= is missing"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        application(options)
