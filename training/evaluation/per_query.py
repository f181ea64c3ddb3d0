"""Every scorer's rank of every query, kept so that two runs can be compared query by query."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.evaluation.queries import Queries

FILE_NAME: Final = "per_query.npz"


def digest_of(queries: Queries) -> str:
    """SHA-256 of who asks when, in order; independent of the vocabulary, and nobody's id can be read from it."""
    hashed = hashlib.sha256(np.asarray(queries.request_ts_ms, dtype=np.int64).tobytes())
    hashed.update("\0".join(queries.user_ids).encode())
    return hashed.hexdigest()


@dataclass(frozen=True, eq=False)
class PerQuery:
    """Ranks [S, Q] of S scorers, float32, infinity where the target was not offered; `digest` names the queries."""

    digest: str
    names: tuple[str, ...]
    ranks: NDArray[np.float32]

    def save(self, path: Path) -> None:
        """Write one npz file."""
        with path.open("wb") as file:
            np.savez_compressed(file, digest=np.array(self.digest), names=np.array(self.names), ranks=self.ranks)

    @classmethod
    def load(cls, path: Path) -> PerQuery:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as parts:
            return cls(str(parts["digest"]), tuple(parts["names"].tolist()), parts["ranks"])
