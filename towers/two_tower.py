"""Both towers and the temperature that turns their cosine into logits.

Shapes: B batch, L history, D embedding, R vocabulary rows, C context columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from towers.item_tower import ItemTower
from towers.user_tower import UserInput, UserTower


class TwoTower(nn.Module):
    """Cosine of user and item vector over a learned temperature: the similarity trained is the similarity served."""

    @dataclass(frozen=True)
    class Config:
        """`dim` is the width of both towers and of the index; `temperature` is the value training starts from."""

        dim: int = 64
        temperature: float = 0.05
        user: UserTower.Config = field(default_factory=UserTower.Config)
        item: ItemTower.Config = field(default_factory=ItemTower.Config)

    def __init__(
        self,
        config: Config,
        num_rows: int,
        max_length: int,
        context_sizes: tuple[int, ...],
        content: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.user = UserTower(config.user, config.dim, max_length, context_sizes)
        self.item = ItemTower(config.item, num_rows, config.dim, content)
        self.log_scale = nn.Parameter(-torch.tensor(config.temperature).log())

    @property
    def scale(self) -> Tensor:
        """1 / temperature, at most 100 (the bound of CLIP, Radford et al. 2021)."""
        return self.log_scale.exp().clamp_max(100.0)

    def read(self, rows: Tensor, actions: Tensor, shares: Tensor, age_s: Tensor, lengths: Tensor) -> UserInput:
        """The user tower's input from a batch's arrays."""
        return UserInput(self.item.tokens(rows), actions, shares, age_s, lengths)
