"""The small steps that retrieval losses are made of.

Shapes: P positions (one target each), N negatives shared by all positions, R vocabulary rows.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from towers.two_tower import TwoTower
from towers.vocabulary import NUM_RESERVED


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


def shared_logits(users: Tensor, negatives: Tensor, towers: TwoTower) -> Tensor:
    """Logits [P, N] of negatives [N] that all positions share."""
    wrong = towers.item(towers.item.tokens(negatives))
    logits: Tensor = (users @ wrong.to(users.dtype).T).float() * towers.scale
    return logits


def correct_log_q(logits: Tensor, log_q: Tensor, negatives: Tensor) -> Tensor:
    """Logits [P, N] of sampled negatives, freed of the sampling distribution (Bengio & Senecal 2008)."""
    return logits - log_q[negatives] - math.log(len(negatives))


def remove_accidental_hits(logits: Tensor, targets: Tensor, negatives: Tensor) -> Tensor:
    """Logits [P, N] with minus infinity where a negative, [N] or [P, N], is the position's own target."""
    return logits.masked_fill(targets.unsqueeze(1) == negatives, float("-inf"))


def sampled_cross_entropy(positive: Tensor, negative: Tensor) -> Tensor:
    """Mean cross-entropy of positive [P] among corrected negatives [P, N] that do not contain it.

    The positive is not sampled, so it stays out of the logQ correction. The gradient is that of
    (1 - p) * (logsumexp(negative) - positive) with the positive's probability p held constant: the loss weighted by
    the chance of being wrong of Khrylchenko et al., RecSys 2025 (arXiv 2507.09331).
    """
    logits = torch.cat([positive.unsqueeze(1), negative], dim=1)
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64, device=logits.device))
