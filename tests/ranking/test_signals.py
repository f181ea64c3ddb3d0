"""Live signals count by definition, forget at their pace, grow with the items, and go on after a restart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ranking.exposure import Exposure
from ranking.live_transitions import LiveTransitions
from ranking.segments import Segments
from ranking.signals import EVER, HOUR, LiveSignals
from ranking.velocity import Velocity
from towers.history import EMPTY_HISTORY, History

HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000


def test_a_count_halves_every_half_life() -> None:
    velocity = Velocity(3, [3_600.0, np.inf])
    velocity.add(2, START_MS)
    velocity.add(7, START_MS + HOUR_MS)
    counts = velocity.counts_of(np.array([2, 7, 5, 99]), START_MS + HOUR_MS)
    assert counts == pytest.approx(np.array([[0.5, 1, 0, 0], [1, 1, 0, 0]]))
    assert velocity.totals(START_MS + HOUR_MS) == pytest.approx([1.5, 2])
    assert velocity.counts(0, START_MS + 2 * HOUR_MS)[[2, 7]] == pytest.approx([0.25, 0.5])


def test_counting_at_once_is_counting_one_by_one() -> None:
    rng = np.random.default_rng(0)
    rows, ts_ms = rng.integers(2, 30, 500), START_MS + np.sort(rng.integers(0, 50 * 24 * HOUR_MS, 500))
    single, many = (Velocity(10, [600.0, 3_600.0, np.inf]) for _ in range(2))
    for row, at in zip(rows.tolist(), ts_ms.tolist(), strict=True):
        single.add(row, at)
    many.add_many(rows, ts_ms)
    now = int(ts_ms[-1])
    np.testing.assert_allclose(
        single.counts_of(np.arange(30), now), many.counts_of(np.arange(30), now), rtol=1e-9, atol=1e-12
    )


def test_segments_know_their_own_choices_only() -> None:
    segments = Segments(4, (25, 8, 3, 4), 3_600.0)
    phone, tv = np.array([1, 1, 1, 2]), np.array([1, 1, 2, 0])
    segments.add(2, START_MS, phone)
    segments.add(3, START_MS, tv)
    segments.add(9, START_MS, tv)
    assert segments.shares_of(np.array([2, 3, 9]), tv) == pytest.approx(np.array([[0, 0.5, 0.5], [0, 0, 0]]))
    assert segments.shares_of(np.array([2, 3, 9]), phone) == pytest.approx(np.array([[1, 0, 0], [1, 0, 0]]))
    assert segments.shares(tv, 1) is None


def test_transitions_count_by_distance_and_fade() -> None:
    rules = LiveTransitions(3_600.0, window=2, max_gap_s=600)
    rules.add(np.array([2, 3]), np.array([START_MS - 10, START_MS - 5]), 4, START_MS)
    assert dict(zip(*(part.tolist() for part in rules.after(3)), strict=True)) == {4: 1.0}
    rules.add(np.array([3]), np.array([START_MS + HOUR_MS - 1]), 5, START_MS + HOUR_MS)
    assert dict(zip(*(part.tolist() for part in rules.after(3)), strict=True)) == pytest.approx({4: 1 / 3, 5: 2 / 3})
    assert rules.count_after(2, START_MS + HOUR_MS) == pytest.approx(0.25)
    rules.add(np.array([3]), np.array([START_MS]), 6, START_MS + HOUR_MS)
    assert 6 not in rules.after(3).rows


def test_what_followed_decades_ago_is_forgotten_not_divided_by_nothing() -> None:
    live = LiveTransitions(half_life_s=3600, window=5, max_gap_s=1e12)
    a_year_ms = 365 * 86_400_000
    live.add(np.array([2]), np.array([0]), 3, 1)
    live.add(np.array([4]), np.array([20 * a_year_ms]), 5, 20 * a_year_ms + 1)
    live.add(np.array([6]), np.array([0]), 7, 1)  # comes twenty years late
    assert len(live.after(2).rows) == len(live.after(6).rows) == 0
    assert live.after(4).weights.tolist() == [1.0]


def test_the_newest_of_a_history_speaks_loudest() -> None:
    rules = LiveTransitions(3_600.0, window=5, max_gap_s=600)
    rules.add(np.array([2]), np.array([START_MS]), 8, START_MS)
    rules.add(np.array([3]), np.array([START_MS]), 9, START_MS)
    found = rules.after_all(np.array([2, 3]))
    assert dict(zip(*(part.tolist() for part in found), strict=True)) == {9: 1.0, 8: 0.5}


def test_an_item_that_leads_everywhere_stays_small() -> None:
    rules = LiveTransitions(3_600.0, window=1, max_gap_s=600, num_successors=10)
    for row in range(100, 200):
        for _ in range(1 + row % 2):
            rules.add(np.array([2]), np.array([START_MS]), row, START_MS)
    assert 10 <= len(rules.after(2).rows) <= 20
    assert rules.after(2).rows.tolist() == sorted(set(rules.after(2).rows.tolist()))


def test_exposure_draws_rarely_shown_items_to_the_mean() -> None:
    exposure = Exposure(5)
    for _ in range(200):
        exposure.show("ann", 2, START_MS)
    exposure.show("ann", 3, START_MS)
    for _ in range(100):
        exposure.choose("bob", 2, START_MS)
    rates = exposure.rates_of(np.array([2, 3, 4]), START_MS)
    assert rates[0] == pytest.approx(0.5, abs=0.01)
    assert 0.4 < rates[1] < rates[2] < 0.5
    assert exposure.passed_of("ann", np.array([2, 4])).tolist() == [200, 0]
    exposure.choose("ann", 2, START_MS)
    assert exposure.passed_of("ann", np.array([2, 3])).tolist() == [0, 1]


def test_signals_go_on_where_they_were_saved(tmp_path: Path) -> None:
    codes = np.array([1, 2, 1])
    signals = LiveSignals(LiveSignals.Config(segment_half_life_s=900), 6, (25, 8, 3), has_clock=True)
    before = EMPTY_HISTORY
    for n, row in enumerate([2, 4, 9, 2, 4]):
        ts_ms = START_MS + n * 1000
        signals.show("ann", row, ts_ms)
        signals.choose("ann", row, ts_ms, codes, before)
        before = before.extended(History.of(np.array([row]), np.array([ts_ms])))
    signals.save(tmp_path / "signals.npz")
    again = LiveSignals.load(tmp_path / "signals.npz", (25, 8, 3), has_clock=True)
    assert again.config == signals.config
    for each in (signals, again):
        each.choose("bob", 5, START_MS + 9000, codes, before)
        each.show("ann", 3, START_MS + 9000)
    rows, now = np.arange(12), START_MS + 10_000
    assert np.array_equal(signals.velocity.counts_of(rows, now), again.velocity.counts_of(rows, now))
    assert np.array_equal(signals.segments.shares_of(rows, codes), again.segments.shares_of(rows, codes))
    assert np.array_equal(signals.transitions.after_all(before.rows), again.transitions.after_all(before.rows))
    assert np.array_equal(signals.exposure.rates_of(rows, now), again.exposure.rates_of(rows, now))
    assert np.array_equal(signals.exposure.passed_of("ann", rows), again.exposure.passed_of("ann", rows))
    assert np.array_equal(signals.first_ms(rows), again.first_ms(rows))
    assert signals.velocity.totals(now)[[HOUR, EVER]] == pytest.approx([6, 6], rel=0.01)


def test_signals_of_other_segments_are_refused(tmp_path: Path) -> None:
    LiveSignals(LiveSignals.Config(), 6, (25, 8, 3), has_clock=True).save(tmp_path / "signals.npz")
    with pytest.raises(ValueError, match="segments"):
        LiveSignals.load(tmp_path / "signals.npz", (25, 8, 3, 4), has_clock=True)
