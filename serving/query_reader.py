"""From a query to what the stages see: history, moment, codes of the context, and the viewer's vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ranking.moment import Moment
from serving.bundle import Bundle
from serving.deadline import ENDLESS, Deadline
from serving.errors import RequestError
from serving.items import ItemTable
from serving.pipeline import Request
from serving.recommendation import Step
from serving.state import LiveState, in_time_order
from serving.vector_cache import VectorCache
from towers.history import History, pad
from towers.query import Query
from towers.vocabulary import UNKNOWN

MS_APART = 1000
"""Between the events of a history given without times."""


class QueryReader:
    """Completes queries with what the server knows now."""

    def __init__(
        self, bundle: Bundle, state: LiveState, clock_ms: Callable[[], int], vectors: VectorCache.Config | None = None
    ) -> None:
        self._bundle = bundle
        self._state = state
        self._clock_ms = clock_ms
        self._vectors = None if vectors is None else VectorCache(vectors)

    def read(self, query: Query) -> Request:
        """The query as arrays: history, moment, codes of the context, and the viewer's vector."""
        return self.read_in_time(query, ENDLESS)[0]

    def read_in_time(self, query: Query, deadline: Deadline) -> tuple[Request, Step]:
        """The query as arrays, with an older vector of the viewer or none where a new one would come too late."""
        history, ts_ms = self._moment(query)
        context = self._bundle.spec.context_codes(np.array([ts_ms], dtype=np.int64), [query.context])[0]
        vector, step = self._vector(query, history, context, ts_ms, deadline)
        items = self._state.items
        moment = Moment(
            user_id=query.user_id,
            history=history,
            ts_ms=ts_ms,
            context=context,
            vector=vector,
            num_rows=items.num_rows,
            signals=self._state.signals,
            transitions=self._bundle.transitions,
            vectors_of=items.vectors,
            slates=self._bundle.slates,
            item_knn=self._bundle.item_knn,
            ease=self._bundle.ease,
            watching=self._bundle.watching,
            bag=self._bundle.bag,
            behaviour=self._bundle.behaviour,
        )
        return Request(moment, self._state.popularity()), step

    def _vector(
        self, query: Query, history: History, context: NDArray[np.int64], ts_ms: int, deadline: Deadline
    ) -> tuple[NDArray[np.float32] | None, Step]:
        """The viewer's vector and how it was come by; only what the server itself knows of a viewer is kept."""
        cache = self._vectors if query.user_id is not None and query.history is None and query.ts_ms is None else None
        if cache is None or query.user_id is None:
            vector = self._encoded(history, context, ts_ms) if deadline.allows("encode") else None
            return vector, Step.POPULARITY if vector is None else Step.FULL
        vector = cache.get(query.user_id, history, context, ts_ms)
        if vector is not None:
            return vector, Step.FULL
        if deadline.allows("encode") and (vector := self._encoded(history, context, ts_ms)) is not None:
            cache.put(query.user_id, history, context, ts_ms, vector)
            return vector, Step.FULL
        vector = cache.any_of(query.user_id) if len(history.rows) else None  # nothing of a forgotten viewer
        return vector, Step.POPULARITY if vector is None else Step.CACHED_VECTOR

    def _encoded(self, history: History, context: NDArray[np.int64], ts_ms: int) -> NDArray[np.float32] | None:
        """The user tower's answer; None when it is not finite."""
        items = self._state.items
        newest = with_token(history, items).last(self._bundle.spec.max_length)
        batch = pad([newest], np.array([ts_ms], dtype=np.int64), context[None])
        tokens = items.tokens(batch.rows, self._bundle.item_tokens)
        vector = self._bundle.encoder.encode_tokens(batch, tokens)[0]
        return vector if np.isfinite(vector).all() else None

    def _moment(self, query: Query) -> tuple[History, int]:
        """History and time of the request.

        Without a time it is now, or where the data has no clock one step behind the newest event.
        """
        known = self._state.history(query.user_id)
        ts_ms = query.ts_ms
        if ts_ms is None:
            ts_ms = self._now_ms(known if query.history is None else None, query.history_ts_ms)
        elif query.history is None:
            known = known.before(ts_ms)
        if query.history is None:
            return known, ts_ms
        return self._given(query.history, query.history_ts_ms, ts_ms, known), ts_ms

    def _now_ms(self, known: History | None, given_ts_ms: Sequence[int] | None) -> int:
        if self._bundle.spec.has_clock:
            return self._clock_ms()
        times = given_ts_ms if known is None else known.ts_ms
        return int(max(times)) + MS_APART if times is not None and len(times) else 0

    def _given(self, ids: Sequence[str], given_ts_ms: Sequence[int] | None, ts_ms: int, known: History) -> History:
        """A history given by the caller in time order, with the behaviour known of the same item and time."""
        if given_ts_ms is None:
            given_ts_ms = [ts_ms - MS_APART * (len(ids) - place) for place in range(len(ids))]
        if len(given_ts_ms) != len(ids):
            message = f"{len(given_ts_ms)} times for a history of {len(ids)} items; give one time an item"
            raise RequestError("history_timestamps", message)
        rows = self._state.items.rows(ids)
        is_known = rows != UNKNOWN
        given = History.of(rows[is_known], np.asarray(given_ts_ms, dtype=np.int64)[is_known])
        return with_behaviour(in_time_order(given), known)


def with_token(history: History, items: ItemTable) -> History:
    """The events of items that the user tower can read."""
    readable = items.has_vector(history.rows)
    return history if readable.all() else History._make(array[readable] for array in history)


def with_behaviour(given: History, known: History) -> History:
    """`given` with actions and shares of `known` where item and time match; both in time order."""
    if len(given.rows) == 0 or len(known.rows) == 0:
        return given
    if np.array_equal(given.rows, known.rows) and np.array_equal(given.ts_ms, known.ts_ms):
        return known
    start, width = int(known.ts_ms[0]), int(max(known.rows.max(), given.rows.max())) + 1
    keys = (known.ts_ms - start) * width + known.rows
    order = np.argsort(keys, kind="stable")
    wanted = (given.ts_ms - start) * width + given.rows
    place = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
    match = keys[place] == wanted
    return given._replace(
        actions=np.where(match, known.actions[place], given.actions),
        shares=np.where(match, known.shares[place], given.shares),
    )
