"""One artefact holds everything that serving needs; it loads whole and verified, or not at all.

Shapes: R item rows, D embedding.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

import index
from index import VectorIndex
from ranking.behaviour import FILE as BEHAVIOUR
from ranking.behaviour import Behaviour
from ranking.slates import FILE as SLATES
from ranking.slates import WATCH_FILE, SlateModel
from ranking.transitions import EASE_FILE, ITEM_KNN_FILE, TransitionTable
from ranking.transitions import FILE as TRANSITIONS
from serving.canary import Canary, check_canary
from serving.catalogue import Catalogue
from serving.manifest import FILE as MANIFEST
from serving.manifest import BundleError, Manifest, ManifestFields, verify
from serving.parts import PLACEMENT, load_array, load_histories
from towers.bag import FILE as BAG
from towers.bag import BagTables
from towers.features import FeatureSpec
from towers.history import Histories
from towers.placement import ContentPlacement
from towers.vocabulary import NUM_RESERVED, Vocabulary

if TYPE_CHECKING:
    from serving.encoder import UserEncoder

__all__ = ["CURRENT", "Bundle", "BundleError", "Manifest", "ManifestFields", "locate", "verify"]

CURRENT: Final = "CURRENT"
BUNDLES: Final = "bundles"


@dataclass(frozen=True, eq=False)
class Bundle:
    """A loaded bundle; immutable, and unharmed by what later happens to other bundles.

    item_tokens, item_vectors: float32 [R, D]. popularity: float64 [R], faded counts. Viewer u of `histories` has row
    u + 2 in `viewers`. Large arrays stay on disk and are shared between processes.
    `placement` gives new items a token and a vector; None where training had no catalogue.
    """

    folder: Path
    manifest: Manifest
    spec: FeatureSpec
    item_tokens: NDArray[np.float32]
    item_vectors: NDArray[np.float32]
    index: VectorIndex
    popularity: NDArray[np.float64]
    viewers: Vocabulary
    histories: Histories
    catalogue: Catalogue
    canary: Canary
    placement: ContentPlacement | None = None

    @classmethod
    def load(cls, path: Path) -> Self:
        """The bundle at `path` (see `locate`); a BundleError names the file that is missing, changed or misfit.

        The index has then answered the canary queries; `check_encoder` asks the user tower too.
        """
        folder = locate(path)
        bundle = cls(folder, verify(folder), **_read(folder))
        bundle._check_fit()
        with _reading(folder, "canary.npz"):
            check_canary(bundle.canary, bundle.canary.users, bundle.index)
        return bundle

    @property
    def version(self) -> str:
        """Name of the bundle."""
        return self.manifest.version

    @property
    def user_tower_path(self) -> Path:
        """ONNX file of the user tower."""
        return self.folder / "user_tower.onnx"

    @property
    def ranker_path(self) -> Path | None:
        """ONNX file of the ranker; None when the bundle has none."""
        return self.folder / "ranker.onnx" if "ranker.onnx" in self.manifest.files else None

    @cached_property
    def encoder(self) -> UserEncoder:
        """The user tower in ONNX Runtime, opened when first used."""
        from serving.encoder import UserEncoder

        return UserEncoder.load(self.user_tower_path)

    @cached_property
    def transitions(self) -> TransitionTable:
        """What followed what in training; empty when the bundle does not say."""
        return self._table(TRANSITIONS) or TransitionTable.empty(self.spec.vocabulary.num_rows)

    @cached_property
    def item_knn(self) -> TransitionTable | None:
        """Whose viewers were the same in training."""
        return self._table(ITEM_KNN_FILE)

    @cached_property
    def ease(self) -> TransitionTable | None:
        """The linear autoencoder's strongest weights."""
        return self._table(EASE_FILE)

    @cached_property
    def slates(self) -> SlateModel | None:
        """What pages taught, where the log told of them."""
        return self._slate_model(SLATES)

    @cached_property
    def watching(self) -> SlateModel | None:
        """What plays taught about how much of an item is watched, where the log told of it."""
        return self._slate_model(WATCH_FILE)

    @cached_property
    def behaviour(self) -> Behaviour | None:
        """How viewers watch, where the log told of that."""
        if BEHAVIOUR not in self.manifest.files:
            return None
        with _reading(self.folder, BEHAVIOUR):
            return Behaviour.load(self.folder / BEHAVIOUR)

    @cached_property
    def bag(self) -> BagTables | None:
        """What answers bags of items; None when the bundle cannot."""
        if BAG not in self.manifest.files:
            return None
        with _reading(self.folder, BAG):
            return BagTables.load(self.folder / BAG)

    def check_encoder(self) -> None:
        """Ask the canary queries from the first step to the last; a BundleError names what differs."""
        check_canary(self.canary, self.encoder.encode(self.canary.batch, self.item_tokens), self.index)

    def _table(self, name: str) -> TransitionTable | None:
        if name not in self.manifest.files:
            return None
        with _reading(self.folder, name):
            return TransitionTable.load(self.folder / name)

    def _slate_model(self, name: str) -> SlateModel | None:
        if name not in self.manifest.files:
            return None
        with _reading(self.folder, name):
            return SlateModel.load(self.folder / name)

    def _check_fit(self) -> None:
        num_rows, dim = self.spec.vocabulary.num_rows, self.item_vectors.shape[-1]
        num_viewers = len(self.viewers.encoded)
        num_events = int(self.histories.offsets[-1]) if num_viewers else 0
        checks = {
            "item_tokens.npy": self.item_tokens.ndim == 2 and len(self.item_tokens) == num_rows,
            "item_vectors.npy": self.item_vectors.shape == (num_rows, dim),
            "index": (self.index.num_items, self.index.dim) == (num_rows - NUM_RESERVED, dim),
            "popularity.npy": self.popularity.shape == (num_rows,),
            "user_ids.npy": self.histories.num_viewers == num_viewers,
            "histories": all(len(events) == num_events for events in self.histories[1:])
            and int(self.histories.rows.max(initial=0)) < num_rows,
            "catalogue.json": self.catalogue.num_rows == num_rows,
            PLACEMENT: self.placement is None or self.placement.dim == self.item_tokens.shape[-1],
        }
        for name, fits in checks.items():
            if not fits:
                raise BundleError(
                    f"{self.folder / name} does not fit the {num_rows} rows of item_ids.npy; publish again"
                )


