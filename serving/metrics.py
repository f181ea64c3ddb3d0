"""Prometheus metrics of one server: of this process, or of all workers where they share a folder for them.

prometheus_client reads the folder's name from the environment when it is imported; see `serving.workers`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from serving.pipeline import StageReport
from serving.recommendation import Step
from serving.workers import METRICS_FOLDER

MEDIA_TYPE: Final = CONTENT_TYPE_LATEST

_BUCKETS_S = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_STAGE_BUCKETS_S = (0.00005, 0.0001, 0.00025, *_BUCKETS_S)


class Metrics:
    """Counts and times of requests, times of the pipeline's stages; all names begin with `prefix`."""

    def __init__(self, prefix: str = "marquee") -> None:
        self._is_shared = METRICS_FOLDER in os.environ
        self._version = ""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            f"{prefix}_requests", "Requests answered.", ["route", "status"], registry=self.registry
        )
        self._request_s = Histogram(
            f"{prefix}_request_seconds", "Time to answer.", ["route"], buckets=_BUCKETS_S, registry=self.registry
        )
        self._stage_s = Histogram(
            f"{prefix}_stage_seconds", "Time of a stage.", ["stage"], buckets=_STAGE_BUCKETS_S, registry=self.registry
        )
        self._degraded = Counter(
            f"{prefix}_degraded",
            "Answers in which a model failed or time ran out and a simpler order took over.",
            ["step"],
            registry=self.registry,
        )
        self._removed_late = Counter(
            f"{prefix}_removed_late",
            "Items that only the last check removed; more than 0 is a bug.",
            registry=self.registry,
        )
        self._stale = Counter(
            f"{prefix}_stale", "Requests answered from memory while the store was down.", registry=self.registry
        )
        self._events = Counter(f"{prefix}_events", "Events delivered.", ["fate"], registry=self.registry)
        pid = Gauge(f"{prefix}_worker_pid", "Processes at work.", registry=self.registry, multiprocess_mode="liveall")
        pid.set(os.getpid())
        self._stage, self._route = cache(self._stage_s.labels), cache(self._request_s.labels)
        self._answered = cache(self._requests.labels)
        self._model = Gauge(
            f"{prefix}_model",
            "1 for the bundle that answers.",
            ["version"],
            registry=self.registry,
            multiprocess_mode="liveall",
        )

    def observe_request(self, route: str, status: int, elapsed_s: float) -> None:
        """One request answered."""
        self._answered(route, status).inc()
        self._route(route).observe(elapsed_s)

    def observe_answer(self, stages: Iterable[StageReport], step: Step, of: str = "") -> None:
        """One recommendation made, or `of` the page one; the names of its stages begin with that."""
        for stage in stages:
            self._stage(of + stage.name).observe(stage.ms / 1000)
            if stage.name == "check" and stage.removed:
                self._removed_late.inc(stage.removed)
        if step is not Step.FULL:
            self._degraded.labels(step.value).inc()

    def observe_stale(self) -> None:
        """One request answered without knowing the newest events."""
        self._stale.inc()

    def observe_events(self, accepted: int, duplicates: int) -> None:
        """One batch stored."""
        self._events.labels("accepted").inc(accepted)
        self._events.labels("duplicate").inc(duplicates)

    def name_model(self, version: str) -> None:
        """The bundle that answers from now on."""
        if self._version and self._is_shared:
            self._model.labels(self._version).set(0)
        else:
            self._model.clear()
        self._version = version
        self._model.labels(version).set(1)

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format; counts of all workers, the process' own memory and time."""
        if not self._is_shared:
            return generate_latest(self.registry)
        everybody = CollectorRegistry()
        ProcessCollector(registry=everybody)
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
        return generate_latest(everybody)
