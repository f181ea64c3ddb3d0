from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from serving.app import Config, create_app
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.logs import JsonLines
from serving.metrics import Metrics
from serving.service import Service
from serving.store.store import Store
from tests.serving.running import running
from tests.serving.test_events_over_http import play

SECRET = "margarethe.von.trotta@example.org"


def test_logs_are_json_and_name_no_viewer(
    tiny_bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(assemble(tiny_bundle), Metrics(), Store.open(f"sqlite:///{tmp_path / 'live.sqlite'}"))
    with caplog.at_level(logging.DEBUG), running(create_app(service)) as client:
        client.post("/v1/events", json={"events": [play(1, SECRET)]})
        client.post("/v1/recommend", json={"user_id": SECRET}, headers={"x-request-id": "find-me"})
        client.post("/v1/recommend", json={"user_id": SECRET, "k": 0})
        client.delete(f"/v1/users/{SECRET}")
    service.close()
    ours = [record for record in caplog.records if record.name.startswith("marquee")]
    lines = [json.loads(JsonLines().format(record)) for record in ours]
    answered = [(line["route"], line["status"]) for line in lines if line["message"] == "answered"]
    assert answered == [
        ("/v1/events", 200),
        ("/v1/recommend", 200),
        ("/v1/recommend", 422),
        ("/v1/users/{user_id:any}", 200),
    ]
    assert lines[1]["request_id"] == "find-me"
    assert SECRET not in json.dumps(lines)


def test_an_error_keeps_its_traceback() -> None:
    record = logging.LogRecord("marquee", logging.ERROR, "", 0, "failed %s", ("here",), None)
    record.exc_info = (ZeroDivisionError, ZeroDivisionError("the cause"), None)
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["level"]) == ("failed here", "error")
    assert "the cause" in line["error"]


def test_an_api_key_guards_everything_but_health_and_documentation(tiny_bundle: Bundle) -> None:
    app = create_app(Service(assemble(tiny_bundle), Metrics()), Config(api_key="open sesame"))
    with running(app) as client:
        assert client.post("/v1/recommend", json={}).status_code == 401
        assert client.post("/v1/recommend", json={}, headers={"authorization": "Bearer sesame"}).status_code == 401
        assert client.post("/v1/recommend", json={}, headers={"authorization": "Bearer open sesame"}).status_code == 200
        for path in ("/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200
