from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client.parser import text_string_to_metric_families

from ranking.arrangement import Arrangement
from ranking.merge import Merged
from serving.app import Config, create_app
from serving.assembly import assemble, fresh_state
from serving.bundle import Bundle
from serving.logs import JsonLines
from serving.messages import ArrangementRequest
from serving.metrics import Metrics
from serving.pipeline import Request
from serving.recommender import Recommender
from serving.service import Service, to_arrangement
from tests.bundles import TinyConfig, item_id
from tests.serving.conftest import NOW_MS
from tests.serving.running import running
from towers.query import Query

NUM_ITEMS = TinyConfig.num_items


@pytest.fixture(scope="module")
def client(tiny_bundle: Bundle) -> Iterator[httpx.Client]:
    recommender = assemble(tiny_bundle, lambda: NOW_MS)
    with running(create_app(Service(recommender, Metrics()), Config(max_body_bytes=50_000))) as client:
        yield client


class FailsAtTimeZero:
    """A ranker with a bug that shows at one moment."""

    counts: Mapping[str, int] = MappingProxyType({"towers": 10})

    def score(self, request: Request, merged: Merged) -> NDArray[np.float64]:
        return merged.candidates.scores.astype(np.float64) / (1 // request.ts_ms + 1)


def ask(client: httpx.Client, **message: Any) -> dict[str, Any]:
    response = client.post("/v1/recommend", json=message)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"user_id": "viewer-003"},
        {"user_id": "a stranger"},
        {"user_id": ""},
        {"history": []},
        {"history": ["unheard of", item_id(3), "ユニコード"]},
        {"history": ["unheard of"]},
        {"history": [item_id(3)] * 300},
        {"history": [item_id(3), item_id(4)], "history_timestamps": [1_700_000_000, 1_700_000_001.5]},
        {"history": [item_id(number) for number in range(50)], "timestamp": 1_800_000_000},
        {"timestamp": -5},
        {"context": {"device": "tv", "weather": "rain"}},
        {"exclude": ["unheard of"]},
    ],
)
@pytest.mark.parametrize("k", [1, 10, 1000])
def test_every_viewer_gets_distinct_items(client: httpx.Client, message: dict[str, Any], k: int) -> None:
    answer = ask(client, **message, k=k)
    num_allowed = NUM_ITEMS - len({item_id(number) for number in range(NUM_ITEMS)} & set(message.get("history", [])))
    assert len(answer["items"]) == len(set(answer["items"])) >= min(k, num_allowed) - 15
    columns = [answer[name] for name in ("items", "scores", "titles", "reasons")]
    assert len({len(column) for column in columns}) == 1
    assert not answer["degraded"]
    if "user_id" not in message:
        assert len(answer["items"]) == min(k, num_allowed)


def test_the_list_over_http_is_the_recommenders_own(client: httpx.Client, recommender: Recommender) -> None:
    for number in range(20):
        user_id = f"viewer-{number:03d}"
        answer = ask(client, user_id=user_id, k=30, timestamp=NOW_MS / 1000, exclude=[item_id(1)])
        expected = recommender.recommend(Query(user_id, ts_ms=NOW_MS, exclude=(item_id(1),)), 30)
        assert answer["items"] == list(expected.items)
        assert answer["scores"] == list(expected.scores)
        assert answer["model_version"] == expected.model_version


def test_filters_and_switches_reach_the_recommender(client: httpx.Client) -> None:
    seen = [item_id(0), item_id(4)]
    drama = ask(client, history=seen, k=1000, filters={"genres": ["Drama"], "exclude_genres": ["Horror"]})
    assert set(drama["items"]) == {item_id(number) for number in range(0, NUM_ITEMS, 4)} - set(seen)
    assert set(seen) <= set(ask(client, history=seen, k=1000, filter_seen=False)["items"])
    stages = [stage["name"] for stage in ask(client, history=seen, use_ranker=False)["stages"]]
    assert stages == ["encode", "towers", "check"]


