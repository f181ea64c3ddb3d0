"""Softmax over the whole catalogue: the exact loss, affordable up to about 100,000 items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from towers.two_tower import TwoTower
from towers.vocabulary import NUM_RESERVED
from training.losses.chunked_cross_entropy import Precision, chunked_cross_entropy

CHUNK: Final = 256
"""Positions whose logits are in memory at once; the fastest of 256, 512 and 1,024 in docs/experiments.md."""


class FullSoftmax:
    """Cross-entropy of each target among all items, or among those its viewer has not seen."""

    is_sampled: ClassVar[bool] = False

    @dataclass(frozen=True)
    class Config:
        """With `seen` skip, what a viewer has chosen is no alternative to a later target, as in what is served; keep
        counts it in. `auto` skips it where viewers choose an item again at most `repeats_up_to` of the time.
        """

        seen: str = "auto"
        repeats_up_to: float = 0.01

        def __post_init__(self) -> None:
            if self.seen not in {"auto", "skip", "keep"}:
                raise ValueError(f"loss.full.seen is {self.seen!r}; choose auto, skip or keep")

    def __init__(self, config: Config, repeats: float = 0.0) -> None:
        """`repeats` is the share of the targets that their viewer had chosen before."""
        self.skips_seen = config.seen == "skip" or (config.seen == "auto" and repeats <= config.repeats_up_to)

    def __call__(self, users: Tensor, targets: Tensor, towers: TwoTower, seen: Tensor | None = None) -> Tensor:
        """Mean loss of unit vectors [P, D] and target rows [P], in single precision whatever the towers compute in.

        With towers in mixed precision on a CPU, the products that make the gradients are in bfloat16. seen: rows
        [P, S], PAD-filled.
        """
        items = towers.item(towers.item.tokens())[NUM_RESERVED:]
        is_mixed = users.device.type == "cpu" and torch.is_autocast_enabled("cpu")
        with torch.autocast(users.device.type, enabled=False):
            inputs, weight, right = users.float() * towers.scale, items.float(), targets - NUM_RESERVED
            if not is_mixed and seen is None:
                return linear_cross_entropy(inputs, weight, right)
            precision = Precision(CHUNK, torch.bfloat16 if is_mixed else torch.float32)
            known = None if seen is None else seen - NUM_RESERVED
            return chunked_cross_entropy(inputs, weight, right, precision, known)


def linear_cross_entropy(inputs: Tensor, weight: Tensor, target: Tensor) -> Tensor:
    """Mean cross-entropy of inputs [P, D] against rows of weight [N, D]; chunked where this torch (2.13) knows how."""
    if not hasattr(nn, "LinearCrossEntropyOptions"):
        return F.cross_entropy(inputs @ weight.T, target)
    options: Any = nn.LinearCrossEntropyOptions(batch_chunk_size=CHUNK)
    return F.linear_cross_entropy(inputs, weight, target, options=options)
