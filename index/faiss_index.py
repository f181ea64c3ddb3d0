"""Approximate search through FAISS, rescored in full precision.

FAISS numbers its vectors by place; rows of 64 bits stand beside. Its lists are longer than asked for, and the
survivors are scored again, so scores equal those of `ExactIndex`. Where FAISS comes back short (its -1), or a tie runs
past the end of its list, brute force over the allowed items answers.
Shapes: B queries, N items, D dimensions, K results, M places.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import faiss as untyped_faiss
import numpy as np
from numpy.typing import ArrayLike, NDArray

from index.exact import best_of, empty_top, exact_top
from index.further_lists import search_further
from index.kinds import POINTS_A_LIST, Kind, recipe
from index.row_set import Allowed, RowSet
from index.topk import TopK
from index.vectors import ItemVectors

faiss: Any = untyped_faiss  # its stub lags behind its code

FILE: Final = "index.faiss"
TRAINING_ROUNDS: Final = 10
"""Of k-means; FAISS's own 25 rounds over 256 points a list take ten times as long."""
MIN_PQ_ITEMS: Final = 1000
"""Below, product quantisation has too little to learn from."""
SPARE: Final = 1.3
"""Length of an over-fetched list, relative to what a random filter would need."""


@dataclass(frozen=True)
class Config:
    """`k`: for which `effort` was chosen; smaller ones are searched alike, larger ones with more effort.

    `oversample`: list length asked of FAISS relative to k. `num_links`: links a node of HNSW. Up to `exact_allowed`
    allowed items are searched by brute force; `index.filter_plan` measures how many.
    """

    kind: Kind = Kind.IVF_SQ_FP16
    effort: int = 32
    k: int = 100
    oversample: float = 1.1
    exact_allowed: int = 20_000
    num_links: int = 32

    def __post_init__(self) -> None:
        if self.effort < 1 or self.oversample < 1:
            raise ValueError(f"effort {self.effort} and oversample {self.oversample} must be at least 1")


