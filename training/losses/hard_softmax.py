"""Sampled softmax whose negatives include the items that viewers of the batch are nearest to right now.

Shapes: P positions, R vocabulary rows, A askers, H distinct hard negatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from towers.two_tower import TwoTower
from towers.vocabulary import NUM_RESERVED
from training.losses.negatives import NegativeSampler
from training.losses.steps import (
    REMOVED,
    log_q_correction,
    remove_accidental_hits,
    sampled_cross_entropy,
    shared_logits,
    target_logits,
)
from training.ranks import item_vectors


class HardSoftmax(nn.Module):
    """Cross-entropy among hard negatives, counted exactly, and sampled ones that stand for all other items.

    Hard items are the largest terms of the full softmax; taken out of what sampling must estimate, they leave its
    expectation as it was and lower its variance.
    """

    is_sampled: ClassVar[bool] = True
    skips_seen: ClassVar[bool] = False

    @dataclass(frozen=True)
    class Config:
        """`num_askers` positions of a step name their `num_nearest` items, among vectors at most `refresh_steps` old;
        `num_negatives` more are drawn in proportion to training counts ** power.
        """

        num_negatives: int = 3072
        power: float = 0.5
        num_askers: int = 64
        num_nearest: int = 32
        refresh_steps: int = 20

    def __init__(self, config: Config, counts: Tensor) -> None:
        super().__init__()
        self.config = config
        self.sampler = NegativeSampler(counts, config.power)
        self._age = 0
        self._vectors = torch.empty(0)

    def forward(self, users: Tensor, targets: Tensor, towers: TwoTower, seen: Tensor | None = None) -> Tensor:
        """Mean loss of unit vectors [P, D] and target rows [P]."""
        hard, drawn = self.nearest(users, towers), self.sampler.draw(self.config.num_negatives)
        sampled = shared_logits(users, drawn, towers, log_q_correction(self.sampler.log_q, drawn))
        sampled = sampled.masked_fill_(torch.isin(drawn, hard), REMOVED)
        negative = torch.cat([shared_logits(users, hard, towers), sampled], dim=1)
        negative = remove_accidental_hits(negative, targets, torch.cat([hard, drawn]))
        return sampled_cross_entropy(target_logits(users, targets, towers), negative)

    @torch.no_grad()
    def nearest(self, users: Tensor, towers: TwoTower) -> Tensor:
        """Distinct rows [H], by exact search over the item vectors of a few steps ago."""
        if self._age % self.config.refresh_steps == 0:
            self._vectors = item_vectors(towers.item)
        self._age += 1
        asking = users[torch.randint(len(users), (min(self.config.num_askers, len(users)),), device=users.device)]
        scores = asking.float() @ self._vectors.T
        best: Tensor = scores.topk(min(self.config.num_nearest, scores.shape[1]), dim=1).indices
        rows: Tensor = best.unique() + NUM_RESERVED
        return rows
