from __future__ import annotations

import pytest

from serving.app import create_app
from serving.metrics import Metrics
from serving.recommender import Recommender
from serving.service import Service
from serving.tracing import EXPORTER, Tracing
from tests.serving.running import running


def test_a_request_is_a_span_and_its_stages_lie_below(recommender: Recommender) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="pip install opentelemetry-sdk")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    service = Service(recommender, Metrics())
    service.tracing = Tracing(provider.get_tracer("test"))
    with running(create_app(service)) as client:
        client.post("/v1/recommend", json={"user_id": "a secret"}, headers={"x-request-id": "find-me"})
    spans = exporter.get_finished_spans()
    (whole,) = [span for span in spans if span.name == "/v1/recommend"]
    assert whole.attributes == {
        "http.route": "/v1/recommend",
        "marquee.request_id": "find-me",
        "http.response.status_code": 200,
    }
    below = [span for span in spans if span.parent is not None and span.parent.span_id == whole.context.span_id]
    assert {"encode", "towers", "ranker", "check"} <= {span.name for span in below}
    assert "a secret" not in str([span.to_json() for span in spans])


def test_an_unknown_exporter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="pip install opentelemetry-sdk")
    monkeypatch.setenv(EXPORTER, "smoke")
    with pytest.raises(ValueError, match="'smoke'; choose console, otlp or none"):
        Tracing.from_environment()
