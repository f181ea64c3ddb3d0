"""A running mean of the weights, which validation judges and checkpoints keep in place of the newest weights."""

from __future__ import annotations

import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor


class RunningMean(WeightAveraging):
    """Exponential mean over about `steps` optimiser steps, over all steps so far while they are fewer.

    Without the second half the mean would hold on to the random start for the first epochs.
    """

    def __init__(self, steps: int) -> None:
        super().__init__(use_buffers=False, multi_avg_fn=self._move)
        self.steps = steps

    @torch.no_grad()
    def _move(self, means: list[Tensor], weights: list[Tensor], num_averaged: Tensor | int) -> None:
        share = 1 / min(float(num_averaged) + 1, self.steps)
        torch._foreach_lerp_(means, weights, share)
