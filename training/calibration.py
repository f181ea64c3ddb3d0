"""Predicted probabilities that mean what they say: a line or steps a head, and how far off they are.

Shapes: E examples of one action, S steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranking.value import Calibration

NUM_STEPS = 50
NUM_BINS = 15
LEAST_STEP = 20
"""Examples that a step stands for, so that its height is no accident."""


def fit_line(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> Calibration:
    """Platt scaling: the line whose probabilities [E] fit labels [E] in [0, 1] best.

    Without both outcomes, or with a slope that would turn the order around, the logits stay as they are.
    """
    line = free_line(logits, labels)
    return line if line.slope > 0 and _has_both(labels) else Calibration()


def free_line(values: NDArray[np.float32], labels: NDArray[np.float32]) -> Calibration:
    """The same over any values [E], by Newton's method, with a slope of any sign; flat at even chance without both
    outcomes.
    """
    x, y = values.astype(np.float64), labels.astype(np.float64)
    if not _has_both(labels):
        return Calibration(0.0, 0.0)
    design = np.stack([x, np.ones_like(x)], axis=1)
    line = np.array([1.0, 0.0])
    for _ in range(NUM_STEPS):
        p = _sigmoid(design @ line)
        curvature = design.T @ (design * (p * (1 - p) + 1e-9)[:, None]) + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, design.T @ (p - y) + 1e-6 * (line - [1.0, 0.0]))
        line -= step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-9:
            break
    return Calibration(float(line[0]), float(line[1]))


def calibrate(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> Calibration:
    """A line, or steps where two halves of the examples [E] say of each other that steps have the smaller loss."""
    halves = np.arange(len(labels)) % 2 == 0
    if len(labels) < 4 * LEAST_STEP:
        return fit_line(logits, labels)
    losses = {
        fit: sum(
            log_loss(fit(logits[half], labels[half]).probabilities(logits[~half]), labels[~half])
            for half in (halves, ~halves)
        )
        for fit in (fit_line, fit_steps)
    }
    return min(losses, key=losses.__getitem__)(logits, labels)


def fit_steps(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> Calibration:
    """Isotonic regression by pooling adjacent violators, each step `LEAST_STEP` examples or more, joined by lines
    through their means (Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probabilities,
    2002).
    """
    order = np.argsort(logits, kind="stable")
    parts = np.array_split(order, max(len(order) // LEAST_STEP, 1))
    steps: list[tuple[float, float, int]] = []
    for part in parts:
        step = float(logits[part].mean()), float(labels[part].mean()), len(part)
        while steps and steps[-1][1] >= step[1]:
            step = _pooled(steps.pop(), step)
        steps.append(step)
    return Calibration(logits=tuple(x for x, _, _ in steps), values=tuple(y for _, y, _ in steps))


def _pooled(one: tuple[float, float, int], other: tuple[float, float, int]) -> tuple[float, float, int]:
    """A step of the examples of two: means of logits and labels, and their number."""
    count = one[2] + other[2]
    return (
        (one[0] * one[2] + other[0] * other[2]) / count,
        (one[1] * one[2] + other[1] * other[2]) / count,
        count,
    )


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


def _has_both(labels: NDArray[np.float32]) -> bool:
    return len(labels) > 0 and float(labels.min()) < float(labels.max())


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -60, 60))))
