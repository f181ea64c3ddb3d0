"""Softmax over the whole catalogue: the exact loss, affordable up to about 100,000 items."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from towers.two_tower import TwoTower
from towers.vocabulary import NUM_RESERVED


class FullSoftmax:
    """Cross-entropy of each target among all items."""

    def __call__(self, users: Tensor, targets: Tensor, towers: TwoTower) -> Tensor:
        """Mean loss of unit vectors [P, D] and target rows [P]."""
        items = towers.item(towers.item.tokens())[NUM_RESERVED:].to(users.dtype)
        scaled = users * towers.scale.to(users.dtype)
        return F.linear_cross_entropy(scaled, items, targets - NUM_RESERVED)
