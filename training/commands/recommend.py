"""`marquee recommend`: answers a file of queries from a bundle, one by one through the path that HTTP takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from ranking.arrangement import Arrangement
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.recommendation import Recommendation
from serving.recommender import Recommender
from towers.query import Query
from training.errors import UsageError
from training.query_file import QueryFile
from training.replay import Replay

AT_ONCE = 1024
"""Answers held in memory before they are written."""

SCHEMA = pa.schema(
    [
        ("query_id", pa.int64()),
        ("rank", pa.int32()),
        ("item_id", pa.string()),
        ("score", pa.float64()),
        ("propensity", pa.float64()),
    ]
)


@dataclass(frozen=True)
class RecommendConfig:
    """Answers of `bundle` to the Parquet file `queries`, `k` items each, written to the Parquet file `out`.

    Each query's `exclude` list is always respected; `filter_seen=false` lets the items of its history come back.
    `arrangement` is what happens after the score; `propensity` is the chance that each item had at its place.
    `as_bag` takes the histories as bags of items whose order means nothing; no ranker has a say then.
    With `stream`, a file of events, each query also knows the events strictly earlier than itself.
    """

    bundle: str
    queries: str
    out: str
    k: int = 100
    filter_seen: bool = True
    use_ranker: bool = True
    as_bag: bool = False
    stream: str | None = None
    arrangement: Arrangement = field(default_factory=Arrangement)

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UsageError(f"k={self.k} makes no list; give k=1 or more")
        if not self.out.endswith(".parquet"):
            raise UsageError(f"out={self.out} is written as Parquet; give a file that ends in .parquet")


class Answer(NamedTuple):
    """The recommendation made for one query."""

    query_id: int
    recommendation: Recommendation


def recommend(config: RecommendConfig) -> None:
    """Write `out` (query_id, rank from 1, item_id, score, propensity); it appears complete or not at all."""
    with threadpool_limits(1, "blas"):  # a request's products are too small to share between cores
        _recommend(config, assemble(Bundle.load(Path(config.bundle).expanduser())))


def _recommend(config: RecommendConfig, recommender: Recommender) -> None:
    spec = recommender.bundle.spec
    queries = QueryFile.open(Path(config.queries).expanduser(), spec)
    if config.stream is None:
        waiting = queries.in_file_order()
    else:
        replay = Replay.open(config.stream, spec.ts_unit_ms, recommender.state)
        waiting = replay.before_each(queries.in_time_order())
    asked = tqdm(waiting, total=queries.num_queries, desc="recommend", unit="query", mininterval=0.5)
    write(answers(recommender, asked, config), Path(config.out).expanduser())


def answers(recommender: Recommender, asked: Iterator[tuple[int, Query]], config: RecommendConfig) -> Iterator[Answer]:
    """The answer to each query, in the order asked; each is worked out only when it is taken."""
    for query_id, query in asked:
        recommendation = recommender.recommend(
            replace(query, is_bag=config.as_bag),
            config.k,
            filter_seen=config.filter_seen,
            use_ranker=config.use_ranker,
            arrangement=config.arrangement,
        )
        yield Answer(query_id, recommendation)


def write(answered: Iterator[Answer], path: Path) -> None:
    """Write the answers beside `path` and rename the finished file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with pq.ParquetWriter(unfinished, SCHEMA) as writer:
            for table in _tables(answered):
                writer.write_table(table)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _tables(answered: Iterator[Answer]) -> Iterator[pa.Table]:
    chunk: list[Answer] = []
    for answer in answered:
        chunk.append(answer)
        if len(chunk) == AT_ONCE:
            yield _table(chunk)
            chunk = []
    if chunk:
        yield _table(chunk)


def _table(chunk: list[Answer]) -> pa.Table:
    columns = {
        "query_id": [answer.query_id for answer in chunk for _ in answer.recommendation.items],
        "rank": [rank for answer in chunk for rank in range(1, len(answer.recommendation.items) + 1)],
        "item_id": [item for answer in chunk for item in answer.recommendation.items],
        "score": [score for answer in chunk for score in answer.recommendation.scores],
        "propensity": [chance for answer in chunk for chance in answer.recommendation.propensities],
    }
    return pa.table(columns, schema=SCHEMA)
