"""Titles that training never saw, placed by content alone: cold_titles.py ML_1M_FOLDER [EPOCHS] [ID_DROPOUT] [SEED].

200 random films are hidden from training with all their events. Each question is an event of such a film, with what the
viewer did before; the film is searched among all films, warm and cold. The towers are small (one layer, the newest 50
events), so that this takes minutes. Shapes: Q questions, N films, C cold films.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import logging
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from towers.content import Content
from towers.item_tower import ItemTower
from towers.placement import ContentPlacement
from towers.two_tower import TwoTower
from towers.user_tower import UserTower
from towers.vocabulary import NUM_RESERVED
from training.content import contents_of
from training.data import FilesConfig, load
from training.data.dataset import Dataset
from training.data.histories import before
from training.data.movielens_tables import items_1m
from training.data.split import SplitConfig, split
from training.export import encode, item_arrays, placement
from training.fit import EXPECTED_WARNINGS, FitConfig, Stage
from training.learning import Learned, LearningConfig, Task, learn

NUM_HIDDEN, NUM_QUESTIONS, NUM_SHOWN, BLOCK, LENGTH = 200, 5_000, 8, 128, 50


class Questions(NamedTuple):
    """users: float32 [Q, D]. targets: places [Q] among the cold films. seen: warm rows of each viewer."""

    users: NDArray[np.float32]
    targets: NDArray[np.int64]
    seen: list[NDArray[np.int64]]


def read(folder: Path, scratch: Path) -> Dataset:
    """Events of ml-1m with the catalogue of its original files."""
    events = pd.read_parquet(folder / "events.parquet").sort_values(["user_id", "pos"])
    named = {"user_id": events.user_id.astype(str), "item_id": events.movie_id.astype(str)}
    table = pd.DataFrame({**named, "timestamp": events.ts_est.astype("int64"), "liked": events.ge3})
    table.to_parquet(scratch / "events.parquet")
    return replace(load(FilesConfig(events=str(scratch / "events.parquet")), scratch), items=items_1m(folder))


def train(dataset: Dataset, hidden: list[str], config: LearningConfig, scratch: Path, seed: int) -> Learned:
    """Towers that have not met the hidden films; each viewer's last event chooses the epoch."""
    is_warm = ~dataset.events["item_id"].isin(hidden).to_numpy()
    warm = replace(dataset, events=dataset.events[is_warm].reset_index(drop=True))
    parts = split(warm, SplitConfig(name="leave_one_out", test=False))
    return learn(config, warm, Task(parts.train, parts.val), Stage(scratch / "checkpoints"), seed)


def ask(dataset: Dataset, learned: Learned, hidden: list[str], rng: np.random.Generator) -> Questions:
    """Random events of hidden films, asked with the warm films that their viewer had chosen before."""
    events, spec = dataset.events, learned.corpus.spec
    positions = np.flatnonzero(events["item_id"].isin(hidden).to_numpy())
    positions = np.sort(rng.choice(positions, min(NUM_QUESTIONS, len(positions)), replace=False))
    known = before(events, positions, spec.vocabulary)
    histories = [known.of(q) for q in range(len(positions))]
    moments = events["ts_ms"].to_numpy(dtype=np.int64)[positions]
    parts = [slice(start, start + BLOCK) for start in range(0, len(positions), BLOCK)]
    batches = (spec.batch(histories[part], moments[part], [{}] * len(histories[part])) for part in parts)
    users = np.concatenate([encode(learned.towers, batch) for batch in batches])
    place = {item: c for c, item in enumerate(hidden)}
    targets = np.array([place[item] for item in events["item_id"].to_numpy()[positions]])
    return Questions(users, targets, [history.rows for history in histories])


