from __future__ import annotations

import numpy as np
import pytest

from ranking.habits import HABITS, Counts, Population, Spread, TitleForms, counts_of
from ranking.watching import Watching, nothing

HOUR_MS = 3_600_000
FACTS = TitleForms(
    minutes=np.array([22.0, 22.0, 105.0, np.nan]),
    is_series=np.array([True, True, False, False]),
    genres=np.eye(4, dtype=np.bool_),
)


def watched(rows: list[int], gap_h: float, episodes: int = 1, share: int = 11) -> Watching:
    count = len(rows)
    times = (gap_h * HOUR_MS * np.arange(count)).astype(np.int64)
    plain = Watching.plain(np.array(rows), times, np.full(count, share, dtype=np.int8))
    return plain._replace(episodes=np.full(count, episodes, dtype=np.int8))


def counted(watching: Watching, habit: str) -> tuple[float, float]:
    counts, h = counts_of(watching, FACTS, 2), HABITS.index(habit)
    return float(counts.sum[h]), float(counts.num[h])


def test_three_episodes_in_a_sitting_are_a_binge() -> None:
    assert counted(watched([0, 1, 0], 1), "binge") == (1, 1)
    assert counted(watched([0], 1, episodes=3), "binge") == (1, 1)
    assert counted(watched([0, 1, 0], 24), "binge") == (0, 3)
    assert counted(watched([2, 2, 2], 1), "binge") == (0, 0)


def test_each_habit_counts_what_it_is_about() -> None:
    assert counted(watched([0, 1, 2, 3], 24), "short_form") == (2, 3)
    assert counted(watched([0, 1], 24, share=6), "completion") == (1.1, 2)
    assert counted(watched([0, 0, 0, 0, 1], 24), "exploration") == (1, 2)
    assert counted(watched([0, 1, 0, 2], 24), "continues") == (1, 3)
    assert counted(watched([0, 2], 24, episodes=3), "next_episode") == (2, 3)
    assert counted(watched([0, 1], 24, share=5), "next_episode") == (0, 0)
    some = watched([0, 1], 24)._replace(pauses=np.array([2, 0], np.int8), company=np.array([-1, 1], np.int8))
    assert counted(some, "pauses") == (1, 2)
    assert counted(some, "together") == (1, 1)


def test_strength_is_that_of_the_viewers_who_were_planted() -> None:
    rng = np.random.default_rng(0)
    truth = rng.beta(2, 6, 4000)
    num = rng.integers(3, 40, 4000)
    done = rng.binomial(num, truth)
    spread = Spread.of(np.stack([done, num - done], axis=1).astype(np.float64))
    assert spread.strength == pytest.approx(8, rel=0.15)
    assert spread.mean[0] == pytest.approx(0.25, abs=0.01)


def test_a_few_events_are_nearer_to_the_truth_once_drawn_to_the_population() -> None:
    rng = np.random.default_rng(1)
    truth = rng.beta(2, 6, 2000)
    done = rng.binomial(3, truth).astype(np.float64)
    spread = Spread.of(np.stack([done, 3 - done], axis=1))
    drawn = np.array([spread.drawn(np.array([each, 3 - each]))[0] for each in done])
    assert np.mean((drawn - truth) ** 2) < 0.5 * np.mean((done / 3 - truth) ** 2)


def test_nothing_gives_everybodys_habits_and_many_events_ones_own() -> None:
    rng = np.random.default_rng(2)
    everybody = [counts_of(watched(rng.integers(0, 4, 20).tolist(), 5), FACTS, 2) for _ in range(50)]
    population = Population.of(everybody)
    stranger = population.habits_of(counts_of(nothing(), FACTS, 2))
    assert stranger.lean_of("short_form") == 0
    often = population.habits_of(counts_of(watched([0] * 5000, 24), FACTS, 2))
    assert often.share_of("short_form") > 0.9 > stranger.share_of("short_form")


def test_a_habit_nobody_is_known_for_is_not_a_number() -> None:
    none = Counts(np.zeros(len(HABITS)), np.zeros(len(HABITS)), np.zeros(24), np.zeros(2))
    habits = Population.of([none]).habits_of(none)
    assert np.isnan(habits.share_of("pauses"))
    assert habits.lean_of("pauses") == 0
