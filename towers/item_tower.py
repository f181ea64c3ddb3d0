"""The item tower: id and content become one token; its direction is the vector that the index holds.

Shapes: R vocabulary rows, D embedding, F content features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from towers.vocabulary import NUM_RESERVED


class ItemTower(nn.Module):
    """token = id embedding + projection of the content; vector = token / |token|."""

    @dataclass(frozen=True)
    class Config:
        """`id_dropout` hides the id of that share of items in a step, so that content alone learns to place them.

        Without content it does nothing.
        """

        id_dropout: float = 0.1
        init_std: float = 0.02

    content: Tensor

    def __init__(self, config: Config, num_rows: int, dim: int, content: Tensor | None) -> None:
        super().__init__()
        self.config = config
        self.id = nn.Embedding(num_rows, dim)
        nn.init.normal_(self.id.weight, std=config.init_std)
        self.register_buffer("content", content, persistent=False)
        self.project = None if content is None else nn.Linear(content.shape[1], dim, bias=False)

    def tokens(self, rows: Tensor | None = None) -> Tensor:
        """Tokens [..., D] of the rows, or of all R rows."""
        ids = self.id.weight if rows is None else self.id(rows)
        if self.project is None:
            return ids
        content = self.content if rows is None else self.content[rows]
        if self.training and self.config.id_dropout:
            keep = torch.rand(ids.shape[:-1], device=ids.device) >= self.config.id_dropout
            reserved = torch.arange(len(ids), device=ids.device) if rows is None else rows
            ids = ids * (keep | (reserved < NUM_RESERVED)).unsqueeze(-1)
        return ids + self.project(content)

    def forward(self, tokens: Tensor) -> Tensor:
        """Unit vectors [..., D] of tokens."""
        return F.normalize(tokens, dim=-1)
