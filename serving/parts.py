"""The parts of a bundle and the one place that writes them. Shapes: R item rows, D embedding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from index import VectorIndex
from serving.canary import Canary
from serving.catalogue import CatalogueTable
from towers.features import FeatureSpec
from towers.history import Histories
from towers.placement import ContentPlacement
from towers.vocabulary import Vocabulary

PLACEMENT: Final = "placement"


@dataclass(frozen=True, eq=False)
class BundleParts:
    """What training hands over.

    item_tokens: float32 [R, D], what the user tower reads. item_vectors: float32 [R, D], unit length; rows 0 and 1 are
    zero. popularity: float64 [R], faded counts at the end of training. Viewer u of `histories` has row u + 2 in
    `viewers`. user_tower: ONNX. ranker_files, page_files: contents by name, empty without a ranker or a homepage.
    placement: how content places a new item, None without a catalogue.
    """

    spec: FeatureSpec
    item_tokens: NDArray[np.float32]
    item_vectors: NDArray[np.float32]
    index: VectorIndex
    user_tower: bytes
    popularity: NDArray[np.float64]
    viewers: Vocabulary
    histories: Histories
    catalogue: CatalogueTable
    canary: Canary
    ranker_files: Mapping[str, bytes] = field(default_factory=dict)
    page_files: Mapping[str, bytes] = field(default_factory=dict)
    placement: ContentPlacement | None = None


def write_parts(folder: Path, parts: BundleParts) -> None:
    """Every file of a bundle except the manifest."""
    parts.spec.save(folder)
    _save(folder / "item_tokens.npy", parts.item_tokens.astype(np.float32, copy=False))
    _save(folder / "item_vectors.npy", parts.item_vectors.astype(np.float32, copy=False))
    parts.index.save(folder / "index")
    (folder / "user_tower.onnx").write_bytes(parts.user_tower)
    _save(folder / "popularity.npy", parts.popularity.astype(np.float64, copy=False))
    _save(folder / "user_ids.npy", parts.viewers.encoded)
    save_histories(folder / "histories", parts.histories)
    (folder / "catalogue.json").write_bytes(msgspec.json.encode(parts.catalogue))
    parts.canary.save(folder)
    if parts.placement is not None:
        (folder / PLACEMENT).mkdir()
        parts.placement.save(folder / PLACEMENT)
    for name, content in (*parts.ranker_files.items(), *parts.page_files.items()):
        if (folder / name).exists() or Path(name).name != name:
            raise ValueError(f"file {name!r} is the name of another part or no plain name; choose another")
        (folder / name).write_bytes(content)


def save_histories(folder: Path, histories: Histories) -> None:
    """One `.npy` a field, so that processes can share the pages."""
    folder.mkdir()
    for name, array in histories._asdict().items():
        _save(folder / f"{name}.npy", array)


def load_histories(folder: Path) -> Histories:
    """Read what `save_histories` wrote; the events stay on disk."""
    return Histories(*(load_array(folder / f"{name}.npy") for name in Histories._fields))


def load_array(path: Path) -> NDArray[Any]:
    """An array that stays on disk; its pages are shared between processes."""
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _save(path: Path, array: NDArray[Any]) -> None:
    np.save(path, array, allow_pickle=False)
