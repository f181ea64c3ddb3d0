from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ranking.watching import WatchLog
from serving.events import Event
from serving.page.watching import watching_of
from towers.schema import EventType
from towers.vocabulary import Vocabulary
from training.replay import in_time_order
from training.watching import watch_log

MINUTE_MS = 60_000


def table() -> pd.DataFrame:
    """Two viewers: plays, what follows them, and an end that comes too late."""
    told = [
        ("u", "a", 0, EventType.PLAY, "tv", "together", 20.0, 100.0),
        ("v", "a", 1, EventType.PLAY, "phone", "alone", None, None),
        ("u", "a", 2, EventType.PAUSE, "tv", "together", None, None),
        ("u", "a", 3, EventType.NEXT_EPISODE_AUTO, "tv", "together", 100.0, 100.0),
        ("u", "b", 4, EventType.RESUME, None, None, 50.0, 100.0),
        ("v", "a", 5, EventType.STOP, "phone", "alone", 80.0, 100.0),
        ("u", "a", 6, EventType.NEXT_EPISODE_AUTO, "tv", "together", 100.0, 100.0),
        ("v", "b", 7, EventType.PAUSE, "phone", "alone", None, None),
        ("v", "a", 400, EventType.STOP, "phone", "alone", 10.0, 100.0),
        ("u", "zzz", 401, EventType.PLAY, "tv", "alone", 10.0, 100.0),
    ]
    names = ("user_id", "item_id", "ts_ms", "event", "device", "companions", "watch_s", "duration_s")
    events = pd.DataFrame(told, columns=list(names))
    return events.assign(
        ts_ms=events["ts_ms"] * MINUTE_MS, event=[str(event) for event in events["event"]], tz_offset=60
    )


def log() -> tuple[WatchLog, Vocabulary]:
    vocabulary = Vocabulary.fit(["a", "b"])
    found = watch_log(table(), vocabulary, Vocabulary.fit(["u", "v"]))
    assert found is not None
    return found, vocabulary


def test_pauses_episodes_and_ends_belong_to_the_play_before() -> None:
    found, vocabulary = log()
    u, v = found.of(0), found.of(1)
    assert vocabulary.ids(u.rows) == ["a", "b"]
    assert (u.episodes.tolist(), u.pauses.tolist(), u.company.tolist()) == ([3, 1], [1, 0], [1, -1])
    assert (v.shares.tolist(), v.pauses.tolist(), v.hours.tolist()) == ([9], [0], [1])
    assert [found.device_names[code] for code in v.devices] == ["phone"]


def test_a_log_and_live_events_say_the_same() -> None:
    found, vocabulary = log()
    events = [each._replace(tz_offset_min=60) for each in in_time_order(table(), ("device", "companions"))]
    for number, viewer in enumerate(("u", "v")):
        own: list[Event] = [each for each in events if each.user_id == viewer and each.item_id in {"a", "b"}]
        live = watching_of(own, vocabulary.rows, found.device_names)
        for mine, theirs in zip(live, found.of(number), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    found, _ = log()
    found.save(tmp_path)
    again = WatchLog.load(tmp_path)
    assert again is not None
    assert again.device_names == found.device_names
    np.testing.assert_array_equal(again.offsets, found.offsets)
    assert len(again.of(-1).rows) == 0


def test_a_log_without_devices_and_company_leaves_it_to_histories() -> None:
    vocabulary = Vocabulary.fit(["a", "b"])
    assert watch_log(table().drop(columns=["device", "companions"]), vocabulary, Vocabulary.fit(["u"])) is None
