"""Rankers on the same candidates and features: retrieval order, logistic regression, LambdaMART, several heads.

    marquee train ... ranker.keep_examples=true out=OUT
    python benchmarks/ranking_rivals.py OUT/ranker_examples.npz [MORE ...] [heads|groups|sources|pages]

The newest fifth of the requests is held out; everything is fitted on the older ones. LightGBM is a development library.
`groups` leaves out one group of features at a time, `sources` the candidates that only one kind of source proposed.
`pages` is for examples that are pages as they were seen. With several files: means and Student intervals over them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import lightgbm
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.closed_loop import interval
from ranking import candidate_features, request_features
from ranking.candidate_features import SLATE_SCORE, WATCH_SCORE
from ranking.model import RankingHead
from tests.ranking.moments import moment
from training.examples import SavedExamples
from training.ranker import RankerConfig, fit_ranker
from training.ranker_batches import Batches, in_time

HELD_SHARE = 0.2
CONFIG = RankerConfig(max_epochs=8, patience=3, lr=3e-3)


class Figures(NamedTuple):
    """Means over the held-out requests; a missed target counts as 0."""

    hr: float
    ndcg: float
    cpu_s: float


def main(*words: str) -> None:
    """Print one line a ranker, and over several files how far each lies from the last one."""
    torch.set_num_threads(1)
    modes = {"heads": heads, "groups": groups, "sources": sources, "pages": pages}
    chosen = modes.get(words[-1], heads)
    found: dict[str, list[float]] = {}
    for path in (word for word in words if word not in modes):
        for name, figures in chosen(SavedExamples.load(Path(path))):
            print(f"{name:34s} HR@10 {figures.hr:.4f} NDCG@10 {figures.ndcg:.4f} CPU {figures.cpu_s:.0f} s", flush=True)
            found.setdefault(name, []).append(figures.ndcg)
    own = np.array(list(found.values())[-1])
    if len(own) > 1:
        for name, ndcg in found.items():
            print(f"{name:34s} NDCG@10 {interval(np.array(ndcg), 4)}, less the last {interval(ndcg - own, 4)}")


def heads(saved: SavedExamples) -> Iterator[tuple[str, Figures]]:
    """Rivals, then heads from a linear one to experts."""
    retrieval = saved.examples.features[:, :, saved.candidate_names.index("tower_score")]
    yield "retrieval order", judged(saved, retrieval, 0.0)
    yield "LambdaMART", boosted(saved)
    full = RankingHead.Config()
    yield "logistic regression", fitted(saved, replace(CONFIG, loss="pointwise", model=replace(full, num_layers=0)))
    yield "linear head", fitted(saved, replace(CONFIG, model=replace(full, num_layers=0)))
    yield "one hidden layer", fitted(saved, replace(CONFIG, model=replace(full, num_layers=1)))
    yield "two, no product", fitted(saved, replace(CONFIG, model=replace(full, has_product=False)))
    yield "two (default)", fitted(saved, CONFIG)
    yield "four experts", fitted(saved, replace(CONFIG, model=replace(full, num_experts=4)))


def pages(saved: SavedExamples) -> Iterator[tuple[str, Figures]]:
    """The model of pages alone, rivals, and heads that start from it and predict every action, as training has them."""
    start, follow = (saved.candidate_names.index(name) for name in (SLATE_SCORE, WATCH_SCORE))
    retrieval = saved.examples.features[:, :, saved.candidate_names.index("tower_score")]
    config = replace(CONFIG, loss="pointwise", lr=RankerConfig.lr, max_epochs=15, patience=5)
    yield "retrieval order", judged(saved, retrieval, 0.0)
    yield "model of pages", judged(saved, saved.examples.features[:, :, start], 0.0)
    yield "LambdaMART", boosted(saved)
    yield "logistic regression", fitted(saved, replace(config, model=replace(config.model, num_layers=0)))
    for name, model in (("linear head", replace(config.model, num_layers=0)), ("head (default)", config.model)):
        yield name, fitted(saved, replace(config, model=model), start, follow)


def groups(saved: SavedExamples) -> Iterator[tuple[str, Figures]]:
    """The default head, and without each group of features."""
    yield "everything", fitted(saved, CONFIG)
    given = moment()
    candidate = {name: set(group(given, np.empty(0, np.int64))) for name, group in candidate_features.GROUPS.items()}
    for name, names in candidate.items():
        prefix = "segment_" if name == "segments" else None
        own = {each for each in saved.candidate_names if each in names or (prefix and each.startswith(prefix))}
        yield f"without {name}", fitted(without(saved, own, set()), CONFIG)
    request = {name: set(group(given)) for name, group in request_features.GROUPS.items()}
    context = {name for name in saved.request_names if "=" in name}
    segment = {name for name in saved.candidate_names if name.startswith("segment_")}
    yield "without context and segments", fitted(without(saved, segment, context), CONFIG)
    yield "without habits and session", fitted(without(saved, set(), set().union(*request.values())), CONFIG)


def sources(saved: SavedExamples) -> Iterator[tuple[str, Figures]]:
    """The default head, and without each kind of source: its candidates, where nobody else proposed them, and ranks."""
    yield "everything", fitted(saved, CONFIG)
    ranks = [name for name in saved.candidate_names if name.startswith("rank_")]
    spoken = {
        "trending": ("popularity_10min", "popularity_hour", "popularity_6h", "count_10min", "count_hour", "rise_"),
        "rules": ("rules_", "live_rules_", "live_last_", "session_rules_"),
    }
    for kind, prefixes in spoken.items():
        own = {name for name in ranks if kind in name}
        yield f"without {kind}: candidates, ranks", fitted(without(less(saved, own), own, set()), CONFIG)
        own |= {name for name in saved.candidate_names if name.startswith(prefixes)}
        yield f"without {kind}: its features too", fitted(without(less(saved, own), own, set()), CONFIG)


def without(saved: SavedExamples, candidate: set[str], request: set[str]) -> SavedExamples:
    """The examples with some features set to 0."""
    features, of_request = saved.examples.features.copy(), saved.examples.request.copy()
    features[:, :, [n for n, name in enumerate(saved.candidate_names) if name in candidate]] = 0
    of_request[:, [n for n, name in enumerate(saved.request_names) if name in request]] = 0
    return saved._replace(examples=saved.examples._replace(features=features, request=of_request))


def less(saved: SavedExamples, ranks: set[str]) -> SavedExamples:
    """The examples without the candidates that only the sources of `ranks` proposed; a place at the limit is none."""
    places = [n for n, name in enumerate(saved.candidate_names) if name.startswith("rank_")]
    at = saved.examples.features[:, :, places]
    proposed = at < at.reshape(-1, len(places)).max(axis=0) - 1e-6
    others = [n for n, place in enumerate(places) if saved.candidate_names[place] not in ranks]
    kept = proposed[:, :, others].any(axis=2) & saved.examples.is_real
    order = np.argsort(~kept, axis=1, kind="stable")
    moved = {
        name: np.take_along_axis(array, order.reshape(*order.shape, *[1] * (array.ndim - 2)), axis=1)
        for name, array in (("features", saved.examples.features), ("labels", saved.examples.labels))
    }
    rows = np.take_along_axis(saved.examples.rows, order, axis=1)
    return saved._replace(
        examples=saved.examples._replace(rows=rows, num_candidates=kept.sum(axis=1), **moved)  # type: ignore[arg-type]
    )


def fitted(saved: SavedExamples, config: RankerConfig, start: int | None = None, follow: int | None = None) -> Figures:
    """A head of ours, from no order at all or from that of feature `start`."""
    started = time.process_time()
    config = replace(config, from_retrieval=start is not None, validation_share=HELD_SHARE)
    scale = saved.scale if start is None else 1.0
    head = fit_ranker(config, saved.examples, saved.item_vectors, scale, 0, start or 0, follow).head
    spent, data = time.process_time() - started, Batches(saved.examples, saved.item_vectors)
    with torch.no_grad():
        scores = np.concatenate([data.logits(head, part)[..., 0].numpy() for part in _chunks(len(saved.examples.rows))])
    return judged(saved, scores, spent)


def boosted(saved: SavedExamples) -> Figures:
    """LightGBM's LambdaMART over the candidates' features and those of the request that are numbers."""
    started = time.process_time()
    numbers = [n for n, name in enumerate(saved.request_names) if "=" not in name]
    learn = in_time(saved.examples, HELD_SHARE).learn
    learn = learn[saved.examples.has_choice[learn]]
    rows, labels, sizes = _flat(saved, learn, numbers)
    settings = {
        "objective": "lambdarank",
        "learning_rate": 0.06,
        "num_leaves": 31,
        "min_data_in_leaf": 50,
        "lambdarank_truncation_level": 20,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "num_threads": 1,
        "seed": 0,
        "verbose": -1,
    }
    model = lightgbm.train(settings, lightgbm.Dataset(rows, labels, group=sizes), 150)
    scores = np.full(saved.examples.rows.shape, -np.inf, dtype=np.float32)
    for part in np.array_split(_held(saved), 20):
        flat, _, counts = _flat(saved, part, numbers)
        found = np.split(np.asarray(model.predict(flat)), np.cumsum(counts)[:-1])
        for q, own in zip(part.tolist(), found, strict=True):
            scores[q, : len(own)] = own
    return judged(saved, scores, time.process_time() - started)


def judged(saved: SavedExamples, scores: NDArray[np.float32], cpu_s: float) -> Figures:
    """Figures of scores [Q, K] on the held-out requests."""
    part = _held(saved)
    real, hit = saved.examples.is_real[part], saved.examples.labels[part, :, 0] > 0
    order = np.argsort(-np.where(real, scores[part], -np.inf), axis=1, kind="stable")[:, :10]
    found = np.take_along_axis(hit & real, order, axis=1)
    gain = np.where(found.any(axis=1), 1 / np.log2(found.argmax(axis=1) + 2), 0.0)
    return Figures(float(found.any(axis=1).mean()), float(gain.mean()), cpu_s)


def _held(saved: SavedExamples) -> NDArray[np.int64]:
    parts = in_time(saved.examples, HELD_SHARE)
    return np.concatenate([parts.stop, parts.check])


def _flat(
    saved: SavedExamples, part: NDArray[np.int64], numbers: list[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    given, sizes = saved.examples, saved.examples.num_candidates[part]
    real = given.is_real[part]
    repeated = np.repeat(given.request[part][:, numbers], sizes, axis=0)
    labels = given.labels[part, :, 0][real]
    return np.concatenate([given.features[part][real], repeated], axis=1), labels, sizes


def _chunks(size: int) -> list[NDArray[np.int64]]:
    return np.array_split(np.arange(size), max(1, size // 256))


if __name__ == "__main__":
    main(*sys.argv[1:])
