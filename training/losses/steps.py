"""The small steps that retrieval losses are made of.

Shapes: P positions (one target each), N negatives shared by all positions, R vocabulary rows.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from towers.vocabulary import NUM_RESERVED


def log_sampling_probability(counts: Tensor, power: float) -> Tensor:
    """Log probability [R] of drawing each row when rows are drawn in proportion to counts ** power.

    Rows never counted keep the weight of one event; reserved rows are never drawn (minus infinity).
    """
    weights = counts.to(torch.float64).clamp_min(1.0) ** power
    weights[:NUM_RESERVED] = 0.0
    return (weights / weights.sum()).log().to(torch.float32)


def draw_negatives(log_q: Tensor, num_negatives: int) -> Tensor:
    """Rows [N] drawn with replacement from the sampling distribution."""
    return torch.multinomial(log_q.exp(), num_negatives, replacement=True)


def correct_log_q(logits: Tensor, log_q: Tensor, negatives: Tensor) -> Tensor:
    """Logits [P, N] of sampled negatives, freed of the sampling distribution (Bengio & Senecal 2008).

    The positive is not sampled and stays out of the correction (Khrylchenko et al., RecSys 2025).
    """
    return logits - log_q[negatives] - math.log(len(negatives))


def remove_accidental_hits(logits: Tensor, targets: Tensor, negatives: Tensor) -> Tensor:
    """Logits [P, N] with minus infinity where a negative is the position's own target."""
    return logits.masked_fill(targets.unsqueeze(1) == negatives.unsqueeze(0), float("-inf"))
