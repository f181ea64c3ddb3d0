"""Watch time predicted as a quantile among titles of like length, beside plain regression by the same network.

Run: python benchmarks/watch_time.py FOLDER [MORE ...]    (each a world with a bundle, as closed_loop.py leaves it)

Both learn from every play from a page that the bundle learned from, and are judged on those after it; they differ in
label and loss alone. XAUC: share of pairs of plays in the order of their watch time. Shapes: W plays.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import expit, logit
from torch import Tensor

from serving.bundle import Bundle
from towers.history import Histories
from training.behaviour import title_forms, traits
from training.content import ContentConfig
from training.corpus import Corpus, make_corpus
from training.data import FilesConfig, load
from training.data.histories import build
from training.impressions import Slates, slates
from training.simulator.log import Simulated
from training.slate_network import SlateNetwork
from training.slates import WATCHING, gather, parameter_groups
from training.watch_time import fit_groups

NUM_DECILES: Final = 10
NUM_RESAMPLES: Final = 200
AT_ONCE: Final = 256


class Plays(NamedTuple):
    """Pages of one choice each with the history before them, seconds watched and length [W]."""

    pages: Slates
    histories: Histories
    watch_s: NDArray[np.float64]
    duration_s: NDArray[np.float64]


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
    judged = Judged(*(np.concatenate(parts) for parts in zip(*(judge(Path(each)) for each in folders), strict=True)))
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
    """Learn from the plays of a world's training, predict the later ones."""
    simulated, bundle = Simulated.load(folder), Bundle.load(folder / "bundle")
    dataset = load(FilesConfig(events=str(simulated.events), items=str(simulated.items)), folder)
    events = dataset.events
    is_known = (events["ts_ms"] <= bundle.manifest.trained_until_ms).to_numpy()
    corpus = make_corpus(dataset, is_known, WATCHING.network.max_length, ContentConfig(), 0)
    whole, viewers, _ = build(events, np.ones(len(events), dtype=np.bool_), corpus.spec.vocabulary)
    watched = events["watch_s"].to_numpy(np.float64), events["duration_s"].to_numpy(np.float64)
    learn = plays(slates(events, is_known, corpus.spec, corpus.viewers, is_known), corpus.events.histories, *watched)
    everything = np.ones(len(events), dtype=np.bool_)
    later = plays(slates(events, ~is_known, corpus.spec, viewers, everything), whole, *watched)
    features = traits(title_forms(dataset.items, corpus.spec.vocabulary))
    groups = fit_groups(learn.watch_s, learn.duration_s)
    known = groups.quantile(learn.watch_s, learn.duration_s)
    quantile = fitted(learn, known, corpus, features, F.binary_cross_entropy_with_logits)
    regressed = fitted(learn, learn.watch_s / learn.watch_s.std(), corpus, features, F.mse_loss)
    share = expit(predicted(quantile, later))
    at_share = groups.watch_time_s(share, later.duration_s)
    return Judged(later.watch_s, later.duration_s, share, at_share, predicted(regressed, later))


def plays(pages: Slates, histories: Histories, watch_s: NDArray[np.float64], duration_s: NDArray[np.float64]) -> Plays:
    """The chosen slots of the pages of which the event table tells the watch time."""
    kept = pages.only(pages.is_chosen & np.isfinite(watch_s[pages.told]) & (duration_s[pages.told] > 0))
    return Plays(kept, histories, watch_s[kept.told], duration_s[kept.told])


def fitted(
    learn: Plays,
    labels: NDArray[np.float64],
    corpus: Corpus,
    features: NDArray[np.float32] | None,
    loss: Callable[[Tensor, Tensor], Tensor],
) -> SlateNetwork:
    """The network of the model of watching after its usual number of steps; it starts at the mean label."""
    torch.manual_seed(0)
    rng, spec = np.random.default_rng(0), corpus.spec
    content = [each for each in (corpus.features, features) if each is not None]
    joined = torch.from_numpy(np.concatenate(content, axis=1)) if content else None
    network = SlateNetwork(WATCHING.network, spec.vocabulary.num_rows, spec.context_sizes, joined)
    mean = float(labels.mean())
    torch.nn.init.constant_(network.bias, float(logit(mean)) if loss is not F.mse_loss else mean)
    num_steps = len(learn.pages) // WATCHING.requests_a_step
    adam = torch.optim.AdamW(parameter_groups(network, WATCHING), lr=WATCHING.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, WATCHING.lr, total_steps=WATCHING.max_epochs * num_steps + 1)
    for _ in range(WATCHING.max_epochs):
        for part in np.array_split(rng.permutation(len(learn.pages)), num_steps):
            batch = gather(learn.pages, labels.astype(np.float32), learn.histories, part, WATCHING)
            step = loss(network(batch), batch.labels)
            adam.zero_grad()
            step.backward()
            adam.step()
            schedule.step()
    return network.eval()


@torch.no_grad()
def predicted(network: SlateNetwork, asked: Plays) -> NDArray[np.float64]:
    """[W], larger where more is watched."""
    none = np.zeros(len(asked.watch_s), dtype=np.float32)
    parts = np.array_split(np.arange(len(asked.pages)), max(1, len(asked.pages) // AT_ONCE))
    found = [network(gather(asked.pages, none, asked.histories, part, WATCHING)).numpy() for part in parts]
    return np.concatenate(found).astype(np.float64)


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
