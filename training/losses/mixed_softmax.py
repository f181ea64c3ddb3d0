"""Softmax over negatives of two kinds: targets of the same batch and items drawn uniformly.

Shapes: P positions, R vocabulary rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from towers.two_tower import TwoTower
from training.losses.negatives import NegativeSampler
from training.losses.steps import (
    log_q_correction,
    log_sampling_probability,
    remove_accidental_hits,
    sampled_cross_entropy,
    shared_logits,
    target_logits,
)


class MixedSoftmax(nn.Module):
    """Cross-entropy among in-batch and uniform negatives, corrected by the probability of the mixture.

    In-batch negatives alone never show an item nobody chose; uniform ones alone show few hard ones
    (mixed negative sampling, Yang et al. 2020).
    """

    is_sampled: ClassVar[bool] = True
    skips_seen: ClassVar[bool] = False
    log_q: Tensor

    @dataclass(frozen=True)
    class Config:
        """Negatives of each kind a step; those of the batch are drawn from its targets."""

        num_in_batch: int = 2048
        num_uniform: int = 2048

    def __init__(self, config: Config, counts: Tensor) -> None:
        super().__init__()
        if min(config.num_in_batch, config.num_uniform) < 1:
            raise ValueError(f"{config} leaves one kind out; give each kind at least 1, or take sampled_softmax")
        self.config = config
        self.sampler = NegativeSampler(counts, power=0.0)
        share = config.num_in_batch / (config.num_in_batch + config.num_uniform)
        chosen = log_sampling_probability(counts, power=1.0) + math.log(share)
        log_q = torch.logaddexp(chosen, self.sampler.log_q + math.log1p(-share))
        self.register_buffer("log_q", log_q, persistent=False)

    def forward(self, users: Tensor, targets: Tensor, towers: TwoTower, seen: Tensor | None = None) -> Tensor:
        """Mean loss of unit vectors [P, D] and target rows [P]."""
        in_batch = targets[torch.randint(len(targets), (self.config.num_in_batch,), device=targets.device)]
        negatives = torch.cat([in_batch, self.sampler.draw(self.config.num_uniform)])
        correction = log_q_correction(self.log_q, negatives)
        negative = shared_logits(users, negatives, towers, correction)
        negative = remove_accidental_hits(negative, targets, negatives)
        return sampled_cross_entropy(target_logits(users, targets, towers), negative)
