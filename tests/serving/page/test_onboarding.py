from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from serving.app import create_app
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.metrics import Metrics
from serving.page.messages import Grid
from serving.page.onboarding import Asking, Onboarding
from serving.service import Service
from serving.store.store import Store
from tests.serving.conftest import NOW_MS
from tests.serving.running import running


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'live.sqlite'}"


@pytest.fixture
def service(tiny_bundle: Bundle, url: str) -> Iterator[Service]:
    service = Service(assemble(tiny_bundle, lambda: NOW_MS), Metrics(), Store.open(url))
    yield service
    service.close()


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with running(create_app(service)) as client:
        yield client


def ask(client: httpx.Client, user_id: str = "newcomer") -> list[str]:
    return [item["item_id"] for item in client.get("/v1/onboarding", params={"user_id": user_id}).json()["items"]]


def tell(client: httpx.Client, answers: dict[str, str]) -> dict[str, Any]:
    body = {"user_id": "newcomer", "answers": [{"item_id": item, "answer": said} for item, said in answers.items()]}
    answer = client.post("/v1/onboarding", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def page(client: httpx.Client, user_id: str = "newcomer") -> list[list[str]]:
    answer = client.post("/v1/page", json={"user_id": user_id}, headers={"x-request-id": "same"}).json()
    return [[item["item_id"] for item in row["items"]] for row in answer["rows"]]


def test_one_answer_changes_the_page(client: httpx.Client) -> None:
    first, before = ask(client), page(client)
    told = tell(client, {first[0]: "like", first[1]: "unknown"})
    assert told["num_answers"] == 2
    assert not {item["item_id"] for item in told["items"]} & set(first[:2])
    assert page(client) != before


def test_a_reset_takes_the_answers_back(client: httpx.Client) -> None:
    first = ask(client)
    tell(client, {first[0]: "like", first[1]: "dislike", first[2]: "unknown"})
    assert ask(client) != first
    reset = {"event_id": "r", "user_id": "newcomer", "event": "reset"}
    assert client.post("/v1/events", json={"events": [reset]}).status_code == 200
    assert ask(client) == first
    assert page(client) == page(client, "a stranger")


def test_answers_outlast_the_process(client: httpx.Client, tiny_bundle: Bundle, url: str) -> None:
    told = tell(client, {ask(client)[0]: "like"})
    again = Service(assemble(tiny_bundle, lambda: NOW_MS), Metrics(), Store.open(url))
    with running(create_app(again)) as other:
        assert ask(other) == [item["item_id"] for item in told["items"]]
    again.close()


def test_answers_do_not_make_a_title_popular(client: httpx.Client, service: Service) -> None:
    before = service.current().recommender.state.popularity().copy()
    tell(client, {ask(client)[0]: "like"})
    assert (service.current().recommender.state.popularity() == before).all()


def test_what_the_viewer_must_not_see_is_not_asked(client: httpx.Client) -> None:
    blocked = ask(client)[:3]
    assert client.put("/v1/users/newcomer/controls", json={"blocked_items": blocked}).status_code == 200
    assert not set(ask(client)) & set(blocked)


@pytest.mark.parametrize("grid", ["popular", "diverse", "adaptive"])
def test_nothing_is_asked_twice_and_in_the_end_nothing_at_all(tiny_bundle: Bundle, grid: Grid) -> None:
    onboarding, num_rows = Onboarding(tiny_bundle), tiny_bundle.spec.vocabulary.num_rows
    asked, none = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    while len(rows := onboarding.rows(grid, Asking(np.ones(num_rows, np.bool_), asked, asked[:1], none), 25)):
        assert not np.isin(rows, asked).any()
        asked = np.concatenate([asked, rows])
    assert len(asked) > 25
