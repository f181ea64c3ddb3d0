"""Several pairs of towers, trained apart, as one: what they do not agree on is mostly chance.

Their tokens and vectors stand side by side, so that the cosine served is the mean of theirs.
Shapes: M members, d width of each, D = M d, R vocabulary rows, B batch, L history, C context columns.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from towers.item_tower import ItemTower
from towers.two_tower import TwoTower
from towers.user_tower import UserInput, UserTower


def side_by_side(vectors: Sequence[Tensor]) -> Tensor:
    """One unit vector [..., D] from M unit vectors [..., d]."""
    return torch.cat(list(vectors), dim=-1) / math.sqrt(len(vectors))


class UserTowers(nn.Module):
    """The user towers of all members over the same history."""

    def __init__(self, towers: Iterable[UserTower]) -> None:
        super().__init__()
        self.towers = nn.ModuleList(towers)

    def forward(self, given: UserInput, context: Tensor) -> Tensor:
        """Unit vector [B, D] of tokens [B, L, D], of which each member reads its own d numbers."""
        tokens = given.tokens.chunk(len(self.towers), dim=-1)
        own = (given._replace(tokens=part) for part in tokens)
        return side_by_side([tower(part, context) for tower, part in zip(self.towers, own, strict=True)])


class ItemArrays(NamedTuple):
    """Of all rows: tokens [R, D], and unit vectors [R, D]."""

    tokens: Tensor
    vectors: Tensor


class Ensemble(nn.Module):
    """Trained pairs of towers of one recipe and one vocabulary, from different seeds."""

    def __init__(self, members: Sequence[TwoTower]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    @property
    def pairs(self) -> tuple[TwoTower, ...]:
        """The members as what they are."""
        return tuple(member for member in self.members if isinstance(member, TwoTower))

    @property
    def user(self) -> UserTowers:
        """All user towers."""
        return UserTowers(pair.user for pair in self.pairs)

    @property
    def item_towers(self) -> tuple[ItemTower, ...]:
        """All item towers."""
        return tuple(pair.item for pair in self.pairs)

    @property
    def scale(self) -> Tensor:
        """1 / temperature: the members' mean, as the cosine is."""
        return torch.stack([pair.scale for pair in self.pairs]).mean()

    def items(self) -> ItemArrays:
        """Tokens and unit vectors of all rows."""
        tokens = [item.tokens() for item in self.item_towers]
        vectors = [item(own) for item, own in zip(self.item_towers, tokens, strict=True)]
        return ItemArrays(torch.cat(tokens, dim=-1), side_by_side(vectors))

    def read(self, rows: Tensor, actions: Tensor, shares: Tensor, age_s: Tensor, lengths: Tensor) -> UserInput:
        """The user towers' input from a batch's arrays."""
        tokens = torch.cat([item.tokens(rows) for item in self.item_towers], dim=-1)
        return UserInput(tokens, actions, shares, age_s, lengths)
