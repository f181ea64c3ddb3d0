"""Chooses the loss by name or by the size of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol

from torch import Tensor

from towers.two_tower import TwoTower
from training.losses.full_softmax import FullSoftmax
from training.losses.gbce import GeneralisedCrossEntropy
from training.losses.hard_softmax import HardSoftmax
from training.losses.mixed_softmax import MixedSoftmax
from training.losses.sampled_softmax import SampledSoftmax

NAMES: Final = ("auto", "full_softmax", "sampled_softmax", "mixed_softmax", "hard_softmax", "gbce")


class Loss(Protocol):
    """Mean loss of unit vectors [P, D] and target rows [P]; `is_sampled` where it looks at few rows of the table.

    With `skips_seen` it wants to know the rows seen [P, S] before each position.
    """

    is_sampled: ClassVar[bool]

    @property
    def skips_seen(self) -> bool: ...

    def __call__(self, users: Tensor, targets: Tensor, towers: TwoTower, seen: Tensor | None = None, /) -> Tensor: ...


@dataclass(frozen=True)
class LossConfig:
    """`auto` takes the full softmax up to `full_up_to` items and the sampled one above.

    By name: full_softmax, sampled_softmax, mixed_softmax, hard_softmax, gbce.
    """

    name: str = "auto"
    full_up_to: int = 100_000
    full: FullSoftmax.Config = field(default_factory=FullSoftmax.Config)
    sampled: SampledSoftmax.Config = field(default_factory=SampledSoftmax.Config)
    mixed: MixedSoftmax.Config = field(default_factory=MixedSoftmax.Config)
    hard: HardSoftmax.Config = field(default_factory=HardSoftmax.Config)
    gbce: GeneralisedCrossEntropy.Config = field(default_factory=GeneralisedCrossEntropy.Config)


def choose_loss(config: LossConfig, counts: Tensor, repeats: float = 0.0) -> Loss:
    """The loss for a catalogue whose items were chosen `counts` [R] times in training, a share of them repeatedly."""
    is_small = len(counts) <= config.full_up_to
    match config.name:
        case "full_softmax":
            return FullSoftmax(config.full, repeats)
        case "auto" if is_small:
            return FullSoftmax(config.full, repeats)
        case "sampled_softmax" | "auto":
            return SampledSoftmax(config.sampled, counts)
        case "mixed_softmax":
            return MixedSoftmax(config.mixed, counts)
        case "hard_softmax":
            return HardSoftmax(config.hard, counts)
        case "gbce":
            return GeneralisedCrossEntropy(config.gbce, counts)
    raise ValueError(f"loss.name is {config.name!r}; choose one of {', '.join(NAMES)}")
