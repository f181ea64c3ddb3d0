"""Softmax over the whole catalogue: the exact loss, affordable up to about 100,000 items."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from towers.two_tower import TwoTower
from towers.vocabulary import NUM_RESERVED
from training.losses.chunked_cross_entropy import chunked_cross_entropy

CHUNK: Final = 256
"""Positions whose logits are in memory at once; the fastest of 256, 512 and 1,024 in docs/experiments.md."""


class FullSoftmax:
    """Cross-entropy of each target among all items."""

    is_sampled: ClassVar[bool] = False

    def __call__(self, users: Tensor, targets: Tensor, towers: TwoTower) -> Tensor:
        """Mean loss of unit vectors [P, D] and target rows [P], in single precision whatever the towers compute in.

        With towers in mixed precision on a CPU, the products that make the gradients are in bfloat16.
        """
        items = towers.item(towers.item.tokens())[NUM_RESERVED:]
        is_mixed = users.device.type == "cpu" and torch.is_autocast_enabled("cpu")
        with torch.autocast(users.device.type, enabled=False):
            inputs, weight, right = users.float() * towers.scale, items.float(), targets - NUM_RESERVED
            if is_mixed:
                return chunked_cross_entropy(inputs, weight, right, CHUNK)
            return linear_cross_entropy(inputs, weight, right)


def linear_cross_entropy(inputs: Tensor, weight: Tensor, target: Tensor) -> Tensor:
    """Mean cross-entropy of inputs [P, D] against rows of weight [N, D]; chunked where this torch (2.13) knows how."""
    if not hasattr(nn, "LinearCrossEntropyOptions"):
        return F.cross_entropy(inputs @ weight.T, target)
    options: Any = nn.LinearCrossEntropyOptions(batch_chunk_size=CHUNK)
    return F.linear_cross_entropy(inputs, weight, target, options=options)
