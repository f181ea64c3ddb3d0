"""What diversity, taste match, caps and exploration cost: arrangement.py BUNDLE QUERIES TARGETS [MOVIELENS_FOLDER].

QUERIES and TARGETS (Parquet) as `marquee recommend` and the judge take them. Each query's candidates are scored once
and arranged by every setting. Genres and people are the bundle's own, or those of the MovieLens folder. NDCG@10 against
distance within the list (mean 1 - cosine) and KL of the viewer's mix of genres from the list's, over lists of ten.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.result import Result
from index.topk import Candidates
from ranking.arrangement import Arrangement
from ranking.diversity import divergence, intra_list_distance
from serving.arranging import Arranger
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.catalogue import Catalogue, CatalogueTable
from serving.pipeline import Request
from serving.recommender import Recommender
from serving.tastes import Tastes
from towers.query import Query
from towers.vocabulary import NUM_RESERVED
from training.data.movielens_tables import items_1m
from training.query_file import QueryFile

K: Final = 10
SETTINGS: Final = {
    "best first": Arrangement(),
    **{f"diversity {price}": Arrangement(diversity=price) for price in (0.05, 0.1, 0.2, 0.5, 1.0)},
    **{f"taste_match {price}": Arrangement(taste_match=price) for price in (0.02, 0.05, 0.1, 0.2, 0.5)},
    "diversity 0.1, taste_match 0.05": Arrangement(diversity=0.1, taste_match=0.05),
    **{f"max_per_person {cap}": Arrangement(max_per_person=cap) for cap in (2, 1)},
    **{f"exploration {share}": Arrangement(exploration=share) for share in (0.1, 0.25, 0.5)},
}


class Asked(NamedTuple):
    """A query's request, its scored candidates and the row that was chosen."""

    request: Request
    candidates: Candidates
    target: int


def main(bundle: str, queries: str, targets: str, movielens: str = "") -> None:
    """Print one line a setting."""
    recommender = assemble(Bundle.load(Path(bundle)))
    catalogue = of_films(Path(movielens), recommender) if movielens else recommender.bundle.catalogue
    chosen = pd.read_parquet(targets).astype({"item_id": str}).set_index("query_id").item_id
    found = QueryFile.open(Path(queries), recommender.bundle.spec).in_file_order()
    asked = [scored(recommender, query, chosen[query_id]) for query_id, query in found if query_id in chosen]
    arranger, tastes = Arranger(catalogue), Tastes(catalogue.genre_labels)
    rows = [(name, *figures(arranger, tastes, asked, wish)) for name, wish in SETTINGS.items()]
    columns = ("setting", "NDCG@10", "HR@10", "distance", "KL", "titles", "CPU us")
    Result("Arrangement", {"queries": len(asked), "bundle": recommender.version}, columns, rows).write(None)


def of_films(folder: Path, recommender: Recommender) -> Catalogue:
    """Genres and people of the bundle's items in the MovieLens files."""
    films = items_1m(folder).set_index("item_id")
    ids = recommender.bundle.spec.vocabulary.ids(recommender.bundle.spec.vocabulary.item_rows)
    known = films.reindex(ids)
    genres, people = (
        [[]] * NUM_RESERVED + [list(own)[:5] if isinstance(own, list) else [] for own in known[name]]
        for name in ("genres", "people")
    )
    return Catalogue(CatalogueTable([""] * len(genres), genres, [""] * len(genres), people))


def scored(recommender: Recommender, query: Query, target: str) -> Asked:
    """The best candidates with their scores, and the target's row."""
    answer = recommender.recommend(query, Arrangement().pool_size(K))
    scores, source = np.array(answer.scores, dtype=np.float32), np.zeros(len(answer.rows), dtype=np.int8)
    row = int(recommender.state.items.rows([target])[0])
    return Asked(recommender.request(query), Candidates(answer.rows, scores, source), row)


def figures(arranger: Arranger, tastes: Tastes, asked: list[Asked], wish: Arrangement) -> tuple[float | int, ...]:
    """NDCG@10, HR@10, distance within the list, KL, distinct titles, and CPU time of one arrangement."""
    started = time.process_time()
    lists = [arranger.select(each.request, each.candidates, K, wish).candidates.rows for each in asked]
    spent_us = 1e6 * (time.process_time() - started) / len(asked)
    hits = [np.flatnonzero(rows == each.target) for rows, each in zip(lists, asked, strict=True)]
    gains = [1 / np.log2(hit[0] + 2) if len(hit) else 0.0 for hit in hits]
    distances = [
        intra_list_distance(each.request.moment.vectors_of(rows)) for rows, each in zip(lists, asked, strict=True)
    ]
    mixes = [(tastes.mix(each.request.history), tastes.of(rows)) for rows, each in zip(lists, asked, strict=True)]
    apart = [divergence(wanted, own.mean(axis=0, keepdims=True))[0] for wanted, own in mixes if wanted.any()]
    distinct = len(np.unique(np.concatenate(lists)))
    hit_share = float(np.mean([len(hit) > 0 for hit in hits]))
    return float(np.mean(gains)), hit_share, float(np.mean(distances)), float(np.mean(apart)), distinct, spent_us


if __name__ == "__main__":
    main(*sys.argv[1:])
