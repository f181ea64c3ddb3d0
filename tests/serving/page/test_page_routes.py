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


def test_a_page_is_personal_after_one_answer(client: httpx.Client) -> None:
    first = client.get("/v1/onboarding", params={"user_id": "newcomer", "k": 6}).json()
    before = client.post("/v1/page", json={"user_id": "newcomer"}).json()
    body = {"user_id": "newcomer", "answers": [{"item_id": first["items"][0]["item_id"], "answer": "like"}], "k": 6}
    then = client.post("/v1/onboarding", json=body).json()
    after = client.post("/v1/page", json={"user_id": "newcomer", "timestamp": NOW_MS / 1000 + 1e9}).json()
    assert (first["num_answers"], then["num_answers"]) == (0, 1)
    assert not {item["item_id"] for item in first["items"][:1]} & {item["item_id"] for item in then["items"]}
    assert before["is_new"]
    assert not after["is_new"]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [({"k": "0"}, "k"), ({"k": "many"}, "k"), ({"grid": "best"}, "grid"), ({"size": "1"}, "size")],
)
def test_wrong_parameters_of_the_onboarding_are_named(
    client: httpx.Client, parameters: dict[str, str], field: str
) -> None:
    answer = client.get("/v1/onboarding", params=parameters)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_an_unknown_title_in_an_answer_is_named(client: httpx.Client) -> None:
    answer = client.post("/v1/onboarding", json={"user_id": "v", "answers": [{"item_id": "none", "answer": "like"}]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "answers[0].item_id"


def test_the_profile_speaks(client: httpx.Client) -> None:
    answer = client.get("/v1/users/viewer-003/profile").json()
    assert answer["num_events"] > 0
    assert answer["words"]
