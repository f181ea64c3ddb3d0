"""The running mean of weights: a plain mean at first, exponential later."""

from __future__ import annotations

import pytest
import torch

from training.averaging import RunningMean


def mean_of(values: list[float], steps: int) -> float:
    averaging, mean = RunningMean(steps), torch.tensor([values[0]])
    for number, value in enumerate(values[1:], start=1):
        averaging._move([mean], [torch.tensor([value])], number)
    return float(mean)


def test_few_steps_have_their_plain_mean() -> None:
    assert mean_of([1.0, 2.0, 6.0], steps=10) == pytest.approx(3.0)


def test_later_steps_fade_exponentially() -> None:
    assert mean_of([0.0, 0.0, 1.0, 1.0], steps=2) == pytest.approx(0.75)
