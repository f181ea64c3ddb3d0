"""The transformer block of the user tower: gated pointwise attention over the history with time and order biases.

Shapes: B batch, L history, D embedding, H heads. Time runs forward, padding stands on the right.
Source of the block: HSTU, Zhai et al. 2024 (arXiv 2402.17152), section 3.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NUM_TIME_BUCKETS = 72
_BUCKET_WIDTH = 0.301


def time_buckets(elapsed_s: Tensor) -> Tensor:
    """Logarithmic bucket of each number of seconds: about two a doubling, the last open.

    The width .301 of a natural logarithm is that of the reference HSTU configuration; 72 buckets reach 70 years.
    """
    return (torch.log(elapsed_s.clamp_min(1.0)) / _BUCKET_WIDTH).to(torch.int64).clamp_max(NUM_TIME_BUCKETS - 1)


def request_age(age_s: Tensor) -> Tensor:
    """Age [B, L] of the request that follows each event: the next event's age, 0 behind the last."""
    return F.pad(age_s[:, 1:], (0, 1))


class RelativeBias(nn.Module):
    """Learned attention bias [B, H, L, L] from the time between event and request and from their distance in order."""

    def __init__(self, num_heads: int, max_length: int) -> None:
        super().__init__()
        self.time = nn.Parameter(torch.zeros(num_heads, NUM_TIME_BUCKETS))
        self.order = nn.Parameter(torch.zeros(num_heads, max_length))

    def forward(self, elapsed: Tensor, distance: Tensor) -> Tensor:
        """Bias for the buckets `elapsed` [B, L, L] and the distances [L, L]."""
        return self.time[:, elapsed].transpose(0, 1) + self.order[:, distance]


class GatedAttention(nn.Module):
    """One block: out = x + W(norm(attention(x)) * gate(x))."""

    def __init__(self, dim: int, num_heads: int, max_length: int, dropout: float) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"dim is {dim}, num_heads is {num_heads}; choose a number of heads that divides dim")
        self.num_heads = num_heads
        self.max_length = max_length
        self.norm_in = nn.LayerNorm(dim)
        self.project_in = nn.Linear(dim, 4 * dim)
        self.bias = RelativeBias(num_heads, max_length)
        self.norm_out = nn.LayerNorm(dim)
        self.project_out = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, elapsed: Tensor, distance: Tensor, mask: Tensor) -> Tensor:
        """Next states [B, L, D]; mask [B, L, L] is True where a position may look."""
        gate, value, query, key = F.silu(self.project_in(self.norm_in(x))).chunk(4, dim=-1)
        query, key, value = (self._split(part) for part in (query, key, value))
        weights = F.silu(query @ key.transpose(-1, -2) + self.bias(elapsed, distance))
        weights = weights * mask.unsqueeze(1) / self.max_length
        mixed = (weights @ value).transpose(1, 2).reshape(x.shape)
        return x + self.project_out(self.dropout(self.norm_out(mixed) * gate))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
