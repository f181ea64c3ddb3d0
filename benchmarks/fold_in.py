"""Bags of items of viewers that training never saw, beside EASE and popularity (the protocol of Mult-VAE, Liang 2018).

fold_in.py cut EVENTS.parquet OUT [val|test]   writes OUT/{events,queries,targets}.parquet: 750 viewers are asked with
                                               80 % of their items; training knows neither them nor, for val, the test's
fold_in.py score OUT TOPK.parquet              Recall@20 and NDCG@100 of 100 answers to each query, and of the others
Between them: marquee train data=files data.events=OUT/events.parquet ..., marquee recommend as_bag=true k=100.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from towers.history import Histories, History
from towers.vocabulary import NUM_RESERVED, Vocabulary
from training.evaluation.baselines.base import Baseline
from training.evaluation.baselines.ease import EASE
from training.evaluation.baselines.popularity import Popularity

NUM_VIEWERS, SEED, SHARE, K = 750, 98765, 0.8, 100
PENALTIES = (200.0, 500.0, 1000.0)


class Figures(NamedTuple):
    """Recall@20 and NDCG@100 of each query [Q]; recall is divided by what could be found."""

    recall: NDArray[np.float64]
    ndcg: NDArray[np.float64]


def cut(events: Path, out: Path, part: str) -> None:
    """Hold viewers out and ask with a random part of their items."""
    table = pd.read_parquet(events).astype({"user_id": str, "item_id": str})
    viewers = table.user_id.drop_duplicates().to_numpy()
    order = viewers[np.random.default_rng(SEED).permutation(len(viewers))]
    test, val = order[:NUM_VIEWERS], order[NUM_VIEWERS : 2 * NUM_VIEWERS]
    asked, hidden = (test, test) if part == "test" else (val, np.concatenate([test, val]))
    train = table[~table.user_id.isin(hidden)]
    held = table[table.user_id.isin(asked) & table.item_id.isin(train.item_id)].drop_duplicates(["user_id", "item_id"])
    held = held.sample(frac=1, random_state=1)
    sizes = held.groupby("user_id").item_id.transform("size")
    is_given = held.groupby("user_id").cumcount() < (SHARE * sizes).astype(int)
    query_ids = pd.Series(np.arange(len(asked)), index=asked)
    bags = held[is_given].groupby("user_id").item_id.agg(list).reindex(asked).map(lambda bag: bag or [])
    out.mkdir(parents=True, exist_ok=True)
    train.to_parquet(out / "events.parquet", index=False)
    queries = {"query_id": query_ids.to_numpy(), "history": bags.to_numpy(), "exclude": bags.to_numpy()}
    pd.DataFrame(queries).to_parquet(out / "queries.parquet", index=False)
    rest = held[~is_given]
    targets = {"query_id": query_ids[rest.user_id].to_numpy(), "item_id": rest.item_id.to_numpy()}
    pd.DataFrame(targets).to_parquet(out / "targets.parquet", index=False)
    print(f"{len(train):,} events to learn from, {len(asked)} viewers asked about {len(rest):,} items")


def figures(answers: pd.DataFrame, targets: pd.DataFrame) -> Figures:
    """Of answers (query_id, rank from 1, item_id)."""
    sizes = targets.groupby("query_id").size().sort_index()
    hits = targets.merge(answers[answers["rank"] <= K], on=["query_id", "item_id"])
    gains = (1 / np.log2(hits["rank"] + 1)).groupby(hits.query_id).sum().reindex(sizes.index, fill_value=0)
    first = hits[hits["rank"] <= 20].groupby("query_id").size().reindex(sizes.index, fill_value=0)
    ideal = np.cumsum(1 / np.log2(np.arange(2, K + 2)))
    best_possible = ideal[np.minimum(sizes.to_numpy(), K) - 1]
    return Figures(first.to_numpy() / np.minimum(sizes.to_numpy(), 20), gains.to_numpy() / best_possible)


def others(out: Path) -> dict[str, Figures]:
    """The baselines of every report, fitted to the same events and asked the same."""
    table = pd.read_parquet(out / "events.parquet").sort_values("user_id", kind="stable")
    queries, targets = (pd.read_parquet(out / f"{name}.parquet") for name in ("queries", "targets"))
    vocabulary = Vocabulary.fit(table.item_id.unique())
    offsets = np.r_[0, np.cumsum(table.groupby("user_id", sort=True).size())]
    nothing = np.zeros(len(table), dtype=np.int64)
    known = History.of(vocabulary.rows(table.item_id.tolist()), nothing)
    histories = Histories(offsets, *known)
    bags = [vocabulary.rows(list(bag)) for bag in queries.history]
    models: dict[str, Baseline] = {"popularity": Popularity()}
    models |= {f"EASE, penalty {penalty:.0f}": EASE(EASE.Config(penalty)) for penalty in PENALTIES}
    asked = [History.of(bag, np.zeros(len(bag), dtype=np.int64)) for bag in bags]
    found = {}
    for name, model in models.items():
        scores = model.fit(histories, vocabulary.num_rows).score(asked, np.zeros(len(asked), dtype=np.int64))
        found[name] = figures(best(scores, bags, queries.query_id.to_numpy(), vocabulary), targets)
    return found


def best(
    scores: NDArray[np.float32], bags: list[NDArray[np.int64]], query_ids: NDArray[np.int64], vocabulary: Vocabulary
) -> pd.DataFrame:
    """The K best items of each query without its bag."""
    scores[:, :NUM_RESERVED] = -np.inf
    for place, bag in enumerate(bags):
        scores[place, bag] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    ranks = np.tile(np.arange(1, K + 1), len(order))
    ids = vocabulary.ids(order.ravel())
    return pd.DataFrame({"query_id": np.repeat(query_ids, K), "rank": ranks, "item_id": ids})


def score(out: Path, topk: Path) -> None:
    """Print every model, and the difference to EASE with 95 % bootstrap intervals over viewers."""
    answers = pd.read_parquet(topk).astype({"item_id": str})
    ours = figures(answers, pd.read_parquet(out / "targets.parquet"))
    rivals = others(out)
    for name, each in ({"bag": ours} | rivals).items():
        print(f"{name:18} Recall@20 {each.recall.mean():.4f}  NDCG@100 {each.ndcg.mean():.4f}")
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(ours.ndcg), (2000, len(ours.ndcg)))
    for name, each in list(rivals.items())[1:]:
        told = []
        for mine, its in zip(ours, each, strict=True):
            low, high = np.quantile((mine - its)[draws].mean(axis=1), [0.025, 0.975])
            told.append(f"{(mine - its).mean():+.4f} [{low:+.4f}, {high:+.4f}]")
        print(f"bag less {name}: {', '.join(told)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["cut"]:
        cut(Path(sys.argv[2]), Path(sys.argv[3]), (sys.argv[4:] or ["test"])[0])
    elif sys.argv[1:2] == ["score"]:
        score(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        raise SystemExit(__doc__)
