"""Softmax over sampled negatives with logQ correction, for catalogues too large for the full one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from towers.two_tower import TwoTower
from training.losses.steps import correct_log_q, draw_negatives, log_sampling_probability, remove_accidental_hits


class SampledSoftmax:
    """Cross-entropy of each target among itself and negatives shared by the batch."""

    @dataclass(frozen=True)
    class Config:
        """Negatives a step; they are drawn in proportion to training counts ** power."""

        num_negatives: int = 4096
        power: float = 0.5

    def __init__(self, config: Config, counts: Tensor) -> None:
        self.config = config
        self.log_q = log_sampling_probability(counts, config.power)

    def __call__(self, users: Tensor, targets: Tensor, towers: TwoTower) -> Tensor:
        """Mean loss of unit vectors [P, D] and target rows [P]."""
        log_q = self.log_q.to(users.device)
        negatives = draw_negatives(log_q, self.config.num_negatives)
        right = towers.item(towers.item.tokens(targets))
        wrong = towers.item(towers.item.tokens(negatives))
        positive = (users * right).sum(dim=-1, keepdim=True).float() * towers.scale
        negative = (users @ wrong.to(users.dtype).T).float() * towers.scale
        negative = remove_accidental_hits(correct_log_q(negative, log_q, negatives), targets, negatives)
        logits = torch.cat([positive, negative], dim=1)
        return F.cross_entropy(logits, torch.zeros_like(targets))
