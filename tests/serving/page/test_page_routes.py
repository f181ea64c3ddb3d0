from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from serving.app import create_app
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.metrics import Metrics
from serving.service import Service
from tests.serving.conftest import NOW_MS
from tests.serving.running import running


@pytest.fixture(scope="module")
def client(tiny_bundle: Bundle) -> Iterator[httpx.Client]:
    with running(create_app(Service(assemble(tiny_bundle, lambda: NOW_MS), Metrics()))) as client:
        yield client


def test_a_page_over_http(client: httpx.Client) -> None:
    answer = client.post("/v1/page", json={"user_id": "viewer-001"}, headers={"x-request-id": "mine"})
    page = answer.json()
    assert answer.status_code == 200, answer.text
    assert page["request_id"] == "mine"
    assert page["rows"][0]["items"][0]["variant"].keys() == {"id", "artwork", "line"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"strategy": "best"}, "strategy"),
        ({"sizes": {"rows": 0}}, "sizes.rows"),
        ({"sizes": {"row_length": 3, "min_row_length": 4}}, "sizes.min_row_length"),
        ({"timestamp": 1e17}, "timestamp"),
        ({"user": "me"}, "user"),
    ],
)
def test_a_wrong_field_is_named(client: httpx.Client, body: dict[str, object], field: str) -> None:
    answer = client.post("/v1/page", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_controls_are_kept_and_checked(client: httpx.Client) -> None:
    assert client.get("/v1/users/v/controls").json()["controls"]["maturity"] is None
    answer = client.put("/v1/users/v/controls", json={"maturity": "all", "blocked_genres": ["Horror"]})
    assert answer.json()["maturity_labels"] == ["all", "18"]
    assert client.get("/v1/users/v/controls").json()["controls"]["blocked_genres"] == ["Horror"]
    wrong = client.put("/v1/users/v/controls", json={"maturity": "PG-99"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "maturity"
