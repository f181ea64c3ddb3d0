"""A published bundle as a policy: every page is a request to the recommender that serves, every event goes back to it.

Shapes: S sessions, K slots.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ranking.watch_details import DETAILS
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.events import Event
from serving.recommender import Recommender
from towers.query import Query
from towers.schema import HISTORY_EVENTS, EventType
from training.errors import UsageError
from training.simulator.events import COMPANIONS, EVENTS, EventBlock
from training.simulator.policies import PERSONAL, Pages, Request, certain
from training.simulator.sessions import Sessions
from training.simulator.viewers import DEVICES
from training.simulator.world import World, item_ids, profile_ids

_COLUMNS: Final = ("profile_id", "item_id", "ts_ms", "event", "event_id", "liked", "watch_s", "duration_s")
_CONTEXT: Final = ("device", "companions", "tz_offset")
_TOLD: Final = np.array([event in {*HISTORY_EVENTS, *DETAILS, EventType.IMPRESSION} for event in EVENTS])


class BundlePolicy:
    """Asks `Recommender.recommend` in process and records what viewers do in its live state."""

    def __init__(self, recommender: Recommender, world: World, name: str, use_ranker: bool = True) -> None:
        self.name = name
        self.recommender = recommender
        self._use_ranker = use_ranker
        self._profiles = profile_ids(world.viewers.num_profiles)
        self._items = item_ids(world.titles.num_titles)
        self._number_of = {item: number for number, item in enumerate(self._items)}
        self._zone_h = world.viewers.zone_h

    @classmethod
    def open(cls, bundle: Bundle, world: World, log: Path, name: str, use_ranker: bool = True) -> Self:
        """The bundle with fresh state that has heard of the events in the log which came after its training."""
        recommender = assemble(bundle, clock_ms=lambda: bundle.manifest.trained_until_ms)
        for event in later_events(log, bundle.manifest.trained_until_ms):
            recommender.state.record(event)
        return cls(recommender, world, name, use_ranker)

    def pages(self, request: Request, num_slots: int) -> Pages:
        """One request a page, in the order of time."""
        sessions = request.sessions
        items = np.zeros((len(sessions.viewer), num_slots), dtype=np.int64)
        for s in np.argsort(request.asked_ms, kind="stable").tolist():
            answer = self.recommender.recommend(
                self._query(sessions, s, int(request.asked_ms[s])), num_slots, use_ranker=self._use_ranker
            )
            items[s] = self._numbers(answer.items, num_slots)
        return certain(items, PERSONAL)

    def observe(self, block: EventBlock) -> None:
        """Record what was shown and what enters histories; the next request sees it."""
        for event in self._events(block.take(_TOLD[block.event])):
            self.recommender.state.record(event)

    def _query(self, sessions: Sessions, s: int, ts_ms: int) -> Query:
        context = moment(int(sessions.device[s]), bool(sessions.is_together[s]), self._zone_h[sessions.viewer[s]])
        return Query(user_id=self._profiles[sessions.profile[s]], ts_ms=ts_ms, context=context)

    def _numbers(self, items: Sequence[str], num_slots: int) -> list[int]:
        unknown = [item for item in items if item not in self._number_of]
        if unknown or len(items) < num_slots:
            problem = f"knows {unknown[0]!r}" if unknown else f"answered {len(items)} titles for {num_slots} slots"
            raise UsageError(f"bundle {self.recommender.version} {problem}; train it on the log of this very world")
        return [self._number_of[item] for item in items]

    def _events(self, block: EventBlock) -> Iterator[Event]:
        names = (
            "profile",
            "item",
            "ts_ms",
            "event",
            "device",
            "is_together",
            "zone_h",
            "liked",
            "watch_s",
            "duration_s",
        )
        columns = (getattr(block, name).tolist() for name in names)
        for profile, item, ts_ms, code, device, is_together, zone_h, *numbers in zip(*columns, strict=True):
            who, what = self._profiles[profile], self._items[item]
            liked, watch_s, duration_s = (None if math.isnan(number) else number for number in numbers)
            context = moment(device, is_together, zone_h)
            yield Event(who, what, ts_ms, EVENTS[code], None, liked, watch_s, duration_s, context=context)


def moment(device: int, is_together: bool, zone_h: int) -> dict[str, str]:
    """The context of a request or an event in the words of the log."""
    return {"device": DEVICES[device], "companions": COMPANIONS[int(is_together)], "tz_offset": str(60 * zone_h)}


def later_events(log: Path, after_ms: int) -> Iterator[Event]:
    """Events of a log that say what viewers did and came after a moment, in the order of time."""
    told = pc.field("event").isin(pa.array(sorted(str(event) for event in (*HISTORY_EVENTS, *DETAILS))))
    columns = [*_COLUMNS, *_CONTEXT]
    table = pq.read_table(log, columns=columns, filters=told & (pc.field("ts_ms") > after_ms))
    for row in table.sort_by("ts_ms").to_pylist():
        context = {name: str(row.pop(name)) for name in _CONTEXT}
        yield Event(user_id=row.pop("profile_id"), event=EventType(row.pop("event")), context=context, **row)
