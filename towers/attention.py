"""The transformer block of the user tower: gated pointwise attention over the history with time and order biases.

Shapes: B batch, L history, Q asking positions, D embedding, H heads. Time runs forward, padding stands on the right.
Source of the block: HSTU, Zhai et al. 2024 (arXiv 2402.17152), section 3.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NUM_TIME_BUCKETS = 72
_BUCKET_WIDTH = 0.301


def time_buckets(elapsed_s: Tensor) -> Tensor:
    """Logarithmic bucket of each number of seconds: about two a doubling, the last open.

    The width .301 of a natural logarithm is that of the reference HSTU configuration; 72 buckets reach 70 years.
    """
    return (torch.log(elapsed_s.clamp_min(1.0)) / _BUCKET_WIDTH).clamp_max(NUM_TIME_BUCKETS - 1).to(torch.int64)


def request_age(age_s: Tensor) -> Tensor:
    """Age [B, L] of the request that follows each event: the next event's age, 0 behind the last."""
    return F.pad(age_s[:, 1:], (0, 1))


class Relations(NamedTuple):
    """How each asking position (Q of them) stands to each event: time bucket, distance in order, may it look.

    elapsed: int64 [B, Q, L]; distance: int64 [B or 1, Q, L]; mask: bool [B, Q, L].
    """

    elapsed: Tensor
    distance: Tensor
    mask: Tensor


def relations(age_s: Tensor, lengths: Tensor) -> Relations:
    """Every position asks at the time of the request behind it and sees itself and what came before."""
    place = torch.arange(age_s.shape[1], device=age_s.device)
    elapsed = time_buckets(age_s.unsqueeze(1) - request_age(age_s).unsqueeze(2))
    distance = (place.unsqueeze(1) - place.unsqueeze(0)).clamp_min(0)
    mask = (place.unsqueeze(1) >= place.unsqueeze(0)) & (place < lengths.unsqueeze(1)).unsqueeze(1)
    return Relations(elapsed, distance.unsqueeze(0), mask)


def last_relations(age_s: Tensor, lengths: Tensor) -> Relations:
    """The last row of `relations` alone, Q = 1: the request behind the newest event, whose age is 0."""
    place = torch.arange(age_s.shape[1], device=age_s.device)
    distance = (lengths.unsqueeze(1) - 1 - place).clamp_min(0)
    mask = place < lengths.unsqueeze(1)
    return Relations(time_buckets(age_s).unsqueeze(1), distance.unsqueeze(1), mask.unsqueeze(1))


class RelativeBias(nn.Module):
    """Learned attention bias [B, H, Q, L] from the time between event and request and from their distance in order."""

    def __init__(self, num_heads: int, max_length: int) -> None:
        super().__init__()
        self.time = nn.Parameter(torch.zeros(num_heads, NUM_TIME_BUCKETS))
        self.order = nn.Parameter(torch.zeros(num_heads, max_length))

    def forward(self, related: Relations) -> Tensor:
        """Bias of each pair."""
        return (self.time[:, related.elapsed] + self.order[:, related.distance]).transpose(0, 1)


class GatedAttention(nn.Module):
    """One block: out = x + W(norm(attention(x)) * gate(x))."""

    def __init__(self, dim: int, num_heads: int, max_length: int, dropout: float) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"dim is {dim}, num_heads is {num_heads}; choose a number of heads that divides dim")
        self.num_heads = num_heads
        self.max_length = max_length
        self.norm_in = nn.LayerNorm(dim)
        self.gate_and_query = nn.Linear(dim, 2 * dim)
        self.value_and_key = nn.Linear(dim, 2 * dim)
        self.bias = RelativeBias(num_heads, max_length)
        self.norm_out = nn.LayerNorm(dim)
        self.project_out = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, related: Relations, asking: Tensor | None = None) -> Tensor:
        """Next states [B, Q, D] of the places `asking` [B, Q] in x [B, L, D], or of all (Q = L)."""
        seen = self.norm_in(x)
        if asking is None:
            return self._attend(x, seen, seen, related)
        place = asking.unsqueeze(-1).expand(-1, -1, x.shape[-1])
        return self._attend(x.gather(1, place), seen.gather(1, place), seen, related)

    def _attend(self, x: Tensor, asker: Tensor, seen: Tensor, related: Relations) -> Tensor:
        gate, query = F.silu(self.gate_and_query(asker)).chunk(2, dim=-1)
        value, key = F.silu(self.value_and_key(seen)).chunk(2, dim=-1)
        weights = F.silu(self._split(query) @ self._split(key).transpose(-1, -2) + self.bias(related))
        weights = weights * related.mask.unsqueeze(1) / self.max_length
        mixed = (weights @ self._split(value)).transpose(1, 2).reshape(x.shape)
        return x + self.project_out(self.dropout(self.norm_out(mixed) * gate))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
