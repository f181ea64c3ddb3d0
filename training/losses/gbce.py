"""Generalised binary cross-entropy: each target against uniform negatives, freed of the overconfidence they cause.

Shapes: P positions, K negatives of a position, D embedding.
Source: Petrov & Macdonald, gSASRec, RecSys 2023 (arXiv 2308.07192), equations 13 to 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from towers.two_tower import TwoTower
from towers.vocabulary import NUM_RESERVED
from training.losses.negatives import NegativeSampler
from training.losses.steps import remove_accidental_hits, shared_logits, target_logits


class GeneralisedCrossEntropy(nn.Module):
    """-(log sigmoid(s+) ** beta + sum of log(1 - sigmoid(s-))) / (K + 1), mean over positions."""

    is_sampled: ClassVar[bool] = True
    skips_seen: ClassVar[bool] = False

    @dataclass(frozen=True)
    class Config:
        """K negatives, of each position or shared by all; `calibration` is t, 0 for the plain loss, 1 in full."""

        num_negatives: int = 256
        calibration: float = 0.75
        is_shared: bool = False

    def __init__(self, config: Config, counts: Tensor) -> None:
        super().__init__()
        self.config = config
        self.sampler = NegativeSampler(counts, power=0.0)
        self.beta = beta(config, len(counts) - NUM_RESERVED)

    def forward(self, users: Tensor, targets: Tensor, towers: TwoTower, seen: Tensor | None = None) -> Tensor:
        """Mean loss of unit vectors [P, D] and target rows [P]."""
        num = self.config.num_negatives
        negatives = self.sampler.draw(num) if self.config.is_shared else self.sampler.draw(len(targets), num)
        logits = shared_logits if self.config.is_shared else own_logits
        negative = remove_accidental_hits(logits(users, negatives, towers), targets, negatives)
        positive = target_logits(users, targets, towers)
        losses = F.softplus(negative).sum(dim=1) - self.beta * F.logsigmoid(positive)
        return losses.mean() / (num + 1)


def own_logits(users: Tensor, negatives: Tensor, towers: TwoTower) -> Tensor:
    """Logits [P, K] of each position's own negatives [P, K]; holds P * K vectors in memory."""
    wrong = towers.item(towers.item.tokens(negatives))
    logits: Tensor = (wrong.to(users.dtype) @ users.unsqueeze(2)).squeeze(2).float() * towers.scale
    return logits


def beta(config: GeneralisedCrossEntropy.Config, num_items: int) -> float:
    """Power of the positive's probability: 1 - t (1 - alpha), where alpha is the share of other items sampled."""
    alpha = min(1.0, config.num_negatives / max(num_items - 1, 1))
    return 1 - config.calibration * (1 - alpha)
