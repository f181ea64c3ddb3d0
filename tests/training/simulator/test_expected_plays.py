"""Plays to be expected are those that happen, on the whole, with less luck in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from training.simulator.attention import kernel
from training.simulator.closed_loop import LoopConfig, Outcome, closed_loop
from training.simulator.draws import Draws
from training.simulator.expected_plays import ExpectedPlays
from training.simulator.log import Simulated
from training.simulator.policies import HousePolicy
from training.simulator.state import State

WALK = kernel("geometric")


def judged(tiny: Simulated, seeds: Sequence[int], days: int) -> tuple[Outcome, list[ExpectedPlays]]:
    """Everybody lives under the service of before, one course a seed."""
    made = list[ExpectedPlays]()

    def maker(simulated: Simulated, state: State, draws: Draws) -> ExpectedPlays:
        made.append(ExpectedPlays(HousePolicy(simulated.world, state, draws), simulated.world, WALK))
        return made[-1]

    return closed_loop(tiny, maker, seeds, LoopConfig(days=days, num_viewers=None)), made


def test_expected_plays_have_the_mean_of_plays_and_a_fraction_of_their_luck(tiny: Simulated) -> None:
    outcome, made = judged(tiny, range(1, 13), days=5)
    happened = np.array([tally.metrics()["plays_per_session"] for tally in outcome.tallies])
    expected = np.array([each.a_session for each in made])
    error = np.std(happened - expected, ddof=1) / np.sqrt(len(happened))
    assert abs(np.mean(happened - expected)) < 3 * error
    assert np.var(expected) < 0.3 * np.var(happened)


def test_a_session_counts_once_however_many_pages_it_opens(tiny: Simulated) -> None:
    outcome, made = judged(tiny, (1,), days=2)
    sums, tally = made[0].sessions, outcome.tallies[0]
    assert len(sums) == tally.pages.sum()
    assert (sums[:, 0] + sums[:, 1]).sum() == pytest.approx(tally.plays.sum())