def test_an_arrangement_is_answered_with_its_chances_and_logged(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    plain = ask(client, user_id="viewer-003", timestamp=NOW_MS)
    assert plain["propensities"] == [1.0] * 10
    with caplog.at_level("INFO", "marquee.serving"):
        drawn = ask(client, user_id="viewer-003", timestamp=NOW_MS, arrangement={"exploration": 1.0})
    assert all(0 < chance < 1 for chance in drawn["propensities"])
    assert "arrangement" in [stage["name"] for stage in drawn["stages"]]
    (line,) = [record for record in caplog.records if record.message == "explored"]
    told = json.loads(JsonLines().format(line))
    assert (told["items"], told["propensities"]) == (drawn["items"], drawn["propensities"])
    assert told["request_id"] == drawn["request_id"]
    assert "viewer-003" not in json.dumps(told)


def test_a_message_changes_only_what_it_names(recommender: Recommender) -> None:
    default = Arrangement(diversity=0.5, max_per_person=2)
    told = to_arrangement(ArrangementRequest(max_per_person=0), default)
    assert told == Arrangement(diversity=0.5)
    assert to_arrangement(ArrangementRequest(), default) is default


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b"\xff\xfe", 400, None),
        (b'{"k": NaN}', 400, None),
        (b'{"user_id": "\\ud800"}', 400, None),
        (b"[]", 422, "body"),
        (b'{"k": 0}', 422, "k"),
        (b'{"k": 1001}', 422, "k"),
        (b'{"k": "ten"}', 422, "k"),
        (b'{"k": 1.5}', 422, "k"),
        (b'{"user": "me"}', 422, "user"),
        (b'{"user_id": 7}', 422, "user_id"),
        (b'{"history": ["a", 7]}', 422, "history[1]"),
        (b'{"history": "a"}', 422, "history"),
        (b'{"history": ["a"], "history_timestamps": [1, 2]}', 422, "history_timestamps"),
        (b'{"history_timestamps": [1]}', 422, "history_timestamps"),
        (b'{"history": ["a"], "history_timestamps": [1e17]}', 422, "history_timestamps"),
        (b'{"timestamp": 1e17}', 422, "timestamp"),
        (b'{"timestamp": 1e400}', 422, "timestamp"),
        (b'{"context": {"device": 1}}', 422, "context[...]"),
        (b'{"exclude": ["' + b"a" * 300 + b'"]}', 422, "exclude[0]"),
        (b'{"context": {"' + b"a" * 300 + b'": "x"}}', 422, "context"),
        (b'{"filters": {"genre": ["Drama"]}}', 422, "filters.genre"),
        (b'{"arrangement": {"exploration": 2}}', 422, "arrangement.exploration"),
        (b'{"arrangement": {"fun": 1}}', 422, "arrangement.fun"),
        (b'{"filters": {"genres": ["Dramma"]}}', 422, "filters.genres"),
        (b'{"exclude": ["' + b"a" * 60_000 + b'"]}', 413, None),
    ],
)
def test_malformed_input_is_a_problem_that_names_the_field(
    client: httpx.Client, body: bytes, status: int, field: str | None
) -> None:
    response = client.post("/v1/recommend", content=body)
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["status"]) == (status, status)
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert [error["field"] for error in problem["errors"]] == ([] if field is None else [field])
    assert field is None or field in problem["detail"]


