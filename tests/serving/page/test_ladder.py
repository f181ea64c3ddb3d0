from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from index.topk import TopK
from serving.app import Config, create_app
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.deadline import Costs, Deadline
from serving.events import Event
from serving.metrics import Metrics
from serving.page.controls import write_controls
from serving.page.homepage import Homepage, PageQuery
from serving.page.ladder import PAGE, PageLadder
from serving.page.messages import Controls, PageResponse, Sizes
from serving.pipeline import StageReport
from serving.recommendation import Step
from serving.service import Service
from serving.store.item_journal import JournalEntry
from tests.bundles import item_id
from tests.serving.conftest import NOW_MS
from tests.serving.running import running
from towers.schema import EventType

QUERY = PageQuery("viewer-001", NOW_MS)


def broken(*_: Any, **__: Any) -> TopK:
    raise RuntimeError("gone")


def slow(stage: str) -> Deadline:
    """Leaves time for everything but one stage."""
    costs = Costs()
    costs.observe([StageReport(stage, 0, 0, 1e9)])
    return Deadline(time.perf_counter() + 60, costs)


def ids(page: PageResponse) -> list[str]:
    return [item.item_id for row in page.rows for item in row.items]


def test_each_failure_takes_the_next_rung(home: Homepage, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [PageLadder(home).answer(QUERY)]
    monkeypatch.setattr(home.recommender, "_scorer", broken)
    pages.append(PageLadder(home).answer(QUERY))
    monkeypatch.setattr(home, "_gatherer", broken)
    pages.append(PageLadder(home).answer(QUERY))
    monkeypatch.setattr(home.recommender.fallback, "_ordered_ms", -(10**15))
    monkeypatch.setattr(home.recommender.state, "popularity", broken)
    pages.append(PageLadder(home).answer(QUERY))
    assert [page.step for page in pages] == [Step.FULL, Step.RETRIEVAL, Step.POPULARITY, Step.STATIC]
    assert [page.degraded for page in pages] == [False, True, True, True]
    assert all(len(ids(page)) > 10 for page in pages)


@pytest.mark.parametrize(
    ("stage", "step"), [("encode", Step.POPULARITY), ("score", Step.RETRIEVAL), (PAGE, Step.POPULARITY)]
)
def test_what_does_not_fit_into_the_deadline_is_left_out(home: Homepage, stage: str, step: Step) -> None:
    page = PageLadder(home).answer(QUERY, slow(stage))
    assert page.step is step
    assert page.degraded
    assert page.rows


def test_no_rung_shows_what_is_forbidden_or_seen(home: Homepage, monkeypatch: pytest.MonkeyPatch) -> None:
    write_controls(home.settings, "viewer-001", Controls(blocked_genres=["Horror"], blocked_items=[item_id(4)]))
    home.recommender.shelf.put([JournalEntry(item_id(5), None, 1)])
    home.recommender.state.record(Event("viewer-001", item_id(8), NOW_MS - 10, EventType.NOT_INTERESTED))
    seen = set(home.recommender.state.items.ids(home.recommender.state.history("viewer-001").rows))
    page = PageLadder(home).quick(QUERY)
    found = ids(page)
    assert len(found) == len(set(found)) > 0
    assert not set(found) & ({item_id(4), item_id(5), item_id(8)} | seen)
    assert not any("Horror" in item.genres for row in page.rows for item in row.items)


def test_a_page_obeys_its_sizes_whatever_the_rung(home: Homepage) -> None:
    sizes = Sizes(rows=2, row_length=5, min_row_length=3)
    page = PageLadder(home).quick(PageQuery("stranger", NOW_MS, sizes=sizes))
    assert len(page.rows) == 2
    assert all(3 <= len(row.items) <= 5 for row in page.rows)


def test_pages_that_would_wait_too_long_are_made_at_once(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(assemble(tiny_bundle, lambda: NOW_MS), Metrics())
    with running(create_app(service, Config(deadline_ms=1000))) as client:
        assert post(client)["step"] == "full"
        monkeypatch.setattr("serving.admission.Admission.admits", lambda *_: False)
        assert post(client)["step"] == "popularity"
        text = client.get("/metrics").text
    assert 'marquee_stage_seconds_count{stage="page/rows"} 1.0' in text
    assert 'marquee_degraded_total{step="popularity"} 1.0' in text
    assert 'marquee_request_seconds_count{route="/v1/page"} 2.0' in text


def test_a_page_gets_simpler_when_its_caller_is_in_a_hurry(tiny_bundle: Bundle) -> None:
    service = Service(assemble(tiny_bundle, lambda: NOW_MS), Metrics())
    service.costs.observe([StageReport(PAGE, 0, 0, 50_000.0)])
    with running(create_app(service)) as client:
        assert post(client, {"x-deadline-ms": "1000"})["step"] == "popularity"
        assert post(client)["step"] == "full"


def post(client: httpx.Client, headers: dict[str, str] | None = None) -> dict[str, Any]:
    answer = client.post("/v1/page", json={"user_id": "viewer-001"}, headers=headers)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page
