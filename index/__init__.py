"""Geometry: exact and approximate nearest neighbours over item vectors. Knows vectors, not models."""

from __future__ import annotations

import json
from pathlib import Path

from index.base import VectorIndex
from index.build import BuildReport, BuiltIndex, CurvePoint, RecallError
from index.exact import EXACT, ExactIndex
from index.faiss_index import FaissIndex, Kind
from index.topk import Candidates, TopK

__all__ = [
    "BuildReport",
    "BuiltIndex",
    "Candidates",
    "CurvePoint",
    "ExactIndex",
    "FaissIndex",
    "Kind",
    "RecallError",
    "TopK",
    "VectorIndex",
    "load",
]


def load(folder: Path) -> VectorIndex:
    """The index that was saved in `folder`, whatever its kind."""
    kind = json.loads((folder / "index.json").read_text())["kind"]
    return ExactIndex.load(folder) if kind == EXACT else FaissIndex.load(folder)
