from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.off_policy import feedback_of, judged, read
from ranking.off_policy import (
    Estimate,
    Feedback,
    doubly_robust,
    effective_size,
    ips,
    mean_rewards,
    replay,
    snips,
)

NUM_ACTIONS = 5
CHANCE = np.array([[0.05, 0.1, 0.2, 0.1, 0.05], [0.3, 0.05, 0.05, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1, 0.4]])
"""Of a reward, by kind of context and action."""

LOGGER = 0.3 / NUM_ACTIONS + 0.7 * np.eye(NUM_ACTIONS)[[0, 1, 2]]
JUDGED = 0.1 / NUM_ACTIONS + 0.9 * np.eye(NUM_ACTIONS)[[2, 0, 4]]


class Known(NamedTuple):
    """A log in which contexts are of a `kind` [n], and the true value of the policy to judge, `action_dist` [n, A]."""

    kind: NDArray[np.int64]
    feedback: Feedback
    action_dist: NDArray[np.float64]
    value: float


def known(seed: int, num_choices: int = 20_000, is_even: bool = False) -> Known:
    """Contexts of three kinds with their own best action; the logger and the judged policy lean to different ones."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, num_choices)
    logger = np.full((3, NUM_ACTIONS), 0.2) if is_even else LOGGER
    action = (rng.random((num_choices, 1)) > logger[kind].cumsum(axis=1)).sum(axis=1)
    reward = (rng.random(num_choices) < CHANCE[kind, action]).astype(np.float64)
    feedback = Feedback(action, reward, logger[kind, action], np.zeros(num_choices, dtype=np.int64))
    return Known(kind, feedback, JUDGED[kind], float((JUDGED * CHANCE).sum(axis=1).mean()))


def estimates(case: Known) -> dict[str, Estimate]:
    expected = mean_rewards(case.feedback, NUM_ACTIONS)
    return {
        "ips": ips(case.feedback, case.action_dist),
        "snips": snips(case.feedback, case.action_dist),
        "doubly_robust": doubly_robust(case.feedback, case.action_dist, expected),
    }


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held = {"ips": 0, "snips": 0, "doubly_robust": 0}
    for seed in range(200):
        case = known(seed, num_choices=3000)
        for name, estimate in estimates(case).items():
            held[name] += estimate.low <= case.value <= estimate.high
    assert all(0.9 <= count / 200 <= 0.99 for count in held.values()), held


def test_the_logs_own_mean_is_far_off() -> None:
    case = known(0)
    assert case.feedback.reward.mean() < 0.5 * case.value
    assert all(abs(estimate.value / case.value - 1) < 0.15 for estimate in estimates(case).values())


def test_a_sound_model_narrows_the_interval() -> None:
    case = known(3)
    plain = ips(case.feedback, case.action_dist)
    helped = doubly_robust(case.feedback, case.action_dist, CHANCE[case.kind])
    assert helped.high - helped.low < plain.high - plain.low


def test_doubly_robust_forgives_wrong_propensities_to_a_right_model() -> None:
    case = known(4, is_even=True)
    wrong = case.feedback._replace(pscore=np.full(len(case.feedback.action), 0.5))
    assert abs(ips(wrong, case.action_dist).value / case.value - 1) > 0.3
    estimate = doubly_robust(wrong, case.action_dist, CHANCE[case.kind])
    assert abs(estimate.value / case.value - 1) < 0.05


def test_replay_agrees_with_the_truth_on_an_even_log_and_refuses_another() -> None:
    even, choices = known(5, is_even=True), known(5, is_even=True).action_dist.argmax(axis=1)
    greedy = (0.2 + 0.3 + 0.4) / 3
    estimate = replay(even.feedback, choices)
    assert estimate.low <= greedy <= estimate.high
    assert estimate.effective_size == pytest.approx(len(choices) / NUM_ACTIONS, rel=0.1)
    with pytest.raises(ValueError, match="replay needs"):
        replay(known(5).feedback, choices)


def test_effective_size_counts_equal_weights_and_fears_unequal_ones() -> None:
    assert effective_size(np.ones(50)) == pytest.approx(50)
    assert effective_size(np.array([1.0, 0, 0, 0])) == pytest.approx(1)
    case = known(6)
    assert ips(case.feedback, case.action_dist).effective_size < 0.2 * len(case.feedback.action)


def test_a_policy_judged_by_its_own_log_is_worth_its_mean() -> None:
    case = known(7)
    own = LOGGER[case.kind]
    assert ips(case.feedback, own).value == pytest.approx(case.feedback.reward.mean())
    assert snips(case.feedback, own).value == pytest.approx(case.feedback.reward.mean())


def test_open_bandits_other_policy_is_worth_what_it_earned(marquee_data: Path) -> None:
    """Thompson sampling judged by the random policy's log, against the mean of its own."""
    random, thompson = (read(marquee_data / "obd", name) for name in ("random", "bts"))
    own, half = thompson.click.mean(), 1.96 * thompson.click.std() / np.sqrt(len(thompson))
    for estimate in judged(random, thompson).values():
        assert estimate.low <= own + half
        assert estimate.high >= own - half
        assert estimate.high - estimate.low < own
    with pytest.raises(ValueError, match="replay needs"):
        replay(feedback_of(thompson), thompson.item_id.to_numpy())


def test_what_cannot_be_judged_is_refused() -> None:
    case = known(8)
    with pytest.raises(ValueError, match="propensity 0"):
        ips(case.feedback._replace(pscore=np.zeros(len(case.feedback.action))), case.action_dist)
    with pytest.raises(ValueError, match="nothing can be said"):
        snips(case.feedback, np.zeros_like(case.action_dist))
