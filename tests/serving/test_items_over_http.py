from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from serving.app import create_app
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.manifest import ManifestFields
from serving.metrics import Metrics
from serving.publish import publish
from serving.service import Service
from serving.store.store import Store
from tests.bundles import START_MS, TinyConfig, item_id, tiny_parts
from tests.serving.conftest import NOW_MS
from tests.serving.running import running
from tests.serving.test_events_over_http import play, post
from towers.content import ContentEncoder
from towers.placement import ContentPlacement

DIM = TinyConfig.dim
GENRES = ("Comedy", "Drama", "Western")
Pair = tuple[httpx.Client, httpx.Client]


@pytest.fixture(scope="module")
def placing_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle whose content path puts each genre on an axis."""
    encoder = ContentEncoder(GENRES, np.ones(16, np.float32), np.zeros((16, 1), np.float32))
    projection = np.eye(len(GENRES) + 1, DIM, dtype=np.float32)
    parts = replace(tiny_parts(TinyConfig(has_ranker=False)), placement=ContentPlacement(encoder, projection[None]))
    fields = ManifestFields(data_fingerprint="tiny", split="none", trained_until_ms=START_MS + 10_000_000, metrics={})
    return Bundle.load(publish(tmp_path_factory.mktemp("placing"), parts, fields))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'live.sqlite'}"


@pytest.fixture
def pair(placing_bundle: Bundle, url: str) -> Iterator[Pair]:
    with ExitStack() as stack:
        services = [Service(assemble(placing_bundle, lambda: NOW_MS), Metrics(), Store.open(url)) for _ in range(2)]
        clients = [stack.enter_context(running(create_app(service))) for service in services]
        yield clients[0], clients[1]
    for service in services:
        service.close()


def put(client: httpx.Client, item_id: str, **message: Any) -> dict[str, Any]:
    response = client.put(f"/v1/items/{item_id}", json=message)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def ask(client: httpx.Client, **message: Any) -> dict[str, Any]:
    response = client.post("/v1/recommend", json={"k": 100} | message)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def similar(client: httpx.Client, item_id: str) -> list[str]:
    answer: list[str] = client.get(f"/v1/similar/{item_id}?k=1000").json()["items"]
    return answer


def test_a_new_item_is_found_by_the_next_request_of_every_process(pair: Pair) -> None:
    answer = put(pair[0], "brand-new", title="Brand New", genres=["Western"], year=2026)
    assert answer["has_vector"]
    assert not answer["is_deleted"]
    for client in pair:
        found = ask(client)
        place = found["items"].index("brand-new")
        assert found["titles"][place] == "Brand New"
        assert found["reasons"][place] == "personal"
        assert "brand-new" in similar(client, item_id(3))
    put(pair[1], "another", genres=["Western"])
    assert similar(pair[0], "brand-new")[0] == "another"
    assert sorted(ask(pair[0], filters={"genres": ["Western"]})["items"]) == ["another", "brand-new"]


def test_watching_a_new_item_moves_the_viewer(pair: Pair) -> None:
    put(pair[0], "west-1", genres=["Western"])
    put(pair[0], "west-2", genres=["Western"])
    before = ask(pair[0], user_id="ann")["items"].index("west-2")
    post(pair[0], play(1, item_id="west-1"))
    answer = ask(pair[1], user_id="ann")
    assert "west-1" not in answer["items"]
    assert answer["items"].index("west-2") < before


def test_a_deleted_item_is_never_answered_until_it_is_put_again(pair: Pair) -> None:
    put(pair[0], "brand-new", genres=["Western"])
    for gone in ("brand-new", item_id(5)):
        assert gone in ask(pair[1])["items"]
        assert pair[0].delete(f"/v1/items/{gone}").json()["is_deleted"]
        assert gone not in ask(pair[1])["items"]
        assert gone not in similar(pair[1], item_id(3))
        post(pair[0], play(1, "fan", item_id=gone, event_id=f"{gone} again"))
        assert gone not in ask(pair[1])["items"]
        assert not put(pair[0], gone, title="Back")["is_deleted"]
        assert gone in ask(pair[1])["items"]
    assert pair[0].delete("/v1/items/unheard%20of").status_code == 404


def test_an_item_is_there_only_in_its_window(pair: Pair) -> None:
    put(pair[0], "soon", genres=["Drama"], available_from_ms=NOW_MS + 5000, available_until_ms=NOW_MS + 9000)
    put(pair[0], item_id(7), available_until_ms=NOW_MS)
    there = {
        later: {"soon", item_id(7)} & set(ask(pair[1], timestamp=(NOW_MS + later) / 1000)["items"])
        for later in (-1, 0, 4999, 5000, 8999, 9000)
    }
    assert there == {-1: {item_id(7)}, 0: set(), 4999: set(), 5000: {"soon"}, 8999: {"soon"}, 9000: set()}


def test_what_was_put_survives_a_restart_and_the_next_bundle(pair: Pair, placing_bundle: Bundle, url: str) -> None:
    put(pair[0], "brand-new", title="Brand New", genres=["Western"])
    put(pair[0], item_id(4), title="Other Title", genres=["Western"])
    pair[1].delete(f"/v1/items/{item_id(6)}")
    before = ask(pair[0])
    again = Service(assemble(placing_bundle, lambda: NOW_MS), Metrics(), Store.open(url))
    with running(create_app(again)) as client:
        after = ask(client)
        again.swap(assemble(placing_bundle, lambda: NOW_MS))
        swapped = ask(client)
    again.close()
    for name in ("items", "titles", "scores"):
        assert before[name] == after[name] == swapped[name]
    assert "Other Title" in before["titles"]
    assert item_id(6) not in before["items"]


def test_an_item_without_content_waits_for_plays(pair: Pair) -> None:
    assert not put(pair[0], "bare")["has_vector"]
    assert similar(pair[0], "bare") == []
    assert "bare" in ask(pair[0], k=1000)["items"]


@pytest.mark.parametrize(
    ("body", "field"),
    [({"genres": "Western"}, "genres"), ({"colour": "red"}, "colour"), ({"year": -1}, "year")],
)
def test_a_wrong_item_is_named(pair: Pair, body: dict[str, Any], field: str) -> None:
    response = pair[0].put("/v1/items/x", json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field


def test_the_next_page_shows_what_was_put_and_obeys_its_labels(pair: Pair) -> None:
    """Also on the other server of the two, among what is new and to those alone who may see it."""
    client, other = pair

    def page(user_id: str) -> dict[str, Any]:
        asked = {"user_id": user_id, "timestamp": NOW_MS / 1000, "sizes": {"rows": 12, "min_row_length": 1}}
        found: dict[str, Any] = other.post("/v1/page", json=asked).json()
        return found

    def rows_with(found: dict[str, Any], item: str) -> list[str]:
        return [row["template"] for row in found["rows"] if item in [each["item_id"] for each in row["items"]]]

    assert not any(row["template"] == "new_releases" for row in page("v")["rows"])
    now_ms, open_now = NOW_MS - 86_400_000, {"available_from_ms": NOW_MS - 86_400_000}
    assert put(client, "fresh", title="Fresh", genres=["Western"], maturity="18", year=2024, **open_now)["has_vector"]
    put(client, "to come", title="To Come", genres=["Western"], available_from_ms=NOW_MS + 86_400_000)
    put(client, "nameless", genres=["Western"], **open_now)
    put(client, item_id(0), title="Another Cut", genres=["Western"], maturity="18", available_from_ms=now_ms)
    for number in range(20):
        put(client, f"new {number}", title=f"New {number}", genres=["Western"], **open_now)
    found = page("v")
    newest = [row for row in found["rows"] if row["template"] == "new_releases"]
    assert rows_with(found, "fresh")
    assert len(newest) == 1
    assert not {each["item_id"] for each in newest[0]["items"]} & {item_id(number) for number in range(1, 60)}
    assert not rows_with(found, "to come")
    assert not rows_with(found, "nameless")
    card = next(each for row in found["rows"] for each in row["items"] if each["item_id"] == "fresh")
    assert (card["title"], card["genres"], card["maturity"], card["year"]) == ("Fresh", ["Western"], "18", 2024)
    for control in ({"maturity": "all"}, {"kids": True}, {"blocked_genres": ["Western"]}, {"blocked_items": ["fresh"]}):
        assert client.put("/v1/users/v/controls", json=control).status_code == 200
        assert not rows_with(page("v"), "fresh")
        assert bool(rows_with(page("v"), item_id(0))) == ("blocked_items" in control)
    client.put("/v1/users/v/controls", json={})
    post(client, play(1, "v", item_id="fresh"))
    assert rows_with(page("v"), "fresh") in ([], ["continue_watching"], ["watch_again"])
    assert client.delete("/v1/items/fresh").status_code == 200
    assert not rows_with(page("stranger"), "fresh")