def locate(path: Path) -> Path:
    """The bundle folder behind `path`: an out folder (through CURRENT), another pointer file, or a bundle itself."""
    if (path / MANIFEST).is_file():
        return path
    pointer = path if path.is_file() else path / CURRENT
    if not path.exists():
        raise BundleError(f"there is no {path}; name the out folder of a training run, or one bundle in it")
    if not pointer.is_file():
        raise BundleError(f"{pointer} is missing, so nothing was published in {path}; train with out={path} first")
    name = pointer.read_text(errors="replace").strip()
    folder = pointer.parent / name
    if Path(name).parent != Path(BUNDLES) or not (folder / MANIFEST).is_file():
        raise BundleError(
            f"{pointer} names {name[:100]!r}, which is no bundle; publish again or name one of {BUNDLES}/"
        )
    return folder


def _read(folder: Path) -> dict[str, Any]:
    """All parts by field."""
    parts: dict[str, Any] = {}
    with _reading(folder, "features.json"):
        parts["spec"] = FeatureSpec.load(folder)
    for name in ("item_tokens", "item_vectors", "popularity"):
        with _reading(folder, f"{name}.npy"):
            parts[name] = load_array(folder / f"{name}.npy")
    with _reading(folder, "index"):
        parts["index"] = index.load(folder / "index")
    with _reading(folder, "user_ids.npy"):
        parts["viewers"] = Vocabulary(np.load(folder / "user_ids.npy", allow_pickle=False))
    with _reading(folder, "histories"):
        parts["histories"] = load_histories(folder / "histories")
    with _reading(folder, "catalogue.json"):
        parts["catalogue"] = Catalogue.load(folder / "catalogue.json")
    with _reading(folder, "canary.npz"):
        parts["canary"] = Canary.load(folder)
    if (folder / PLACEMENT).is_dir():
        with _reading(folder, PLACEMENT):
            parts["placement"] = ContentPlacement.load(folder / PLACEMENT)
    return parts


@contextmanager
def _reading(folder: Path, name: str) -> Iterator[None]:
    """Whatever goes wrong inside is blamed on the file."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise BundleError(f"{folder / name} cannot be used ({error}); publish again") from error
