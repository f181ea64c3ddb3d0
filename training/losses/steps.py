"""The small steps that retrieval losses are made of.

Shapes: P positions (one target each), N negatives shared by all positions, R vocabulary rows.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from towers.two_tower import TwoTower
from towers.vocabulary import NUM_RESERVED

REMOVED: Final = -1e30
"""Logit of what must have no weight; finite, so that nothing but such logits still has a gradient."""


def log_sampling_probability(counts: Tensor, power: float) -> Tensor:
    """Log probability [R] of drawing each row when rows are drawn in proportion to counts ** power.

    Rows never counted keep the weight of one event; reserved rows are never drawn (minus infinity).
    """
    weights = counts.to(torch.float64).clamp_min(1.0) ** power
    weights[:NUM_RESERVED] = 0.0
    return (weights / weights.sum()).log().to(torch.float32)


def target_logits(users: Tensor, targets: Tensor, towers: TwoTower) -> Tensor:
    """Logit [P] of each position's own target."""
    right = towers.item(towers.item.tokens(targets))
    logits: Tensor = (users * right).sum(dim=-1).float() * towers.scale
    return logits


def shared_logits(users: Tensor, negatives: Tensor, towers: TwoTower, offset: Tensor | None = None) -> Tensor:
    """Logits [P, N] of negatives [N] that all positions share, plus `offset` [N]; in single precision, in one pass."""
    wrong = towers.item(towers.item.tokens(negatives))
    with torch.autocast(users.device.type, enabled=False):
        scaled = users.float() * towers.scale
        return scaled @ wrong.float().T if offset is None else torch.addmm(offset, scaled, wrong.float().T)


def log_q_correction(log_q: Tensor, negatives: Tensor) -> Tensor:
    """Offset [N] that frees the logits of sampled negatives of the sampling distribution (Bengio & Senecal 2008)."""
    return -(log_q[negatives] + math.log(len(negatives)))


def remove_accidental_hits(logits: Tensor, targets: Tensor, negatives: Tensor) -> Tensor:
    """Logits [P, N], in place, without weight where a negative, [N] or [P, N], is the position's own target."""
    return logits.masked_fill_(targets.unsqueeze(1) == negatives, REMOVED)


def sampled_cross_entropy(positive: Tensor, negative: Tensor) -> Tensor:
    """Mean cross-entropy of positive [P] among corrected negatives [P, N] that do not contain it.

    The positive is not sampled, so it stays out of the logQ correction. The gradient is that of
    (1 - p) * (logsumexp(negative) - positive) with the positive's probability p held constant: the loss weighted by
    the chance of being wrong of Khrylchenko et al., RecSys 2025 (arXiv 2507.09331).
    """
    return (torch.logaddexp(positive, negative.logsumexp(dim=1)) - positive).mean()
