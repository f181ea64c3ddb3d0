"""Traces in OpenTelemetry's words, when OTEL_TRACES_EXPORTER asks for them: a span a request, below it one a stage.

`console` prints them; `otlp` needs opentelemetry-exporter-otlp-proto-http and its OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from serving.pipeline import StageReport

EXPORTER: Final = "OTEL_TRACES_EXPORTER"


class Tracing:
    """Spans of one process; without a tracer nothing happens."""

    def __init__(self, tracer: Any = None) -> None:
        self._tracer = tracer

    @classmethod
    def from_environment(cls) -> Tracing:
        """What the environment asks for; a ModuleNotFoundError names the package that is missing."""
        wanted = os.environ.get(EXPORTER, "none")
        if wanted == "none":
            return cls()
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(_exporter(wanted)))
        return cls(provider.get_tracer("marquee"))

    @contextmanager
    def request(self, route: str, request_id: str) -> Iterator[list[int]]:
        """The span of a request; the status is appended to the list."""
        status: list[int] = []
        if self._tracer is None:
            yield status
            return
        with self._tracer.start_as_current_span(route) as span:
            span.set_attributes({"http.route": route, "marquee.request_id": request_id})
            yield status
            for code in status:
                span.set_attribute("http.response.status_code", code)

    def stages(self, reports: Iterable[StageReport]) -> None:
        """Spans of the stages that ended just now, one after the other."""
        if self._tracer is None:
            return
        each = [(report, int(report.ms * 1e6)) for report in reports]
        start_ns = time.time_ns() - sum(length_ns for _, length_ns in each)
        for report, length_ns in each:
            span = self._tracer.start_span(report.name, start_time=start_ns)
            span.set_attributes({"marquee.kept": report.kept, "marquee.removed": report.removed})
            start_ns += length_ns
            span.end(start_ns)


def _exporter(name: str) -> Any:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    if name == "otlp":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    raise ValueError(f"{EXPORTER} is {name!r}; choose console, otlp or none")
