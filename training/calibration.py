"""Predicted probabilities that mean what they say: a line a head, and how far off it is.

Shapes: E examples of one action.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranking.value import Calibration

NUM_STEPS = 50
NUM_BINS = 15


def fit_line(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> Calibration:
    """Platt scaling by Newton's method: the line whose probabilities [E] fit labels [E] in [0, 1] best.

    Without both outcomes, or with a slope that would turn the order around, the logits stay as they are.
    """
    x, y = logits.astype(np.float64), labels.astype(np.float64)
    if len(y) == 0 or y.min() == y.max():
        return Calibration()
    design = np.stack([x, np.ones_like(x)], axis=1)
    line = np.array([1.0, 0.0])
    for _ in range(NUM_STEPS):
        p = _sigmoid(design @ line)
        curvature = design.T @ (design * (p * (1 - p) + 1e-9)[:, None]) + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, design.T @ (p - y) + 1e-6 * (line - [1.0, 0.0]))
        line -= step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-9:
            break
    return Calibration(float(line[0]), float(line[1])) if line[0] > 0 else Calibration()


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


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -60, 60))))
