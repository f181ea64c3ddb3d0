"""The index against hnswlib, usearch and raw FAISS: index_peers.py [NUM_ITEMS or BUNDLE] [FOLDER] [LIBRARY ...].

Needs `pip install 'marquee[bench]'`. What the others build is kept in the folder GRAPHS names, with its build time, and
not built again: a million items take hnswlib minutes.

CPU time, one thread, one query at a time. Every library gets the same vectors and held-out queries: clustered unit
vectors, or the items and viewers of a bundle. Each is first taken to the effort at which it finds as much as ours; then
every query is asked of all of them in turn, and medians and medians of paired ratios are reported.
Shapes: B queries, N items, D dimensions, K results.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.index_curve import DIM, NUM_CLUSTERS, clustered
from benchmarks.result import Result
from index.build import BuiltIndex, Config, build
from index.exact import ExactIndex
from serving.bundle import Bundle
from towers.vocabulary import NUM_RESERVED

K, NUM_TUNING, NUM_QUERIES, FLOOR = 100, 300, 300, 0.99
GRAPH_EFFORTS = (100, 150, 200, 250, 300, 350, 400, 600, 800, 1600)
LIST_EFFORTS = (1, 2, 4, 8, 16, 24, 32, 48, 64, 128, 256)
LIBRARIES = ("faiss", "hnswlib", "usearch")
Vectors = NDArray[np.float32]
Search = Callable[[Vectors], NDArray[np.int64]]


class Peer(NamedTuple):
    """A built index; `set_effort` is what its users turn."""

    name: str
    build_s: float
    search: Search
    set_effort: Callable[[int], None] = lambda effort: None
    efforts: Sequence[int] = (1,)


class Arena(NamedTuple):
    """worst: float32 [B], true score of the K-th best item of each query."""

    vectors: Vectors
    queries: Vectors
    worst: Vectors

    def recall(self, search: Search) -> float:
        """Share of answers that score as well as the K-th best, ties counted as right."""
        right = 0
        for query, worst in zip(self.queries, self.worst, strict=True):
            found = np.asarray(search(query[None]), dtype=np.int64)
            right += int(np.count_nonzero(self.vectors[found] @ query >= worst - 1e-6))
        return right / (len(self.queries) * min(K, len(self.vectors)))

    def raised(self, peer: Peer, recall: float) -> tuple[str, float]:
        """The name and recall at the first effort that finds as much; at the last one where none does."""
        name, seen = peer.name, 0.0
        for effort in peer.efforts:
            peer.set_effort(effort)
            name, seen = f"{peer.name} {effort}" if len(peer.efforts) > 1 else peer.name, self.recall(peer.search)
            print(f"{name}: recall {seen:.4f}", file=sys.stderr, flush=True)
            if seen >= recall:
                break
        return name, seen

    def paired_us(self, peers: Sequence[Peer]) -> NDArray[np.float64]:
        """CPU microseconds [B, peers]; every query goes to all before the next one comes."""
        times = np.empty((len(self.queries), len(peers)))
        for b, query in enumerate(self.queries):
            for p, peer in enumerate(peers):
                peer.search(query[None])
                started = time.thread_time_ns()
                peer.search(query[None])
                times[b, p] = (time.thread_time_ns() - started) / 1000
        return times


def timed(make: Callable[[], Any]) -> tuple[Any, float]:
    """What was made and its CPU seconds."""
    started = time.process_time()
    return make(), time.process_time() - started


def kept(
    name: str, vectors: Vectors, graph: Any, fill: Callable[[], Any], save: str, load: Callable[[str], Any]
) -> Any:
    """The filled graph and its build seconds, from the folder GRAPHS if it was built before; `save` is its method."""
    folder = Path(os.environ["GRAPHS"]) if "GRAPHS" in os.environ else None
    path = folder / f"{name}-{len(vectors)}-{zlib.crc32(vectors[:1000].tobytes())}" if folder else None
    if path is not None and path.is_file():
        return load(str(path)), float(path.with_suffix(".build_s").read_text())
    _, build_s = timed(fill)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        getattr(graph, save)(str(path))
        path.with_suffix(".build_s").write_text(str(build_s))
    return graph, build_s


def hnswlib_peer(vectors: Vectors) -> Peer:
    """M=16, ef_construction=200: the library's own example."""
    import hnswlib

    graph = hnswlib.Index(space="ip", dim=vectors.shape[1])

    def fill() -> None:
        graph.init_index(max_elements=len(vectors), ef_construction=200, M=16)
        graph.add_items(vectors, num_threads=1)

    def load(path: str) -> Any:
        graph.load_index(path, max_elements=len(vectors))
        return graph

    _, build_s = kept("hnswlib", vectors, graph, fill, "save_index", load)
    search = lambda query: graph.knn_query(query, K, num_threads=1)[0][0]  # noqa: E731
    return Peer("hnswlib, ef", build_s, search, graph.set_ef, GRAPH_EFFORTS)


def usearch_peer(vectors: Vectors) -> Peer:
    """Half precision, else the library's defaults."""
    from usearch.index import Index

    graph = Index(ndim=vectors.shape[1], metric="ip", dtype="f16")

    def load(path: str) -> Any:
        graph.load(path)
        return graph

    fill = lambda: graph.add(np.arange(len(vectors)), vectors, threads=1)  # noqa: E731
    _, build_s = kept("usearch", vectors, graph, fill, "save", load)
    search = lambda query: graph.search(query[0], K, threads=1).keys  # noqa: E731
    turn = lambda effort: setattr(graph, "expansion_search", effort)  # noqa: E731
    return Peer("usearch f16, expansion", build_s, search, turn, GRAPH_EFFORTS)


