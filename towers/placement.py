"""Where a title stands that training never saw: its content alone gives the token and the vector, in numpy.

Shapes: N items, F content features, M pairs of towers of width d, D = M d embedding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from towers.content import Content, ContentEncoder

FILE: Final = "projection.npy"


@dataclass(frozen=True, eq=False)
class ContentPlacement:
    """The content half of the item towers. projection: float32 [M, F, d]."""

    encoder: ContentEncoder
    projection: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.projection.ndim != 3 or self.projection.shape[1] != self.encoder.num_features:
            raise ValueError(
                f"the projection has shape {self.projection.shape}, the encoder makes {self.encoder.num_features} "
                "features; take both from one training"
            )

    @property
    def dim(self) -> int:
        """D."""
        num_members, _, width = self.projection.shape
        return int(num_members * width)

    def tokens(self, items: Sequence[Content]) -> NDArray[np.float32]:
        """Tokens [N, D], what the user tower reads of the items in a history; zero for an item without content."""
        return np.concatenate(list(self.encoder.encode(items) @ self.projection), axis=1)

    def vectors(self, tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit vectors [N, D] of tokens, which the index holds; zero where the token is zero."""
        num_members = len(self.projection)
        units = unit_vectors(tokens.reshape(len(tokens) * num_members, -1)) / np.float32(math.sqrt(num_members))
        return units.reshape(tokens.shape)

    def save(self, folder: Path) -> None:
        """Write the encoder's files and `projection.npy`."""
        self.encoder.save(folder)
        np.save(folder / FILE, self.projection, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> ContentPlacement:
        """Read what `save` wrote."""
        projection = np.load(folder / FILE, allow_pickle=False)
        return cls(ContentEncoder.load(folder), projection[None] if projection.ndim == 2 else projection)


def unit_vectors(tokens: NDArray[np.float32]) -> NDArray[np.float32]:
    """Direction of each token; zero where the token is zero."""
    lengths = np.linalg.norm(tokens, axis=1, keepdims=True)
    units: NDArray[np.float32] = np.divide(tokens, lengths, out=np.zeros_like(tokens), where=lengths > 0)
    return units
