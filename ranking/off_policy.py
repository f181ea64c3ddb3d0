"""What another policy would have earned, judged by the log of the policy that was there.

Feedback goes by the names of the Open Bandit Dataset (Saito et al. 2021). Shapes: n logged choices, A actions.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

NORMAL: Final = 1.96


class Feedback(NamedTuple):
    """action: int64 [n], chosen with the probability pscore: float64 [n], > 0. reward: float64 [n].
    position: int64 [n], where it was shown; 0 where there is one place only.
    """

    action: NDArray[np.int64]
    reward: NDArray[np.float64]
    pscore: NDArray[np.float64]
    position: NDArray[np.int64]


class Estimate(NamedTuple):
    """A value with its 95 % interval, and how many choices of the evaluated policy the log amounts to."""

    value: float
    low: float
    high: float
    effective_size: float


def ips(feedback: Feedback, action_dist: NDArray[np.float64]) -> Estimate:
    """Inverse propensity scoring (Horvitz and Thompson 1952): unbiased, of large variance where policies differ.

    action_dist: float64 [n, A], the evaluated policy's probabilities in each logged moment.
    """
    weights = importance(feedback, action_dist)
    return _mean(weights * feedback.reward, weights)


def snips(feedback: Feedback, action_dist: NDArray[np.float64]) -> Estimate:
    """Self-normalised IPS (Swaminathan and Joachims 2015): a weighted mean, so within the range of the rewards."""
    weights = importance(feedback, action_dist)
    total = float(weights.mean())
    if total == 0:
        raise ValueError("the evaluated policy never does what was logged; nothing can be said of it")
    value = float((weights * feedback.reward).mean()) / total
    half = NORMAL * float(np.std(weights * (feedback.reward - value))) / total / len(weights) ** 0.5
    return Estimate(value, value - half, value + half, effective_size(weights))


def doubly_robust(feedback: Feedback, action_dist: NDArray[np.float64], expected: NDArray[np.float64]) -> Estimate:
    """Dudik et al. (2011): a model's `expected` rewards [n, A], corrected by IPS on what it missed.

    Unbiased when either the propensities or the model is right; the model must not have seen the rewards it is
    corrected by, see `mean_rewards`.
    """
    weights = importance(feedback, action_dist)
    modelled = (action_dist * expected).sum(axis=1)
    missed = feedback.reward - expected[np.arange(len(weights)), feedback.action]
    return _mean(modelled + weights * missed, weights)


def replay(feedback: Feedback, choices: NDArray[np.int64]) -> Estimate:
    """Mean reward where the evaluated policy's `choices` [n] are the logged ones (Li et al. 2011).

    A ValueError for a log that was not drawn by even chance: matches would then favour what the logger favoured.
    """
    for position in np.unique(feedback.position):
        scores = feedback.pscore[feedback.position == position]
        if not np.allclose(scores, scores[0]):
            raise ValueError(
                f"propensities at position {position} run from {scores.min():.3g} to {scores.max():.3g}; replay needs "
                "a log by even chance, take snips or doubly_robust"
            )
    matches = feedback.reward[choices == feedback.action]
    if len(matches) == 0:
        raise ValueError("no choice of the policy was logged; nothing can be said of it")
    return _mean(matches, np.ones(len(matches)))


def mean_rewards(feedback: Feedback, num_actions: int, prior: float = 20.0, seed: int = 0) -> NDArray[np.float64]:
    """Expected rewards [n, A]: mean of each action at each position, shrunk to the position's mean by `prior` choices.

    Each half of the log is told what the other half holds, so that no choice is judged by itself.
    """
    half = np.random.default_rng(seed).permutation(len(feedback.action)) % 2
    expected = np.empty((len(feedback.action), num_actions))
    for fold in (0, 1):
        learned = [part[half != fold] for part in feedback]
        expected[half == fold] = _table(Feedback(*learned), num_actions, prior, feedback.position[half == fold])
    return expected


def importance(feedback: Feedback, action_dist: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much more likely [n] the evaluated policy is to do what was logged; a ValueError for a propensity of 0."""
    if not (feedback.pscore > 0).all():
        raise ValueError("a logged choice has propensity 0; log the chance with which each choice was drawn")
    wanted = action_dist[np.arange(len(feedback.action)), feedback.action]
    weights: NDArray[np.float64] = wanted / feedback.pscore
    return weights


def effective_size(weights: NDArray[np.float64]) -> float:
    """Number of equally weighted choices of the same variance (Kish): (sum w)^2 / sum w^2."""
    return float(weights.sum() ** 2 / max(float((weights**2).sum()), 1e-300))


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> Estimate:
    value, half = float(values.mean()), NORMAL * float(values.std()) / len(values) ** 0.5
    return Estimate(value, value - half, value + half, effective_size(weights))


def _table(learned: Feedback, num_actions: int, prior: float, positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Expected rewards of all actions at each of `positions` [m]."""
    expected = np.empty((len(positions), num_actions))
    for position in np.unique(positions):
        here = learned.position == position
        overall = learned.reward[here].mean() if here.any() else learned.reward.mean()
        total = np.bincount(learned.action[here], learned.reward[here], num_actions)
        count = np.bincount(learned.action[here], minlength=num_actions)
        expected[positions == position] = (total + prior * overall) / (count + prior)
    return expected