@dataclass(frozen=True, eq=False)
class FaissIndex:
    """Immutable once built; `with_effort` shares the structure."""

    items: ItemVectors
    structure: Any
    config: Config

    @classmethod
    def build(cls, rows: ArrayLike, vectors: ArrayLike, config: Config) -> Self:
        """Index of vectors [N, D] under the rows [N]."""
        return cls.over(ItemVectors.of(rows, vectors), config)

    @classmethod
    def over(cls, items: ItemVectors, config: Config) -> Self:
        """Train and fill; a ValueError when there are too few items for the kind."""
        if config.kind is Kind.PQ_FAST_SCAN and items.num_items < MIN_PQ_ITEMS:
            raise ValueError(
                f"{items.num_items} items are too few for {config.kind}; use {Kind.FLAT} or the exact index"
            )
        structure = faiss.index_factory(
            items.dim, recipe(config.kind, items.num_items, items.dim, config.num_links), faiss.METRIC_INNER_PRODUCT
        )
        if config.kind is Kind.IVF_SQ_FP16:
            structure.cp.niter, structure.cp.max_points_per_centroid = TRAINING_ROUNDS, POINTS_A_LIST
        if items.num_items:
            structure.train(items.vectors)
            structure.add(items.vectors)
        return cls(items, structure, config)

    def with_effort(self, effort: int) -> Self:
        """The same structure, searched with another effort."""
        return replace(self, config=replace(self.config, effort=effort))

    def with_exact_allowed(self, exact_allowed: int) -> Self:
        """The same structure, with brute force up to another number of allowed items."""
        return replace(self, config=replace(self.config, exact_allowed=exact_allowed))

    @property
    def num_items(self) -> int:
        """N."""
        return self.items.num_items

    @property
    def dim(self) -> int:
        """D."""
        return self.items.dim

    @property
    def num_bytes(self) -> int:
        """Memory of vectors and structure."""
        counter = faiss.VectorIOWriter()
        faiss.write_index(self.structure, counter)
        return self.items.num_bytes + int(counter.data.size())

    def search(self, queries: NDArray[np.float32], k: int, allowed: Allowed | None = None) -> TopK:
        """See `VectorIndex.search`; always min(k, allowed items held) results."""
        queries = self.items.checked(queries, k)
        if allowed is None:
            return self._search(queries, min(k, self.num_items), None)
        within = self.items.within(allowed)
        if len(within) <= self.config.exact_allowed:
            return exact_top(self.items, queries, k, within.rows)
        return self._search(queries, min(k, len(within)), within)

    def save(self, folder: Path) -> None:
        """Write into `folder`, made when absent."""
        folder.mkdir(parents=True, exist_ok=True)
        self.items.save(folder)
        try:
            faiss.write_index(self.structure, str(folder / FILE))
        except RuntimeError as error:  # how FAISS reports a full disk
            raise OSError(f"cannot write {folder / FILE}: {error}") from error
        (folder / "index.json").write_text(json.dumps(asdict(self.config)))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; the structure stays on disk and is shared between processes."""
        config = json.loads((folder / "index.json").read_text())
        structure = faiss.read_index(str(folder / FILE), faiss.IO_FLAG_MMAP_IFC)
        return cls(ItemVectors.load(folder), structure, Config(**(config | {"kind": Kind(config["kind"])})))

    def _search(self, queries: NDArray[np.float32], k: int, within: RowSet | None) -> TopK:
        top = empty_top(len(queries), k)
        if k == 0 or len(queries) == 0:
            return top
        num_eligible = self.num_items if within is None else len(within)
        reach = min(max(k, self.config.k), num_eligible)
        length = min(math.ceil(reach * self._list_factor) + 1, num_eligible)
        found = self._found(queries, reach, length, within)
        for b, query in enumerate(queries):
            best = best_of(self.items, query, found[b][found[b] >= 0], length)
            if len(best.rows) < reach or (best.scores[-1] == best.scores[k - 1] and len(best.rows) < num_eligible):
                places = None if within is None else within.rows
                best = TopK(*(part[0] for part in exact_top(self.items, query[None], k, places)))
            top.rows[b], top.scores[b] = best.rows[:k], best.scores[:k]
        return top

    def _found(self, queries: NDArray[np.float32], reach: int, length: int, within: RowSet | None) -> NDArray[np.int64]:
        """Places [B, L] as FAISS finds them, -1 where it comes back short."""
        if within is None or self.config.kind in {Kind.FLAT, Kind.SQ_FP16, Kind.HNSW_SQ_FP16}:
            parameters = self._parameters(length, within)
            return np.asarray(self.structure.search(queries, length, params=parameters)[1])
        if self.config.kind is Kind.PQ_FAST_SCAN:
            return self._overfetched(queries, length, within)
        selector, share = _selector(within, self.num_items), len(within) / self.num_items
        first = math.ceil(self._effort(length) / math.sqrt(share))
        found = np.full((len(queries), length), -1, dtype=np.int64)
        for b, query in enumerate(queries):
            line = search_further(self.structure, query[None], length, reach, first, selector)
            found[b, : len(line)] = line
        return found

    def _overfetched(self, queries: NDArray[np.float32], length: int, within: RowSet) -> NDArray[np.int64]:
        """Search as if all were allowed, for so long a list that enough of it should be; all -1 where it is not."""
        longer = min(math.ceil(SPARE * length * self.num_items / len(within)), self.num_items)
        found = np.full((len(queries), length), -1, dtype=np.int64)
        for b, line in enumerate(self.structure.search(queries, longer)[1]):
            kept = line[within.has(line)][:length]
            if len(kept) == length:
                found[b] = kept
        return found

    @property
    def _list_factor(self) -> float:
        return self.config.effort if self.config.kind is Kind.PQ_FAST_SCAN else self.config.oversample

    def _effort(self, length: int) -> float:
        """Effort grows with the list."""
        return self.config.effort * max(length / (self.config.k * self.config.oversample + 2), 1.0)

    def _parameters(self, length: int, within: RowSet | None) -> Any:
        """A graph visits more as the allowed items thin out, so that as many of them are seen."""
        if self.config.kind is Kind.PQ_FAST_SCAN:
            return None  # takes none
        share = 1.0 if within is None else len(within) / self.num_items
        selector = None if within is None else _selector(within, self.num_items)
        effort = math.ceil(self._effort(length) / share)
        if self.config.kind is Kind.IVF_SQ_FP16:
            return faiss.SearchParametersIVF(nprobe=min(effort, self.structure.nlist))
        if self.config.kind is Kind.HNSW_SQ_FP16:
            return faiss.SearchParametersHNSW(efSearch=min(max(effort, length), self.num_items), sel=selector)
        return faiss.SearchParameters(sel=selector)


@contextmanager
def single_thread() -> Iterator[None]:
    """FAISS keeps to one thread inside, as in a server."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _selector(within: RowSet, num_items: int) -> Any:
    bits = np.zeros(-(-num_items // 8), dtype=np.uint8)
    octets = within.words.view(np.uint8)[: len(bits)]
    bits[: len(octets)] = octets
    return faiss.IDSelectorBitmap(bits)
