"""Watch time predicted as a quantile among titles of like length, beside plain regression on the same features.

Run: python benchmarks/watch_time.py FOLDER [MORE ...]    (each a world with a bundle, as closed_loop.py leaves it)

Plays from pages after each bundle's training, the newest 40 % of them for judging. Both are the ranking head with the
same features and the title's length; they differ in label and loss alone. XAUC: share of pairs of plays in the order of
their watch time. Shapes: W plays, U features of a request, F of a candidate, D embedding.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits
from torch import Tensor

from ranking.features import FeatureConfig
from ranking.model import RankingHead
from serving.assembly import assemble, load_scorer
from serving.bundle import Bundle
from serving.scorer import make_features
from training.data import FilesConfig, load
from training.data.histories import build
from training.impressions import slates
from training.ranker import RankerConfig
from training.simulator.log import Simulated
from training.slate_examples import PageReader
from training.watch_time import fit_groups

JUDGED_SHARE: Final = 0.4
NUM_EPOCHS: Final = 12
BATCH: Final = 64
NUM_DECILES: Final = 10
NUM_RESAMPLES: Final = 200


class Plays(NamedTuple):
    """In the order of time: request [W, U], candidate [W, F] with the length last, vector [W, D], seconds [W]."""

    request: Tensor
    candidate: Tensor
    vector: Tensor
    watch_s: NDArray[np.float64]
    duration_s: NDArray[np.float64]

    def part(self, places: NDArray[np.int64] | slice) -> Plays:
        """Some of the plays."""
        return Plays(*(array[places] for array in self))  # type: ignore[arg-type]


class Judged(NamedTuple):
    """Plays of all worlds that were not learned from, all [W]: what was watched, the predicted quantile, the seconds at
    that quantile of titles of like length, and what plain regression predicts.
    """

    watch_s: NDArray[np.float64]
    duration_s: NDArray[np.float64]
    quantile: NDArray[np.float64]
    seconds: NDArray[np.float64]
    regressed: NDArray[np.float64]


def main(*folders: str) -> None:
    """Print XAUC by decile of the length, and how both predictions go with it."""
    torch.set_num_threads(1)
    with threadpool_limits(1, "blas"):
        judged = Judged(
            *(np.concatenate(parts) for parts in zip(*(judge(Path(each)) for each in folders), strict=True))
        )
    decile = deciles(judged.duration_s)
    for number in np.unique(decile):
        print(f"decile {number + 1:<3d} {line(judged, np.flatnonzero(decile == number))}")
    print(f"{'all':10s} {line(judged, np.arange(len(decile)))}")
    for name, predicted in (("quantile", judged.quantile), ("regression", judged.regressed)):
        print(f"correlation of the {name} with the length {np.corrcoef(predicted, judged.duration_s)[0, 1]:+.3f}")


def deciles(lengths: NDArray[np.float64]) -> NDArray[np.int64]:
    """Decile [W] of each length, from 0; where many lengths are equal some deciles stay empty."""
    edges = np.quantile(lengths, np.linspace(0, 1, NUM_DECILES + 1)[1:-1])
    return np.asarray(np.searchsorted(edges, lengths, side="right"), dtype=np.int64)


def judge(folder: Path) -> Judged:
    """Learn from the older plays of a world, predict the newer ones."""
    plays = plays_of(folder)
    cut = int(len(plays.watch_s) * (1 - JUDGED_SHARE))
    learn, later = plays.part(slice(cut)), plays.part(slice(cut, None))
    groups = fit_groups(learn.watch_s, learn.duration_s)
    quantiles = torch.tensor(groups.quantile(learn.watch_s, learn.duration_s), dtype=torch.float32)
    seconds = torch.tensor(learn.watch_s / learn.watch_s.std(), dtype=torch.float32)
    quantile = fitted(learn, quantiles, F.binary_cross_entropy_with_logits)
    regressed = fitted(learn, seconds, F.mse_loss)
    share = expit(predicted(quantile, later))
    at_share = groups.watch_time_s(share, later.duration_s)
    return Judged(later.watch_s, later.duration_s, share, at_share, predicted(regressed, later))


def plays_of(folder: Path) -> Plays:
    """What was played from pages after the bundle's training, as the ranker would have been asked about it."""
    simulated, bundle = Simulated.load(folder), Bundle.load(folder / "bundle")
    dataset = load(FilesConfig(events=str(simulated.events), items=str(simulated.items)), folder)
    recommender = assemble(bundle)
    scorer, events = load_scorer(bundle, recommender.state), dataset.events
    counts = scorer.counts if scorer else {"towers": 100}
    later = (events["ts_ms"] > bundle.manifest.trained_until_ms).to_numpy()
    everything = np.ones(len(events), dtype=np.bool_)
    _, viewers, _ = build(events, everything, bundle.spec.vocabulary)
    pages = slates(events, later, bundle.spec, viewers, everything)
    watch_s, duration_s = (events[name].to_numpy(np.float64)[pages.told] for name in ("watch_s", "duration_s"))
    kept = pages.is_chosen & np.isfinite(watch_s) & (duration_s > 0)
    pages, watch_s, duration_s = pages.only(kept), watch_s[kept], duration_s[kept]
    reader = PageReader(recommender, make_features(FeatureConfig(), tuple(counts), bundle.spec), counts)
    config = RankerConfig(max_queries=len(pages))
    examples = reader.examples(config, pages, dataset, later, seed=0)
    real = examples.is_real
    candidate = np.concatenate([examples.features[real], np.log(duration_s)[:, None].astype(np.float32)], axis=1)
    request = np.repeat(examples.request, examples.num_candidates, axis=0)
    vector = recommender.state.items.vectors(examples.rows[real])
    return Plays(*(torch.from_numpy(array) for array in (request, candidate, vector)), watch_s, duration_s)


