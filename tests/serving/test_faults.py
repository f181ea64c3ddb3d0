"""What happens when the store fails: events are refused, answers go on."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from serving.app import create_app
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.events import Event
from serving.metrics import Metrics
from serving.service import Service
from serving.store.database import StoreError
from serving.store.store import Change, Store
from tests.bundles import item_id
from tests.serving.conftest import NOW_MS
from tests.serving.postgres import running_postgres
from tests.serving.running import running
from tests.serving.test_events_over_http import items, play, post
from towers.schema import EventType


def refused(client: httpx.Client, *events: dict[str, Any]) -> None:
    response = client.post("/v1/events", json={"events": events})
    assert response.status_code == 503, response.text
    assert response.headers["retry-after"] == "1"
    assert "sqlite" not in response.text
    assert "postgres" not in response.text


def test_a_full_disk_refuses_events_and_answers_go_on(tiny_bundle: Bundle, tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'live.sqlite'}")
    service = Service(assemble(tiny_bundle, lambda: NOW_MS), Metrics(), store)
    with running(create_app(service)) as client:
        post(client, play(1))
        sa.event.listen(store.database.engine, "connect", lambda made, _: made.execute("PRAGMA max_page_count=1"))
        store.database.engine.dispose()
        for round_number in range(3):
            refused(client, *(play(number, event_id=f"{round_number}-{number}" * 40) for number in range(300)))
            assert item_id(1) not in items(client)
        sa.event.listen(store.database.engine, "connect", lambda made, _: made.execute("PRAGMA max_page_count=10000"))
        store.database.engine.dispose()
        post(client, play(2))
        assert len({item_id(1), item_id(2)} & set(items(client))) == 0
    service.close()


def test_answers_come_from_memory_while_the_database_is_down(
    tiny_bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("psycopg", reason="the postgres extra is not installed")
    with running_postgres() as postgres:
        service = Service(assemble(tiny_bundle, lambda: NOW_MS), Metrics(), Store.open(postgres.url))
        app = create_app(service)
        stack = running(app)
        client = stack.__enter__()
        post(client, play(1))
        before = items(client)
    try:
        with caplog.at_level(logging.ERROR, "marquee.serving"):
            assert items(client) == before
            assert items(client) == before
            refused(client, play(2))
            assert items(client) == before
        assert "answering from memory" in caplog.text
        assert "marquee_stale_total 3.0" in service.metrics.exposition().decode()
    finally:
        stack.__exit__(None, None, None)
        service.close()


def test_what_was_missed_is_read_when_the_store_is_back(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'live.sqlite'}"
    store, other = Store.open(url), Store.open(url)
    service = Service(assemble(tiny_bundle, lambda: NOW_MS), Metrics(), store)
    is_down = threading.Event()
    changes = store.changes

    def failing(after: int) -> list[Change]:
        if is_down.is_set():
            raise StoreError("gone")
        return changes(after)

    monkeypatch.setattr(store, "changes", failing)
    with running(create_app(service)) as client:
        post(client, play(1))
        is_down.set()
        other.events.append([Event("ann", item_id(2), NOW_MS - 10, EventType.PLAY, "other")], NOW_MS)
        assert item_id(2) in items(client), "not read yet"
        is_down.clear()
        for _ in range(500):
            if not {item_id(1), item_id(2)} & set(items(client)):
                break
            threading.Event().wait(0.02)
        assert not {item_id(1), item_id(2)} & set(items(client))
    service.close()
    other.close()
