"""Calibration error of each head over the pages of several worlds together, beside what chance makes of so many.

Run: python benchmarks/head_calibration.py OUT/ranker_examples.npz [MORE ...]    (from ranker.keep_examples=true)

Each world's head learns from the oldest three fifths of its pages, stops and is calibrated by the next fifth and is
judged on the newest. Shapes: E outcomes of one action.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from ranking.candidate_features import SLATE_SCORE, WATCH_SCORE
from training.calibration import error_by_chance, expected_error
from training.examples import SavedExamples
from training.ranker import RankerConfig, fit_ranker
from training.ranker_batches import Batches, in_time

CONFIG: Final = RankerConfig(loss="pointwise", max_epochs=15, validation_share=0.4)

Outcomes = tuple[NDArray[np.float64], NDArray[np.float32]]


def main(*paths: str) -> None:
    """Print one line an action."""
    torch.set_num_threads(1)
    found: dict[str, list[Outcomes]] = {}
    for path in paths:
        for action, outcomes in judged(SavedExamples.load(Path(path))).items():
            found.setdefault(action, []).append(outcomes)
    for action, parts in found.items():
        told, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
        error, chance = expected_error(told, labels), error_by_chance(told)
        print(f"{action:15} {len(labels):7d} outcomes, error {error:.4f}, by chance {chance:.4f}", flush=True)


def judged(saved: SavedExamples) -> dict[str, Outcomes]:
    """Probabilities [E] and labels [E] of each action on the newest fifth of the pages."""
    start, follow = (saved.candidate_names.index(name) for name in (SLATE_SCORE, WATCH_SCORE))
    fitted = fit_ranker(CONFIG, saved.examples, saved.item_vectors, 1.0, 0, start, follow)
    data, check = Batches(saved.examples, saved.item_vectors), in_time(saved.examples, CONFIG.validation_share).check
    found = {}
    for number, (action, line) in enumerate(fitted.calibration.items()):
        logits, labels = data.outcomes(fitted.head, check, number)
        found[action] = line.probabilities(logits), labels
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
