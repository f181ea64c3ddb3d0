"""The attention bias in the form that ONNX Runtime answers fastest; the same numbers as `towers.attention` gives.

Picking from a table by pairs of indices took half the time of the exported tower. Shapes: as in `towers.attention`.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from towers.attention import GatedAttention, Relations, RelativeBias
from towers.user_tower import UserTower


class ServedBias(nn.Module):
    """Time: all heads of a bucket in one piece. Order: for a whole history a corner of a fixed square, for the last
    position a piece of the table.
    """

    time: Tensor
    order: Tensor

    def __init__(self, bias: RelativeBias, max_length: int, *, is_whole: bool) -> None:
        super().__init__()
        self.is_whole = is_whole
        place = torch.arange(max_length)
        distance = (place.unsqueeze(1) - place.unsqueeze(0)).clamp_min(0)
        order = bias.order.detach()
        self.register_buffer("time", bias.time.detach().t().contiguous())
        self.register_buffer("order", order[:, distance] if is_whole else order.t().contiguous())

    def forward(self, related: Relations) -> Tensor:
        """Bias [B, H, Q, L] of each pair."""
        time = F.embedding(related.elapsed, self.time).permute(0, 3, 1, 2)
        if not self.is_whole:
            return time + F.embedding(related.distance, self.order).permute(0, 3, 1, 2)
        num_events = related.elapsed.shape[-1]
        return time + self.order[:, :num_events, :num_events]


def for_serving(tower: UserTower) -> UserTower:
    """A copy of the tower that answers with `forward` alone; it is not for training."""
    served = copy.deepcopy(tower).eval()
    *earlier, last = served.blocks
    for block in (*earlier, last):
        assert isinstance(block, GatedAttention)
        bias = ServedBias(block.bias, block.max_length, is_whole=block is not last)
        block.bias = bias  # type: ignore[assignment]
    return served
