"""Between HTTP and the recommender: messages in and out, no framework. Work here blocks; it runs in a worker thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from typing import TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from msgspec.structs import astuple

from ranking.arrangement import Arrangement
from serving.catalogue import CatalogueFilter
from serving.deadline import ENDLESS, Costs, Deadline
from serving.errors import RequestError
from serving.item_messages import ItemStored
from serving.ladder import Ladder, Wish
from serving.live import Live
from serving.messages import (
    ArrangementRequest,
    Filters,
    RecommendRequest,
    RecommendResponse,
    SimilarResponse,
    Stage,
)
from serving.metrics import Metrics
from serving.page.controls import MemorySettings, Settings
from serving.page.ladder import PAGE
from serving.page.messages import PageRequest, PageResponse
from serving.page.service import PageService
from serving.pipeline import StageReport
from serving.recommendation import Recommendation, Step
from serving.recommender import Recommender
from serving.store.store import Store
from serving.times import to_ms
from serving.tracing import Tracing
from towers.query import Query

T = TypeVar("T")

_LOG = logging.getLogger("marquee.serving")


class UnknownItemError(LookupError):
    """The catalogue has no such item."""


class Service:
    """Answers messages with whichever recommender is current; `swap` replaces it between two requests.

    `others` are laid beside it for comparison; they share the store.
    """

    def __init__(
        self, recommender: Recommender, metrics: Metrics, store: Store | None = None, others: Sequence[Service] = ()
    ) -> None:
        self.metrics = metrics
        self.others = others
        self.store = store
        self._live: Live | None = None
        self._settings: Settings = MemorySettings() if store is None else StoredSettings(self)
        self._swapping = Lock()
        self.costs = Costs()
        self.tracing = Tracing()
        self.swap(recommender)

    @property
    def waits_for_store(self) -> bool:
        """Whether what is committed is asked for over the network."""
        return self.store is not None and not self.store.database.is_sqlite

    @property
    def model_version(self) -> str:
        """Version of the bundle that answers."""
        return self.live.recommender.version

    @property
    def live(self) -> Live:
        """The recommender of the moment; take it once a request, and `current` when events matter."""
        assert self._live is not None
        return self._live

    def current(self) -> Live:
        """The recommender of the moment, which knows all that was committed; from memory while the store is down."""
        live = self.live
        if not live.catch_up():
            self.metrics.observe_stale()
        return live

    def pages(self) -> PageService:
        """The homepage of the moment, which knows all that was committed."""
        self.current()
        return self._pages

    def page(self, message: PageRequest, request_id: str, deadline: Deadline = ENDLESS) -> bytes:
        """The homepage as JSON; a RequestError names a field that cannot be used."""
        started = time.perf_counter()
        page = self.pages().page(message, request_id, deadline)
        stages = [StageReport(*astuple(stage)) for stage in page.stages]
        if page.step is Step.FULL:
            took_ms = 1000 * (time.perf_counter() - started)
            self.costs.observe([*stages, StageReport(PAGE, len(page.rows), 0, took_ms)])
        self.tracing.stages(stages)
        return self._page(page, stages)

    def page_quickly(self, message: PageRequest, request_id: str) -> bytes:
        """A homepage of what is popular as JSON, from memory alone: for requests that cannot be answered in time."""
        page = self._pages.quick_page(message, request_id)
        return self._page(page, [StageReport(*astuple(stage)) for stage in page.stages])

    def _page(self, page: PageResponse, stages: Sequence[StageReport]) -> bytes:
        self.metrics.observe_answer(stages, Step(page.step), of="page/")
        return msgspec.json.encode(page)

    def swap(self, recommender: Recommender) -> None:
        """Answer with `recommender` from now on, once it has shown that it can."""
        with self._swapping:
            pages = PageService.of(recommender, self._settings)
            live = Live.start(recommender, self.store)
            recommender.recommend(Query(), 1)
            pages.check()
            self._pages = pages
            before, self._live = self._live, live
            self.metrics.name_model(recommender.version)
        if before is not None:
            before.close()

    def close(self) -> None:
        """Let go of the store."""
        for service in (self, *self.others):
            service.live.close()
        if self.store is not None:
            self.store.close()

    def recommend(self, message: RecommendRequest, request_id: str, deadline: Deadline = ENDLESS) -> bytes:
        """The response as JSON; a RequestError names a field that cannot be used."""
        recommender = self.current().recommender
        answer = Ladder(recommender).answer(to_wish(message, recommender), deadline)
        self.costs.observe(answer.stages)
        self.tracing.stages(answer.stages)
        return self._response(recommender, answer, request_id)

    def recommend_quickly(self, message: RecommendRequest, request_id: str) -> bytes:
        """What is popular as JSON, from memory alone: for requests that cannot be answered in time."""
        recommender = self.live.recommender
        return self._response(recommender, Ladder(recommender).quick(to_wish(message, recommender)), request_id)

    def _response(self, recommender: Recommender, answer: Recommendation, request_id: str) -> bytes:
        self.metrics.observe_answer(answer.stages, answer.step)
        if min(answer.propensities, default=1.0) < 1:
            drawn = {"request_id": request_id, "items": answer.items, "propensities": answer.propensities}
            _LOG.info("explored", extra=drawn)
        response = RecommendResponse(
            items=list(answer.items),
            scores=list(answer.scores),
            titles=recommender.shelf.titles(answer.rows),
            reasons=list(answer.reasons),
            propensities=list(answer.propensities),
            model_version=answer.model_version,
            request_id=request_id,
            degraded=answer.degraded,
            step=answer.step,
            stages=[Stage(stage.name, stage.kept, stage.removed, round(stage.ms, 4)) for stage in answer.stages],
        )
        return msgspec.json.encode(response)

    def similar(self, item_id: str, k: int) -> bytes:
        """The response as JSON; an UnknownItemError for an item outside the catalogue."""
        recommender = self.current().recommender
        items = recommender.state.items
        row = items.row(item_id)
        if row is None:
            raise UnknownItemError(f"no item {item_id!r} in the catalogue of model {self.model_version}")
        found = recommender.similar(row, k)
        response = SimilarResponse(
            item_id=item_id,
            items=items.ids(found.rows),
            scores=found.scores.tolist(),
            titles=recommender.shelf.titles(found.rows),
            model_version=recommender.version,
        )
        return msgspec.json.encode(response)

    def item_stored(self, item_id: str) -> ItemStored:
        """How the item stands now that its newest state is stored."""
        recommender = self.current().recommender
        row = recommender.state.items.row(item_id)
        has_vector = row is not None and bool(recommender.state.items.has_vector(np.array([row]))[0])
        is_deleted = row is None or recommender.shelf.is_deleted(row)
        return ItemStored(item_id, is_deleted, has_vector, recommender.version)


class StoredSettings:
    """What viewers set, in the store; reading goes through the cache that the store's changes empty."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def get(self, user_id: str, name: str) -> bytes | None:
        """What was put; None where nothing was."""
        return self._service.live.settings(user_id).get(name)

    def put(self, user_id: str, name: str, body: bytes) -> None:
        """Keep from now on, in every process."""
        assert self._service.store is not None
        self._service.store.viewers.put(user_id, name, body)


