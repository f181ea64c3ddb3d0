"""Predicted probabilities that mean what they say: a line or steps a head, and how far off they are.

Shapes: E examples of one action, S steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, logit

from ranking.value import Calibration

DOUBT = 0.5
"""How far slope and middle of a line are thought to lie from those of the logits before anything is seen."""

RIDGE = 1e-6
"""Keeps the slope finite where the outcomes can be told apart without fail."""

NUM_BINS = 15
NUM_DRAWS = 20
LEAST_STEP = 20
"""Examples that a step stands for, so that its height is no accident."""

LEAST_FOR_STEPS = 1000
"""Of fewer examples halves agree on steps by chance."""


def fit_line(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> Calibration:
    """Platt scaling: the line whose probabilities [E] fit labels [E] in [0, 1] best.

    Without both outcomes, or with a slope that would turn the order around, the logits stay as they are.
    """
    return _rising(_line(logits, labels, 0.0), labels)


def fit_drawn_line(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> Calibration:
    """The same, drawn towards the logits as they are the fewer examples there are."""
    return _rising(_line(logits, labels, 1 / (2 * DOUBT**2 * max(len(labels), 1))), labels)


def free_line(values: NDArray[np.float32], labels: NDArray[np.float32]) -> Calibration:
    """The best line over any values [E], with a slope of any sign; flat at even chance without both outcomes."""
    return _line(values, labels, 0.0)


def _line(values: NDArray[np.float32], labels: NDArray[np.float32], pull: float) -> Calibration:
    """The line of the smallest loss plus `pull` times the squares of slope - 1 and of what it adds to the mean."""
    if not _has_both(labels):
        return Calibration(0.0, 0.0)
    x, y = values.astype(np.float64), labels.astype(np.float64)
    middle, width = float(x.mean()), max(float(x.std()), 1e-9)
    x = (x - middle) / width

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = line[0] * x + line[1]
        off, away = expit(z) - y, np.array([line[0] / width - 1, line[1] - middle])
        gradient = np.array([(off * x).mean(), off.mean()]) + RIDGE * line + 2 * pull * away / np.array([width, 1])
        return float((np.logaddexp(0, z) - y * z).mean() + RIDGE / 2 * line @ line + pull * away @ away), gradient

    slope, shift = minimize(loss, [0.0, logit(y.mean())], jac=True, method="BFGS").x
    return Calibration(float(slope / width), float(shift - slope * middle / width))


def calibrate(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> Calibration:
    """A drawn line, or steps where two halves of the examples [E] say of each other that those do better."""
    halves = np.arange(len(labels)) % 2 == 0
    if len(labels) < LEAST_FOR_STEPS:
        return fit_drawn_line(logits, labels)
    losses = {
        fit: sum(
            log_loss(fit(logits[half], labels[half]).probabilities(logits[~half]), labels[~half])
            for half in (halves, ~halves)
        )
        for fit in (fit_drawn_line, fit_steps)
    }
    return min(losses, key=losses.__getitem__)(logits, labels)


def fit_steps(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> Calibration:
    """Isotonic regression by pooling adjacent violators, each step `LEAST_STEP` examples or more, joined by lines
    through their means (Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probabilities,
    2002).
    """
    order = np.argsort(logits, kind="stable")
    parts = np.array_split(order, max(len(order) // LEAST_STEP, 1))
    means = np.array([[logits[part].mean(), labels[part].mean(), len(part)] for part in parts], dtype=np.float64)
    pooled = isotonic_regression(means[:, 1], weights=means[:, 2])
    first = pooled.blocks[:-1]
    counts = np.add.reduceat(means[:, 2], first)
    centres = np.add.reduceat(means[:, 0] * means[:, 2], first) / counts
    return Calibration(logits=tuple(centres.tolist()), values=tuple(pooled.x[first].tolist()))


def log_loss(probabilities: NDArray[np.float64], labels: NDArray[np.float32]) -> float:
    """Summed cross-entropy; certainty costs no more than a thousandth would."""
    p = np.clip(probabilities, 1e-3, 1 - 1e-3)
    return float(-(labels * np.log(p) + (1 - labels) * np.log(1 - p)).sum())


def expected_error(probabilities: NDArray[np.float64], labels: NDArray[np.float32]) -> float:
    """ECE: mean distance of predicted and seen share over bins [E] of equal size; NaN without examples.

    Naeini et al., Obtaining well calibrated probabilities using Bayesian binning, 2015, here with equal-mass bins.
    """
    if len(labels) == 0:
        return float("nan")
    order = np.argsort(probabilities, kind="stable")
    bins = np.array_split(order, min(NUM_BINS, len(order)))
    off = [len(part) * abs(float(probabilities[part].mean() - labels[part].mean())) for part in bins]
    return float(sum(off) / len(order))


def error_by_chance(probabilities: NDArray[np.float64]) -> float:
    """The calibration error that probabilities [E] show of so few examples even if every one of them is true."""
    rng = np.random.default_rng(0)
    drawn = [rng.random(len(probabilities)) < probabilities for _ in range(NUM_DRAWS)]
    return float(np.mean([expected_error(probabilities, labels.astype(np.float32)) for labels in drawn]))


def _has_both(labels: NDArray[np.float32]) -> bool:
    return len(labels) > 0 and float(labels.min()) < float(labels.max())


def _rising(line: Calibration, labels: NDArray[np.float32]) -> Calibration:
    return line if line.slope > 0 and _has_both(labels) else Calibration()
