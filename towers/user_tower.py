"""The user tower: a history and the moment of the request become one unit vector; no parameters per viewer.

Shapes: B batch, L history (start token included), D embedding, C context columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from towers.attention import (
    NUM_TIME_BUCKETS,
    GatedAttention,
    last_relations,
    relations,
    request_age,
    time_buckets,
)
from towers.history import NUM_ACTIONS, NUM_SHARE_BUCKETS


class UserInput(NamedTuple):
    """The tensors of a `towers.history.HistoryBatch`; tokens: float [B, L, D] of the history's items."""

    tokens: Tensor
    actions: Tensor
    shares: Tensor
    age_s: Tensor
    lengths: Tensor


class UserTower(nn.Module):
    """Causal transformer whose state at each position answers the request that follows it."""

    @dataclass(frozen=True)
    class Config:
        """Depth and width; `dropout` acts on tokens and blocks in training."""

        num_layers: int = 2
        num_heads: int = 2
        dropout: float = 0.2
        context_dim: int = 32

    def __init__(self, config: Config, dim: int, max_length: int, context_sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.max_length = max_length + 1
        self.action = nn.Embedding(NUM_ACTIONS, dim)
        self.share = nn.Embedding(NUM_SHARE_BUCKETS, dim)
        self.gap = nn.Embedding(NUM_TIME_BUCKETS, dim)
        self.dropout = nn.Dropout(config.dropout)
        blocks = [
            GatedAttention(dim, config.num_heads, max_length + 1, config.dropout) for _ in range(config.num_layers)
        ]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(dim)
        self.context = ContextGate(dim, config.context_dim, context_sizes)
        for embedding in (self.action, self.share, self.gap):
            nn.init.normal_(embedding.weight, std=0.02)

    def states(self, given: UserInput) -> Tensor:
        """State [B, L, D] at every position, before context and normalisation."""
        x = self._read(given)
        related = relations(given.age_s, given.lengths)
        for block in self.blocks:
            x = block(x, related)
        return self.norm(x)

    def last_state(self, given: UserInput) -> Tensor:
        """State [B, D] at the last position; the last block computes that position alone."""
        x = self._read(given)
        *earlier, last = self.blocks
        if earlier:
            related = relations(given.age_s, given.lengths)
            for block in earlier:
                x = block(x, related)
        asking = (given.lengths - 1).unsqueeze(1)
        return self.norm(last(x, last_relations(given.age_s, given.lengths), asking)).squeeze(1)

    def _read(self, given: UserInput) -> Tensor:
        gap = self.gap(time_buckets(given.age_s - request_age(given.age_s)))
        return self.dropout(given.tokens + self.action(given.actions) + self.share(given.shares) + gap)

    def answer(self, states: Tensor, context: Tensor) -> Tensor:
        """Unit vectors [..., D] of states [..., D] asked in contexts [..., C]."""
        return F.normalize(self.context(states, context), dim=-1)

    def forward(self, given: UserInput, context: Tensor) -> Tensor:
        """Unit vector [B, D] of the request behind the last event; context [B, C]."""
        return self.answer(self.last_state(given), context)


class ContextGate(nn.Module):
    """Adds what the moment changes: embeddings of hour, weekday, device, ... with the state through a hidden layer."""

    def __init__(self, dim: int, context_dim: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(size, context_dim) for size in sizes)
        self.hidden = nn.Linear(dim + context_dim, dim)
        self.out = nn.Linear(dim, dim)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, states: Tensor, context: Tensor) -> Tensor:
        """States [..., D] moved by contexts [..., C]."""
        moment = torch.stack([table(context[..., c]) for c, table in enumerate(self.embeddings)]).sum(dim=0)
        return states + self.out(F.silu(self.hidden(torch.cat([states, moment], dim=-1))))