def to_wish(message: RecommendRequest, recommender: Recommender) -> Wish:
    """What a message asks of a recommender."""
    return Wish(
        to_query(message, recommender.bundle.spec.ts_unit_ms),
        message.k,
        to_catalogue_filter(message.filters),
        message.filter_seen,
        message.use_ranker,
        to_arrangement(message.arrangement, recommender.arrangement),
    )


def to_arrangement(message: ArrangementRequest, default: Arrangement) -> Arrangement:
    """The default with what the message says otherwise."""
    told = {name: value for name, value in msgspec.structs.asdict(message).items() if value is not UNSET}
    return replace(default, **told) if told else default


def to_query(message: RecommendRequest, ts_unit_ms: float) -> Query:
    """The query of a message; times are multiplied by `ts_unit_ms`."""
    times = _given(message.history_timestamps)
    timestamp = _given(message.timestamp)
    history = _given(message.history)
    if times is not None and history is None:
        raise RequestError("history_timestamps", "times without a history; give `history` too")
    return Query(
        user_id=_given(message.user_id),
        history=None if history is None else tuple(history),
        history_ts_ms=None if times is None else tuple(to_ms(times, ts_unit_ms, "history_timestamps")),
        ts_ms=None if timestamp is None else to_ms([timestamp], ts_unit_ms, "timestamp")[0],
        context=message.context,
        exclude=tuple(message.exclude),
        is_bag=message.is_bag,
    )


def to_catalogue_filter(filters: Filters) -> CatalogueFilter:
    """The filter of a message."""
    return CatalogueFilter(tuple(filters.genres), tuple(filters.exclude_genres), tuple(filters.maturity))


def _given(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value
