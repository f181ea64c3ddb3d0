"""Softmax over sampled negatives with logQ correction, for catalogues too large for the full one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from towers.two_tower import TwoTower
from training.losses.negatives import NegativeSampler
from training.losses.steps import (
    log_q_correction,
    remove_accidental_hits,
    sampled_cross_entropy,
    shared_logits,
    target_logits,
)


class SampledSoftmax(nn.Module):
    """Cross-entropy of each target among itself and negatives shared by the batch."""

    is_sampled: ClassVar[bool] = True
    skips_seen: ClassVar[bool] = False

    @dataclass(frozen=True)
    class Config:
        """Negatives a step; they are drawn in proportion to training counts ** power."""

        num_negatives: int = 4096
        power: float = 0.5

    def __init__(self, config: Config, counts: Tensor) -> None:
        super().__init__()
        self.config = config
        self.sampler = NegativeSampler(counts, config.power)

    def forward(self, users: Tensor, targets: Tensor, towers: TwoTower, seen: Tensor | None = None) -> Tensor:
        """Mean loss of unit vectors [P, D] and target rows [P]."""
        negatives = self.sampler.draw(self.config.num_negatives)
        correction = log_q_correction(self.sampler.log_q, negatives)
        negative = shared_logits(users, negatives, towers, correction)
        negative = remove_accidental_hits(negative, targets, negatives)
        return sampled_cross_entropy(target_logits(users, targets, towers), negative)
