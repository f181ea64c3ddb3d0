"""Geometry: exact and approximate nearest neighbours over item vectors. Knows vectors, not models."""

from __future__ import annotations

import json
from pathlib import Path

from index.base import VectorIndex
from index.build import BuildReport, BuiltIndex, CurvePoint, RecallError
from index.exact import ExactIndex
from index.faiss_index import FaissIndex
from index.filter_plan import FilterReport
from index.kinds import Kind
from index.overlay import OVERLAY, OverlayIndex, load_base
from index.row_set import Allowed, RowSet
from index.topk import Candidates, TopK

__all__ = [
    "Allowed",
    "BuildReport",
    "BuiltIndex",
    "Candidates",
    "CurvePoint",
    "ExactIndex",
    "FaissIndex",
    "FilterReport",
    "Kind",
    "OverlayIndex",
    "RecallError",
    "RowSet",
    "TopK",
    "VectorIndex",
    "load",
]


def load(folder: Path) -> VectorIndex:
    """The index that was saved in `folder`, whatever its kind."""
    kind = json.loads((folder / "index.json").read_text())["kind"]
    return OverlayIndex.load(folder) if kind == OVERLAY else load_base(folder)
