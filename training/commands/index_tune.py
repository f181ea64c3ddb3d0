"""`marquee index tune`: measures indexes over any file of vectors and writes the fastest that finds enough."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.build import BuiltIndex, build
from index.build import Config as IndexConfig
from training.errors import UsageError
from training.index_table import as_text
from training.records import index_points
from training.settings import REQUIRED
from training.tracking import Run, Tracking
from training.vector_file import read_vectors

NOISE = 1 / 3
"""Length of what is added to a vector to make a query of it, relative to the vector."""


@dataclass(frozen=True)
class IndexTuneConfig:
    """Inner-product search over `vectors`: a .npy array [N, D], or the lists in `column` of a Parquet file.

    queries: what will be searched for, in the same forms; without them, some of `vectors` are moved by chance.
    to_unit_length: compare directions only. floor: least share of the true k best that must be found. Above
    `exact_up_to` vectors the kinds compete. out: folder for the index and its report; answers are places in the file.
    """

    vectors: str = REQUIRED
    queries: str | None = None
    column: str = "vector"
    to_unit_length: bool = False
    k: int = IndexConfig.k
    floor: float = IndexConfig.recall_floor
    kinds: tuple[str, ...] = IndexConfig.kinds
    exact_up_to: int = IndexConfig.exact_up_to
    num_queries: int = IndexConfig.max_queries
    out: str = "runs/index"
    seed: int = 0
    tracking: Tracking.Config = field(default_factory=Tracking.Config)


def index_tune(config: IndexTuneConfig) -> None:
    """Print the curve and the choice, write index and report; a UsageError when no index reaches the floor."""
    path = Path(config.vectors).expanduser()
    vectors = read_vectors(path, config.column, to_unit_length=config.to_unit_length)
    queries = _queries(config, vectors)
    title = f"index {path.name} {datetime.now().astimezone():%Y-%m-%d %H:%M}"
    with Tracking(config.tracking).run(title) as run:
        run.params(config)
        started = time.perf_counter()
        built = build(np.arange(len(vectors)), vectors, queries, _contest(config))
        seconds = time.perf_counter() - started
        text = as_text(built.report, built.filters, seconds)
        folder = _write(Path(config.out).expanduser(), built, text, seconds)
        _track(run, built, folder, seconds)
    print(text)
    print(f"index: {folder / 'index'}")


def _contest(config: IndexTuneConfig) -> IndexConfig:
    if not 0 < config.floor <= 1:
        raise UsageError(f"floor is {config.floor}; give a share above 0 and up to 1, as in floor=.99")
    return IndexConfig(config.k, config.floor, config.exact_up_to, tuple(config.kinds), config.num_queries)


def _queries(config: IndexTuneConfig, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    if config.queries is not None:
        path = Path(config.queries).expanduser()
        queries = read_vectors(path, config.column, to_unit_length=config.to_unit_length)
        if queries.shape[1] != vectors.shape[1]:
            raise UsageError(
                f"{path} has {queries.shape[1]} dimensions, the vectors {vectors.shape[1]}; take both from one model"
            )
        return queries
    rng = np.random.default_rng(config.seed)
    picked = vectors[rng.choice(len(vectors), min(config.num_queries, len(vectors)), replace=False)]
    noise = rng.normal(size=picked.shape) / np.sqrt(picked.shape[1])
    moved: NDArray[np.float32] = (picked + NOISE * np.linalg.norm(picked, axis=1)[:, None] * noise).astype(np.float32)
    return moved


def _write(folder: Path, built: BuiltIndex, text: str, seconds: float) -> Path:
    built.index.save(folder / "index")
    report = {"seconds": seconds, **asdict(built.report), "filters": asdict(built.filters) if built.filters else None}
    (folder / "report.json").write_text(json.dumps(report, indent=1))
    (folder / "report.txt").write_text(text + "\n")
    return folder


def _track(run: Run, built: BuiltIndex, folder: Path, seconds: float) -> None:
    chosen = built.report.chosen
    recall = f"index/recall@{built.report.k}"
    run.metrics({recall: chosen.recall, "index/us_a_query": chosen.us_a_query, "index/seconds": seconds})
    run.figure(index_points(built.report), "index_recall_latency")
    for name in ("report.json", "report.txt"):
        run.artifact(folder / name)
