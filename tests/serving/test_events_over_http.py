from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest

from serving.app import create_app
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.metrics import Metrics
from serving.service import Service
from serving.store.store import Store
from tests.bundles import item_id
from tests.serving.conftest import NOW_MS
from tests.serving.running import running

Pair = tuple[httpx.Client, httpx.Client]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'live.sqlite'}"


@pytest.fixture
def pair(tiny_bundle: Bundle, url: str) -> Iterator[Pair]:
    """Two servers that share a store."""
    with ExitStack() as stack:
        services = [serving(tiny_bundle, url) for _ in range(2)]
        clients = [stack.enter_context(running(create_app(service))) for service in services]
        yield clients[0], clients[1]
    for service in services:
        service.close()


def serving(bundle: Bundle, url: str) -> Service:
    return Service(assemble(bundle, lambda: NOW_MS), Metrics(), Store.open(url))


def play(number: int, user_id: str = "ann", **fields: Any) -> dict[str, Any]:
    message = {"event_id": f"{user_id}-{number}", "user_id": user_id, "event": "play", "item_id": item_id(number)}
    return message | {"ts_ms": NOW_MS - 1000 + number} | fields


def post(client: httpx.Client, *events: dict[str, Any]) -> dict[str, int]:
    response = client.post("/v1/events", json={"events": events})
    assert response.status_code == 200, response.text
    answer: dict[str, int] = response.json()
    return answer


def items(client: httpx.Client, user_id: str = "ann", k: int = 100) -> list[str]:
    response = client.post("/v1/recommend", json={"user_id": user_id, "k": k})
    assert response.status_code == 200, response.text
    answer: list[str] = response.json()["items"]
    return answer


def test_the_next_request_sees_the_event_whichever_process_took_it(pair: Pair) -> None:
    before = items(pair[0])
    assert items(pair[1]) == before
    assert post(pair[0], play(3)) == {"accepted": 1, "duplicates": 0}
    after = items(pair[0])
    assert items(pair[1]) == after
    assert after != before
    assert set(before) - set(after) == {item_id(3)}
    for number in range(10, 20):
        post(pair[number % 2], play(number))
        assert item_id(number) not in items(pair[0])
        assert item_id(number) not in items(pair[1])


def test_an_event_delivered_to_both_processes_counts_once(pair: Pair, tiny_bundle: Bundle, url: str) -> None:
    assert post(pair[0], play(3), play(4)) == {"accepted": 2, "duplicates": 0}
    assert post(pair[1], play(3), play(4), play(5)) == {"accepted": 1, "duplicates": 2}
    answers = [items(client, "a stranger") for client in pair]
    assert answers[0] == answers[1]
    again = serving(tiny_bundle, url)
    assert again.live.recommender.state.history("ann").rows.shape == (3,)
    again.close()


def test_a_restarted_server_answers_as_before(pair: Pair, tiny_bundle: Bundle, url: str) -> None:
    post(pair[0], *(play(number) for number in range(5)), play(7, event="thumb_down"))
    post(pair[1], play(2, "viewer-003"), play(9, "viewer-003"))
    again = serving(tiny_bundle, url)
    with running(create_app(again)) as client:
        for user_id in ("ann", "viewer-003", "nobody"):
            assert items(client, user_id) == items(pair[0], user_id)
    again.close()


def test_a_forgotten_viewer_is_a_stranger_to_every_process(pair: Pair, tiny_bundle: Bundle, url: str) -> None:
    stranger = items(pair[0], "a stranger")
    assert items(pair[1], "viewer-003") != stranger
    post(pair[0], play(1, "viewer-003", event="thumb_down"), play(2, event="thumb_down"))
    answer = pair[0].delete("/v1/users/viewer-003").json()
    assert answer == {"user_id": "viewer-003", "events": 1}
    again = serving(tiny_bundle, url)
    with running(create_app(again)) as client:
        assert [items(each, "viewer-003") for each in (*pair, client)] == [stranger] * 3
    again.close()
    post(pair[1], play(4, "viewer-003", event_id="new"))
    assert item_id(4) not in items(pair[0], "viewer-003")
    assert len(items(pair[1], "ann")) == 59


@pytest.mark.parametrize("user_id", ["a/b", "line\nbreak", "at the end\n", "zoë 🎬?#%"])
def test_whatever_a_viewer_is_called_can_be_forgotten(pair: Pair, user_id: str) -> None:
    post(pair[0], play(1, user_id))
    answer = pair[1].delete(f"/v1/users/{quote(user_id, safe='')}").json()
    assert answer == {"user_id": user_id, "events": 1}


def test_events_reach_the_popularity_of_everybody(pair: Pair) -> None:
    post(pair[0], *(play(17, f"fan-{number}", event_id=f"fan-{number}") for number in range(200)))
    history = [item_id(number) for number in range(60) if number not in {17, 18}]
    answer = pair[1].post("/v1/recommend", json={"history": history, "use_ranker": False}).json()
    assert set(answer["items"]) == {item_id(17), item_id(18)}
    assert np.isfinite(answer["scores"]).all()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event_id": ""}, "events[0].event_id"),
        ({"event": "stare"}, "events[0].event"),
        ({"item_id": ""}, "events[0].item_id"),
        ({"ts_ms": -1}, "events[0].ts_ms"),
        ({"ts_ms": 2**50}, "events[0].ts_ms"),
        ({"propensity": 0}, "events[0].propensity"),
        ({"liked": 2}, "events[0].liked"),
        ({"watch_s": "long"}, "events[0].watch_s"),
        ({"colour": "red"}, "events[0].colour"),
    ],
)
def test_a_wrong_event_is_named_and_nothing_is_taken(pair: Pair, change: dict[str, Any], field: str) -> None:
    response = pair[0].post("/v1/events", json={"events": [play(1) | change, play(2)]})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field
    assert item_id(2) in items(pair[0])


def test_a_server_without_a_store_says_so(tiny_bundle: Bundle) -> None:
    with running(create_app(Service(assemble(tiny_bundle), Metrics()))) as client:
        response = client.post("/v1/events", json={"events": [play(1)]})
    assert response.status_code == 503
    assert "store=" in response.json()["detail"]
