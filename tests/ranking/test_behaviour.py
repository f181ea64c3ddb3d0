"""What the ranker knows of a viewer's habits: by definition, alike after a reload, absent where nothing is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ranking.behaviour import HOUR_MS, Behaviour
from ranking.candidate_features import lengths
from ranking.moment import Moment
from ranking.request_features import behaviour as of_viewer
from ranking.signals import LiveSignals
from ranking.watch_details import Details
from tests.bundles import tiny_behaviour
from tests.ranking.moments import NUM_ROWS, SIZES, START_MS, moment
from towers.history import EMPTY_HISTORY, History
from towers.schema import EventType

MIDNIGHT_MS = START_MS // (24 * HOUR_MS) * 24 * HOUR_MS


def watched(*rows: int, share: int = 11, hour: int = 20) -> History:
    """One title a day, at the same hour."""
    times = MIDNIGHT_MS + (24 * np.arange(-len(rows), 0) + hour) * HOUR_MS
    shares = np.full(len(rows), share, dtype=np.int8)
    return History.of(np.array(rows), times)._replace(shares=shares)


def known(history: History, signals: LiveSignals | None = None, hour: int = 20) -> Moment:
    given = moment(history, MIDNIGHT_MS + hour * HOUR_MS, signals)
    return replace(given, behaviour=tiny_behaviour(NUM_ROWS))


def test_habits_are_drawn_towards_everybody() -> None:
    nothing = Details(np.zeros(4, np.int64), np.zeros(4, np.int64))
    films = tiny_behaviour(NUM_ROWS).habits(watched(2, 4, 6, 2), nothing)
    assert films.share_of("short_form") == pytest.approx((0 + 4 * 0.5) / (4 + 4))
    assert films.share_of("completion") == pytest.approx((4 + 4 * 0.5) / (4 + 4))
    assert films.lean_of("together") == 0


def test_a_title_left_in_the_list_was_not_watched() -> None:
    listed = watched(3, 3, share=0)
    assert of_viewer(known(listed)) == of_viewer(known(EMPTY_HISTORY))


def test_pauses_and_further_episodes_come_from_the_signals() -> None:
    signals = LiveSignals(LiveSignals.Config(), NUM_ROWS, SIZES, has_clock=True)
    calm = of_viewer(known(watched(3, 5), signals))
    signals.details.note("ann", 5, EventType.PAUSE)
    signals.details.note("ann", 3, EventType.NEXT_EPISODE_AUTO, times=3)
    restless = of_viewer(known(watched(3, 5), signals))
    for habit in ("pauses", "binge", "next_episode"):
        assert restless[f"lean_{habit}"] > calm[f"lean_{habit}"]
    signals.forget("ann")
    assert of_viewer(known(watched(3, 5), signals)) == calm


def test_the_hour_is_usual_for_those_who_come_at_it() -> None:
    late = watched(2, 3, 4, 5, 6, hour=22)
    at_ten, at_noon = (of_viewer(known(late, hour=hour))["usual_hour_log"] for hour in (22, 12))
    assert at_ten > of_viewer(known(EMPTY_HISTORY))["usual_hour_log"] > at_noon
    parts = of_viewer(known(late))
    assert parts["comes_evening"] == pytest.approx((5 + 10 / 4) / 15)
    assert sum(value for name, value in parts.items() if name.startswith("comes_")) == pytest.approx(1)


def test_lengths_meet_the_habits() -> None:
    given = known(watched(3, 5, 7, 3))
    found = lengths(given, np.array([2, 3, NUM_ROWS + 5]))
    assert found["longer"].tolist() == pytest.approx([np.log(100 / 45), np.log(25 / 45), 0])
    assert found["is_series"].tolist() == [0, 1, 0]
    assert given.habits is not None
    assert given.habits.lean_of("short_form") > 0
    assert found["longer_for_short_form"][0] > 0 > found["longer_for_short_form"][1]


def test_without_what_titles_are_like_there_is_no_column() -> None:
    assert lengths(moment(watched(2)), np.array([2, 3])) == {}
    assert of_viewer(moment(watched(2))) == {}


def test_a_reload_knows_the_same(tmp_path: Path) -> None:
    behaviour = tiny_behaviour(NUM_ROWS)
    behaviour.save(tmp_path / "behaviour.npz")
    again = Behaviour.load(tmp_path / "behaviour.npz")
    given = known(watched(2, 3, 5))
    assert of_viewer(replace(given, behaviour=again)) == of_viewer(given)
    rows = np.array([2, 3])
    for name, values in lengths(given, rows).items():
        np.testing.assert_array_equal(lengths(replace(given, behaviour=again), rows)[name], values)