def fitted(learn: Plays, labels: Tensor, loss: Callable[[Tensor, Tensor], Tensor]) -> RankingHead:
    """The head with the smallest loss on the newest fifth of what it learns from; it starts at the mean label."""
    torch.manual_seed(0)
    head = RankingHead(
        RankingHead.Config(), learn.request.shape[1], learn.candidate.shape[1], learn.vector.shape[1], 1, 0.0
    )
    cut, rng = int(len(labels) * 0.8), np.random.default_rng(0)
    head.request_scaler.fit(learn.request[:cut])
    head.candidate_scaler.fit(learn.candidate[:cut])
    mean = labels[:cut].mean()
    with torch.no_grad():
        head.direct.bias.fill_(torch.logit(mean) if loss is F.binary_cross_entropy_with_logits else mean)
    adam = torch.optim.AdamW(head.parameters(), lr=1e-3, weight_decay=0.01)
    best, kept = float("inf"), head
    for _ in range(NUM_EPOCHS):
        head.train()
        for places in np.array_split(rng.permutation(cut), max(1, cut // BATCH)):
            step = loss(logits(head, learn.part(places)), labels[torch.from_numpy(places)])
            adam.zero_grad()
            step.backward()
            adam.step()
        with torch.no_grad():
            now = float(loss(logits(head.eval(), learn.part(slice(cut, None))), labels[cut:]))
        if now < best:
            best, kept = now, copy.deepcopy(head)
    return kept


def logits(head: RankingHead, plays: Plays) -> Tensor:
    """[W]."""
    found: Tensor = head(plays.request, plays.candidate.unsqueeze(1), plays.vector.unsqueeze(1))
    return found[:, 0, 0]


@torch.no_grad()
def predicted(head: RankingHead, plays: Plays) -> NDArray[np.float64]:
    """[W], larger where more is watched."""
    return logits(head.eval(), plays).numpy().astype(np.float64)


def line(judged: Judged, places: NDArray[np.int64]) -> str:
    """XAUC of both over some of the plays, with the paired difference's 95 % interval over resampled plays."""
    part = Judged(*(array[places] for array in judged))
    ours, rival = (in_order(part.watch_s, each) for each in (part.seconds, part.regressed))
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(NUM_RESAMPLES):
        chosen = np.sort(rng.integers(len(places), size=min(len(places), 800)))
        again = Judged(*(array[chosen] for array in part))
        drawn.append(in_order(again.watch_s, again.seconds) - in_order(again.watch_s, again.regressed))
    half = 1.96 * float(np.std(drawn)) * np.sqrt(min(len(places), 800) / len(places))
    return f"{len(places)} plays, XAUC {ours:.4f} quantile, {rival:.4f} regression, {ours - rival:+.4f} ± {half:.4f}"


def in_order(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """XAUC over all pairs with different truth; ties of the prediction count half."""
    if len(truth) > 4000:
        chosen = np.random.default_rng(0).permutation(len(truth))[:4000]
        truth, predicted = truth[chosen], predicted[chosen]
    first, second = np.triu_indices(len(truth), 1)
    order = np.sign(truth[first] - truth[second])
    right = 0.5 + 0.5 * order * np.sign(predicted[first] - predicted[second])
    return float(right[order != 0].mean())


if __name__ == "__main__":
    main(*sys.argv[1:])
