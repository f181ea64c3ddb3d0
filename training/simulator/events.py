"""Events as arrays, and the table that the log is made of.

Shapes: E events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from towers.schema import EventType
from training.simulator.viewers import DEVICES
from training.simulator.world import account_ids, item_ids, profile_ids

EVENTS: Final = tuple(EventType)
CODES: Final = {event: code for code, event in enumerate(EVENTS)}
ROW_TYPES: Final = ("popular", "for_you", "personal", "continue_watching", "search", "my_list", "watch_again")
COMPANIONS: Final = ("alone", "together")


class EventBlock(NamedTuple):
    """Arrays [E]; -1 or NaN where a column says nothing. `event` codes stand in `EVENTS`; `row_type` in `ROW_TYPES`.

    `session` numbers the log's sessions, `visit` the page within one; `zone_h` is the viewer's distance from UTC.
    """

    profile: NDArray[np.int64]
    account: NDArray[np.int64]
    session: NDArray[np.int64]
    visit: NDArray[np.int64]
    ts_ms: NDArray[np.int64]
    event: NDArray[np.int64]
    item: NDArray[np.int64]
    device: NDArray[np.int64]
    is_together: NDArray[np.bool_]
    zone_h: NDArray[np.int64]
    episode: NDArray[np.int64]
    watch_s: NDArray[np.float32]
    duration_s: NDArray[np.float32]
    position_s: NDArray[np.float32]
    liked: NDArray[np.float32]
    row_type: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    image: NDArray[np.int64]
    propensity: NDArray[np.float32]

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> EventBlock:
        """The events chosen."""
        return EventBlock._make(array[chosen] for array in self)


def joined(blocks: Sequence[EventBlock]) -> EventBlock:
    """All events in the order of their time."""
    together = EventBlock._make(np.concatenate(arrays) for arrays in zip(*blocks, strict=True))
    return together.take(np.argsort(together.ts_ms, kind="stable"))


SCHEMA: Final = pa.schema(
    [
        ("event_id", pa.string()),
        ("ts_ms", pa.int64()),
        ("profile_id", pa.string()),
        ("account_id", pa.string()),
        ("session_id", pa.string()),
        ("request_id", pa.string()),
        ("event", pa.string()),
        ("item_id", pa.string()),
        ("episode", pa.int16()),
        ("position_s", pa.float32()),
        ("watch_s", pa.float32()),
        ("duration_s", pa.float32()),
        ("liked", pa.float32()),
        ("row_type", pa.string()),
        ("row_pos", pa.int16()),
        ("col_pos", pa.int16()),
        ("variant_id", pa.int16()),
        ("propensity", pa.float32()),
        ("model_version", pa.string()),
        ("device", pa.string()),
        ("companions", pa.string()),
        ("tz_offset", pa.int16()),
        ("autoplay", pa.bool_()),
    ]
)


class TableMaker:
    """Turns blocks into tables of one schema; ids of events go on from table to table."""

    def __init__(self, num_profiles: int, num_accounts: int, num_titles: int, model_version: str) -> None:
        self._profiles = pa.array(profile_ids(num_profiles))
        self._accounts = pa.array(account_ids(num_accounts))
        self._items = pa.array(item_ids(num_titles))
        self._model_version = model_version
        self.num_events = 0

    def table(self, block: EventBlock) -> pa.Table:
        """The block as rows of the log."""
        count = len(block.ts_ms)
        numbers = np.arange(self.num_events, self.num_events + count)
        self.num_events += count
        from_page = block.row >= 0
        columns = {
            "event_id": _named("e", numbers),
            "ts_ms": pa.array(block.ts_ms),
            "profile_id": self._profiles.take(pa.array(block.profile)),
            "account_id": self._accounts.take(pa.array(block.account)),
            "session_id": _named("s", block.session),
            "request_id": _named("r", block.session * 8 + block.visit),
            "event": _words(EVENTS, block.event),
            "item_id": self._items.take(_known(block.item, pa.int64())),
            "episode": _known(block.episode, pa.int16()),
            "position_s": _floats(block.position_s),
            "watch_s": _floats(block.watch_s),
            "duration_s": _floats(block.duration_s),
            "liked": _floats(block.liked),
            "row_type": _words(ROW_TYPES, block.row_type),
            "row_pos": _known(block.row, pa.int16()),
            "col_pos": _known(block.column, pa.int16()),
            "variant_id": _known(block.image, pa.int16()),
            "propensity": _floats(block.propensity),
            "model_version": _words((self._model_version,), np.where(from_page, 0, -1)),
            "device": _words(DEVICES, block.device),
            "companions": _words(COMPANIONS, block.is_together.astype(np.int64)),
            "tz_offset": pa.array(block.zone_h * 60, pa.int16()),
            "autoplay": pa.array(block.event == CODES[EventType.NEXT_EPISODE_AUTO]),
        }
        return pa.table(columns, schema=SCHEMA)


def _named(letter: str, numbers: NDArray[np.int64]) -> pa.Array:
    return pc.binary_join_element_wise(letter, pc.cast(pa.array(numbers), pa.string()), "")


def _words(words: Sequence[str], codes: NDArray[np.int64]) -> pa.Array:
    return pa.array([str(word) for word in words]).take(_known(codes, pa.int64()))


def _known(values: NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    """Null where the value is negative."""
    return pa.array(values, kind, mask=values < 0)


def _floats(values: NDArray[np.float32]) -> pa.Array:
    """Null where the value is NaN."""
    return pa.array(values, pa.float32(), mask=np.isnan(values))
