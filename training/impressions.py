"""Pages as they were seen, read off the event log: each request with the slots looked at and what became of them.

Shapes: S requests, I slots seen, E events of the sorted event table, E' events in histories, C context columns.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from towers.features import FeatureSpec
from towers.schema import HISTORY_EVENTS, EventType
from towers.vocabulary import NUM_RESERVED, UNKNOWN, Vocabulary
from training.data.histories import actions, codes_at, order, share_buckets
from training.data.split import is_target

T = TypeVar("T", bound=np.generic)

OF_REQUEST: Final = ("position", "ts_ms", "context", "first", "end")
OF_SLOT: Final = ("rows", "slot_position", "is_chosen", "action", "share", "told")


class Slates(NamedTuple):
    """Requests in the order of time, in CSR form: request s owns slots offsets[s] to offsets[s + 1].

    position: int64 [S], place of the request's first impression in the event table; ts_ms: int64 [S]; context: int64
    [S, C] codes; first, end: int64 [S], what the viewer had done before, as a range of positions in the histories.
    rows: int64 [I] items; slot_position: int64 [I], place of the impression in the event table; is_chosen: bool [I],
    whether the same request saw the item chosen; action, share: int8 [I], what the viewer made of it, PAD where the
    slot was passed over; told: int64 [I], place of that event in the event table, -1 where it was passed over.
    """

    position: NDArray[np.int64]
    ts_ms: NDArray[np.int64]
    context: NDArray[np.int64]
    first: NDArray[np.int64]
    end: NDArray[np.int64]
    offsets: NDArray[np.int64]
    rows: NDArray[np.int64]
    slot_position: NDArray[np.int64]
    is_chosen: NDArray[np.bool_]
    action: NDArray[np.int8]
    share: NDArray[np.int8]
    told: NDArray[np.int64]

    def __len__(self) -> int:
        """S."""
        return len(self.ts_ms)

    def slots(self, s: int) -> slice:
        """Slots of request s."""
        return slice(int(self.offsets[s]), int(self.offsets[s + 1]))

    def only(self, kept: NDArray[np.bool_]) -> Slates:
        """The slots chosen by a mask [I], and the requests that keep any."""
        counts = np.bincount(np.repeat(np.arange(len(self)), np.diff(self.offsets)), kept, len(self)).astype(np.int64)
        has_any = counts > 0
        of_request = {name: getattr(self, name)[has_any] for name in OF_REQUEST}
        of_slot = {name: getattr(self, name)[kept] for name in OF_SLOT}
        return Slates(offsets=np.append(0, np.cumsum(counts[has_any])), **of_request, **of_slot)


def slates(
    events: pd.DataFrame, mask: NDArray[np.bool_], spec: FeatureSpec, viewers: Vocabulary, known: NDArray[np.bool_]
) -> Slates:
    """Requests whose impressions lie in the part `mask` [E]; none where the log has no impressions or request ids.

    `viewers` and `known` [E] are those that the histories were built of; items outside the vocabulary are left out.
    """
    seen = _impressions(events, mask, spec.vocabulary)
    request = events["request_id"].iloc[seen].factorize()[0] if len(seen) else seen
    by_request = np.argsort(request, kind="stable")
    seen, request = seen[by_request], request[by_request]
    is_first = np.diff(request, prepend=-1) > 0
    starts = np.flatnonzero(is_first)
    position = seen[starts]
    first, end = _before(events, position, spec.vocabulary, viewers, known)
    rows = _rows(events, seen, spec.vocabulary)
    told = _reactions(events, seen, rows, spec.vocabulary)
    what, hit = events.iloc[told[told >= 0]], told >= 0
    return Slates(
        position=position,
        ts_ms=events["ts_ms"].to_numpy(dtype=np.int64)[position],
        context=codes_at(events, position, spec),
        first=first,
        end=end,
        offsets=np.append(starts, len(seen)).astype(np.int64),
        rows=rows,
        slot_position=seen,
        is_chosen=_spread(hit, is_target(what)),
        action=_spread(hit, actions(what)),
        share=_spread(hit, share_buckets(what)),
        told=told,
    )


def _impressions(events: pd.DataFrame, mask: NDArray[np.bool_], vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Places in the event table of impressions of known items that belong to a request."""
    if "request_id" not in events:
        return np.empty(0, dtype=np.int64)
    is_seen = mask & (events["event"] == EventType.IMPRESSION).to_numpy() & events["request_id"].notna().to_numpy()
    seen = np.flatnonzero(is_seen)
    return seen[_rows(events, seen, vocabulary) >= NUM_RESERVED]


def _before(
    events: pd.DataFrame,
    position: NDArray[np.int64],
    vocabulary: Vocabulary,
    viewers: Vocabulary,
    known: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Range [S] of each request's viewer in the histories, up to the request; empty for a viewer without any."""
    kept = order(events, known, vocabulary)
    keys = _viewers(events, kept, viewers) * len(events) + kept
    asking = _viewers(events, position, viewers) * len(events)
    return np.searchsorted(keys, asking), np.searchsorted(keys, asking + position)


def _reactions(
    events: pd.DataFrame, seen: NDArray[np.int64], rows: NDArray[np.int64], vocabulary: Vocabulary
) -> NDArray[np.int64]:
    """Place in the event table of what the same request says of each slot's item [I], choices first; -1 for nothing."""
    told = np.flatnonzero(events["event"].isin([str(event) for event in HISTORY_EVENTS]).to_numpy())
    if len(seen) == 0 or len(told) == 0:
        return np.full(len(seen), -1)
    requests = pd.Index(events["request_id"].iloc[seen].unique())

    def keys(position: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.int64]:
        request = requests.get_indexer(pd.Index(events["request_id"].iloc[position]))
        return np.where(request < 0, -1, request * vocabulary.num_rows + items)

    known = keys(told, _rows(events, told, vocabulary))
    best_first = np.lexsort((~is_target(events.iloc[told]), known))
    slots = keys(seen, rows)
    place = best_first[np.minimum(np.searchsorted(known, slots, sorter=best_first), len(known) - 1)]
    return np.where(known[place] == slots, told[place], -1)


def _spread(hit: NDArray[np.bool_], values: NDArray[T]) -> NDArray[T]:
    """The values at the hits [I], zero elsewhere."""
    spread = np.zeros(len(hit), dtype=values.dtype)
    spread[hit] = values
    return spread


def _rows(events: pd.DataFrame, position: NDArray[np.int64], vocabulary: Vocabulary) -> NDArray[np.int64]:
    codes, ids = events["item_id"].iloc[position].factorize()
    rows: NDArray[np.int64] = vocabulary.rows(list(ids))[codes] if len(ids) else np.full(len(codes), UNKNOWN)
    return rows


def _viewers(events: pd.DataFrame, position: NDArray[np.int64], viewers: Vocabulary) -> NDArray[np.int64]:
    codes, ids = events["user_id"].iloc[position].factorize()
    return viewers.rows(list(ids))[codes] if len(ids) else np.empty(0, dtype=np.int64)