def test_a_body_without_a_length_is_cut_off_too(client: httpx.Client) -> None:
    chunks = (b"x" * 10_000 for _ in range(100))
    assert client.post("/v1/recommend", content=chunks).status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/recommend", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/recommend", 405),
        ("POST", "/v1/similar/item-0001", 405),
        ("GET", "/v1/similar/unheard%20of", 404),
        ("GET", "/v1/similar/item-0001?k=0", 422),
        ("GET", "/v1/similar/item-0001?k=ten", 422),
        ("GET", "/v1/similar/item-0001?k=%C2%B2", 422),
        ("GET", "/v1/similar/item-0001?n=5", 422),
        ("GET", f"/v1/similar/{'a' * 300}", 422),
        ("GET", "/docs/static/no-such-file.js", 404),
    ],
)
def test_wrong_addresses_are_problems_too(client: httpx.Client, method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert response.status_code == response.json()["status"] == status
    assert response.headers["content-type"] == "application/problem+json"


def test_similar_items_are_answered_in_columns(client: httpx.Client, tiny_bundle: Bundle) -> None:
    answer = client.get("/v1/similar/item-0005?k=7").json()
    assert len(answer["items"]) == len(answer["scores"]) == len(answer["titles"]) == 7
    assert "item-0005" not in answer["items"]
    assert answer["model_version"] == tiny_bundle.version
    assert len(client.get("/v1/similar/item-0005?k=1000").json()["items"]) == NUM_ITEMS - 1


def test_a_failing_model_is_logged_and_a_simpler_order_takes_over(
    tiny_bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    recommender = Recommender(tiny_bundle, fresh_state(tiny_bundle), lambda: NOW_MS, scorer=FailsAtTimeZero())
    app = create_app(Service(recommender, Metrics()))
    with running(app) as client, caplog.at_level(logging.ERROR, "marquee.serving"):
        answer = ask(client, timestamp=0)
        assert not ask(client)["degraded"]
    assert (answer["degraded"], answer["step"], len(answer["items"])) == (True, "retrieval", 10)
    assert "ZeroDivisionError" in caplog.text


def test_a_failure_is_a_problem_without_internals_and_is_logged(
    recommender: Recommender, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(recommender, Metrics())
    monkeypatch.setattr(service, "recommend", lambda *_: 1 // 0)
    with running(create_app(service)) as client, caplog.at_level(logging.ERROR, "marquee.serving"):
        response = client.post("/v1/recommend", json={}, headers={"x-request-id": "find-me"})
    assert response.status_code == 500
    assert "division" not in response.text
    assert response.json()["request_id"] == "find-me"
    assert "find-me" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_the_server_is_ready_only_while_it_runs(recommender: Recommender) -> None:
    app = create_app(Service(recommender, Metrics()))

    def statuses() -> list[int]:
        async def ask() -> list[int]:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
                return [(await client.get(f"/health/{what}")).status_code for what in ("live", "ready")]

        return asyncio.run(ask())

    assert statuses() == [200, 503]
    with running(app) as client:
        assert client.get("/health/ready").json()["status"] == "ready"
    assert statuses() == [200, 503]


def test_a_request_keeps_its_id_and_strange_ids_are_replaced(client: httpx.Client) -> None:
    def answered(given: str) -> str:
        return str(client.post("/v1/recommend", json={}, headers={"x-request-id": given}).json()["request_id"])

    assert answered("abc-1") == "abc-1"
    assert answered("no spaces, please") != "no spaces, please"


def test_metrics_count_requests_and_time_stages(recommender: Recommender) -> None:
    with running(create_app(Service(recommender, Metrics()))) as client:
        for message in ({}, {"k": 5}, {"k": -1}):
            client.post("/v1/recommend", json=message)
        text = client.get("/metrics").text
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["marquee_requests_total", "/v1/recommend", "200"] == 2
    assert samples["marquee_requests_total", "/v1/recommend", "422"] == 1
    assert samples["marquee_stage_seconds_count", "ranker"] == 2
    assert samples["marquee_model", recommender.bundle.version] == 1
    assert samples["marquee_removed_late_total",] == 0


def test_the_document_describes_what_the_server_does(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) >= {
        "/v1/recommend",
        "/v1/similar/{item_id}",
        "/v1/events",
        "/v1/users/{user_id}",
        "/health/live",
        "/health/ready",
        "/metrics",
    }
    fields = document["components"]["schemas"]["RecommendRequest"]["properties"]
    assert fields["k"]["maximum"] == 1000
    references = {value for value in _values(document) if isinstance(value, str) and value.startswith("#/")}
    for reference in references:
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def test_the_documentation_page_needs_no_network(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"docs/static/{name}" in page
        assert client.get(f"/docs/static/{name}").status_code == 200


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _values(inner)
    yield value