def ranks(asked: Questions, warm: NDArray[np.float32], cold: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rank [Q] of each cold target among unseen warm films and all cold ones."""
    scores = asked.users @ np.concatenate([warm, cold]).T
    for q, rows in enumerate(asked.seen):
        scores[q, rows - NUM_RESERVED] = -np.inf
    own = scores[np.arange(len(scores)), len(warm) + asked.targets]
    return 1 + (scores > own[:, None]).sum(axis=1) + ((scores == own[:, None]).sum(axis=1) - 1) / 2


def popularity_ranks(asked: Questions, warm: NDArray[np.int64], cold: NDArray[np.int64]) -> NDArray[np.float64]:
    """The same by counts of events."""
    one = np.ones((len(asked.users), 1), dtype=np.float32)
    columns = (counts.astype(np.float32)[:, None] for counts in (warm, cold))
    return ranks(asked._replace(users=one), *columns)


def line(name: str, rank: NDArray[np.float64]) -> None:
    """Print one scorer's figures."""
    ndcg = np.where(rank <= 100, 1 / np.log2(rank + 1), 0.0).mean()
    hits = "  ".join(f"HR@{k} {np.mean(rank <= k):.4f}" for k in (10, 50, 100))
    print(f"{name:44} {hits}  NDCG@100 {ndcg:.4f}", flush=True)


def neighbours(
    contents: list[Content], warm: NDArray[np.float32], titles: list[Content], cold: NDArray[np.float32]
) -> None:
    """Print how close the nearest warm films of cold ones are, and whether they share a genre."""
    similar = cold @ warm.T
    nearest = np.argsort(-similar, axis=1)[:, :3]
    shared = [
        [bool(set(title.genres) & set(contents[n].genres)) for n in near]
        for title, near in zip(titles, nearest, strict=True)
    ]
    chance = [[bool(set(title.genres) & set(other.genres)) for other in contents] for title in titles]
    print(f"similarity to the nearest warm film: median {np.median(similar.max(axis=1)):.3f}")
    print(f"a genre shared with the three nearest: {np.mean(shared):.3f} of them; with all films {np.mean(chance):.3f}")
    for title, near, score in list(zip(titles, nearest, similar, strict=True))[:NUM_SHOWN]:
        print(f"  {title.title[:34]:34} ~ " + "; ".join(f"{contents[n].title[:28]} {score[n]:.2f}" for n in near))


def main(folder: Path, epochs: int, id_dropout: float, seed: int) -> None:
    """Train once and print all figures."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as name:
        dataset = read(folder, Path(name))
        hidden = sorted(rng.choice(dataset.events["item_id"].unique(), NUM_HIDDEN, replace=False).tolist())
        towers = TwoTower.Config(user=UserTower.Config(num_layers=1), item=ItemTower.Config(id_dropout=id_dropout))
        config = LearningConfig(max_length=LENGTH, towers=towers, fit=FitConfig(max_epochs=epochs, patience=0))
        learned = train(dataset, hidden, config, Path(name), seed)
    placing, asked = placement(learned.towers, learned.corpus), ask(dataset, learned, hidden, rng)
    assert isinstance(placing, ContentPlacement)
    assert dataset.items is not None
    assert learned.corpus.contents is not None
    titles = contents_of(dataset.items, hidden)
    warm, cold = item_arrays(learned.towers)[1][NUM_RESERVED:], placing.vectors(placing.tokens(titles))
    counts = dataset.events["item_id"].value_counts()
    known = learned.corpus.counts[NUM_RESERVED:].astype(np.int64)
    print(
        f"{epochs} epochs, id_dropout {id_dropout}, seed {seed}, validation NDCG@10 of warm films "
        f"{max(epoch['val/ndcg@10'] for epoch in learned.curve.epochs):.4f}; {len(asked.targets):,} questions on "
        f"{NUM_HIDDEN} cold among {len(warm):,} warm films"
    )
    line("content alone", ranks(asked, warm, cold))
    line("content of another cold film", ranks(asked, warm, cold[rng.permutation(len(cold))]))
    line(
        "popularity in training",
        popularity_ranks(asked, known, np.zeros(len(cold), dtype=np.int64)),
    )
    line(
        "popularity with the hidden events told",
        popularity_ranks(asked, known, counts[hidden].to_numpy().astype(np.int64)),
    )
    neighbours(learned.corpus.contents, warm, titles, cold)


if __name__ == "__main__":
    for message in EXPECTED_WARNINGS:
        warnings.filterwarnings("ignore", message)
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    given = [*sys.argv[2:], *("5", "0.2", "0")[len(sys.argv) - 2 :]]
    main(Path(sys.argv[1]), int(given[0]), float(given[1]), int(given[2]))
