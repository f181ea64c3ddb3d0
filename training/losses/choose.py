"""Chooses the loss by the size of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from towers.two_tower import TwoTower
from training.losses.full_softmax import FullSoftmax
from training.losses.sampled_softmax import SampledSoftmax

Loss = Callable[[Tensor, Tensor, TwoTower], Tensor]
NAMES = ("auto", "full_softmax", "sampled_softmax")


@dataclass(frozen=True)
class LossConfig:
    """`auto` takes the full softmax up to `full_up_to` items and the sampled one above."""

    name: str = "auto"
    full_up_to: int = 100_000
    sampled: SampledSoftmax.Config = field(default_factory=SampledSoftmax.Config)


def choose_loss(config: LossConfig, counts: Tensor) -> Loss:
    """The loss for a catalogue whose items were chosen `counts` [R] times in training."""
    if config.name not in NAMES:
        raise ValueError(f"loss.name is {config.name!r}; choose one of {', '.join(NAMES)}")
    is_small = len(counts) <= config.full_up_to
    if config.name == "full_softmax" or (config.name == "auto" and is_small):
        return FullSoftmax()
    return SampledSoftmax(config.sampled, counts)