def faiss_peer(vectors: Vectors) -> Peer:
    """Inverted lists as FAISS trains them by itself."""
    num_lists = max(min(int(4 * len(vectors) ** 0.5), len(vectors) // 39), 1)
    lists = faiss.index_factory(vectors.shape[1], f"IVF{num_lists},SQfp16", faiss.METRIC_INNER_PRODUCT)
    _, build_s = timed(lambda: _fill(lists, vectors))
    search = lambda query: np.asarray(lists.search(query, K)[1][0])  # noqa: E731
    turn = lambda effort: setattr(lists, "nprobe", effort)  # noqa: E731
    return Peer(f"faiss IVF{num_lists},SQfp16, nprobe", build_s, search, turn, LIST_EFFORTS)


def flat_peer(vectors: Vectors) -> Peer:
    """FAISS's brute force."""
    flat = faiss.IndexFlatIP(vectors.shape[1])
    _, build_s = timed(lambda: _fill(flat, vectors))
    return Peer("faiss Flat", build_s, lambda query: flat.search(query, K)[1][0])


def our_peer(built: BuiltIndex) -> Peer:
    """What the contest chose."""
    chosen = built.report.chosen
    name = f"marquee: {chosen.kind} {chosen.effort}"
    return Peer(name, chosen.build_s, lambda query: built.index.search(query, K).rows[0])


def clustered_data(num_items: int) -> tuple[str, Vectors, Vectors]:
    """Name, items and queries."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(NUM_CLUSTERS, DIM))
    items = clustered(num_items, rng, centres)
    return f"{num_items:,} clustered unit vectors x {DIM}", items, clustered(NUM_TUNING + NUM_QUERIES, rng, centres)


def bundle_data(path: Path) -> tuple[str, Vectors, Vectors]:
    """Name, items, and the viewers seen in training as the server encodes them."""
    bundle = Bundle.load(path)
    items = np.ascontiguousarray(bundle.item_vectors[NUM_RESERVED:])
    picked = np.linspace(0, bundle.histories.num_viewers - 1, NUM_TUNING + NUM_QUERIES).astype(int)
    histories = [bundle.histories.of(viewer) for viewer in picked.tolist()]
    now = np.array([int(history.ts_ms[-1]) + 1 for history in histories])
    batch = bundle.spec.batch(histories, now, [{}] * len(histories))
    users = bundle.encoder.encode(batch, bundle.item_tokens)
    queries = users[np.random.default_rng(0).permutation(len(users))]
    return f"items and viewers of a bundle, {len(items):,} x {items.shape[1]}", items, queries


def main(data: tuple[str, Vectors, Vectors], folder: Path | None, libraries: Sequence[str]) -> None:
    """Measure everybody and name the ratios."""
    faiss.omp_set_num_threads(1)
    name, items, queries = data
    truth = ExactIndex.build(np.arange(len(items)), items).search(queries[NUM_TUNING:], K)
    arena = Arena(items, queries[NUM_TUNING:], truth.scores[:, -1])
    built, contest_s = timed(
        lambda: build(
            np.arange(len(items)), items, queries[:NUM_TUNING], Config(k=K, recall_floor=FLOOR), time.thread_time
        )
    )
    mine = our_peer(built)
    makers = {"faiss": faiss_peer, "hnswlib": hnswlib_peer, "usearch": usearch_peer}
    peers = [mine, flat_peer(items), *(makers[library](items) for library in libraries)]
    recall = arena.recall(mine.search)
    found = [(mine.name, recall), *(arena.raised(peer, recall) for peer in peers[1:])]
    times = arena.paired_us(peers)
    facts: dict[str, str | int | float] = {"vectors": name, "queries": f"{NUM_QUERIES} held out", "threads": 1}
    facts["whole contest, CPU s"] = round(contest_s, 1)
    for p, peer in enumerate(peers[1:], 1):
        facts[f"CPU of {found[p][0]} / ours, median of paired ratios"] = round(
            float(np.median(times[:, p] / times[:, 0])), 2
        )
        if peer.name.startswith("hnswlib"):
            facts["our build / hnswlib's"] = round(mine.build_s / peer.build_s, 3)
            facts["whole contest / hnswlib's build"] = round(contest_s / peer.build_s, 3)
    rows = [
        (
            label,
            round(seen, 4),
            round(float(np.median(times[:, p])), 1),
            round(float(np.quantile(times[:, p], 0.99))),
            round(peers[p].build_s, 1),
        )
        for p, (label, seen) in enumerate(found)
    ]
    columns = ("index", f"recall@{K}", "us CPU a query, median", "p99", "build s CPU")
    Result("Index against peers", facts, columns, rows, ("numpy", "faiss-cpu", "hnswlib", "usearch")).write(folder)


def _fill(structure: Any, vectors: Vectors) -> None:
    structure.train(vectors)
    structure.add(vectors)


if __name__ == "__main__":
    words = sys.argv[1:]
    chosen_libraries = [word for word in words if word in LIBRARIES]
    where = [word for word in words if word not in LIBRARIES]
    size = where[0] if where else "1000000"
    chosen_data = clustered_data(int(size)) if size.isdigit() else bundle_data(Path(size))
    main(chosen_data, Path(where[1]) if len(where) > 1 else None, chosen_libraries or LIBRARIES)
