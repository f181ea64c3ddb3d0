"""Trains slate models: on every slot that was seen, whether it was taken; on every play, how much of it was watched.

Shapes: S requests, I slots.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import logit
from torch import Tensor, nn
from tqdm import trange

from ranking.slates import FILE, WATCH_FILE, SlateModel
from towers.history import Histories, History
from training.bundle_files import files_of
from training.corpus import Corpus
from training.impressions import Slates, slates
from training.labels import watched_share
from training.slate_network import SlateBatch, SlateNetwork


@dataclass(frozen=True)
class SlateConfig:
    """`min_choices` chosen slots are needed for a model; 0 epochs make none. Many epochs learn slates by heart.

    `id_decay` draws what is particular to a title towards what its content says.
    """

    network: SlateNetwork.Config = field(default_factory=SlateNetwork.Config)
    max_epochs: int = 5
    requests_a_step: int = 256
    lr: float = 6e-3
    weight_decay: float = 0.05
    id_decay: float = 0.3
    min_choices: int = 500


WATCHING: Final = SlateConfig(requests_a_step=128, weight_decay=0.3)
"""Plays are fewer than slots."""


class SlateLog(NamedTuple):
    """Where pages are read: events [E] of which a `mask` may be looked at, by viewers and titles of a corpus.

    traits: [R, T], what is known of titles beside the corpus's features.
    """

    events: pd.DataFrame
    mask: NDArray[np.bool_]
    corpus: Corpus
    seed: int
    traits: NDArray[np.float32] | None = None

    def pages(self) -> Slates:
        """The pages seen, with what became of them."""
        return slates(self.events, self.mask, self.corpus.spec, self.corpus.viewers, self.mask)


def fit_slates(
    config: SlateConfig,
    pages: Slates,
    labels: NDArray[np.float32],
    corpus: Corpus,
    seed: int,
    traits: NDArray[np.float32] | None = None,
) -> SlateModel | None:
    """The model of labels [I] in [0, 1] of slates whose histories are ranges in the corpus's; None where too little
    was chosen. traits: [R, T], what is known of titles beside the corpus's features.
    """
    if int(pages.is_chosen.sum()) < config.min_choices or not config.max_epochs:
        return None
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    known = [each for each in (corpus.features, traits) if each is not None]
    content = torch.from_numpy(np.concatenate(known, axis=1)) if known else None
    network = SlateNetwork(config.network, corpus.spec.vocabulary.num_rows, corpus.spec.context_sizes, content)
    nn.init.constant_(network.bias, float(logit(np.clip(labels.mean(), 1e-6, 1 - 1e-6))))
    num_steps = max(1, len(pages) // config.requests_a_step)
    adam = torch.optim.AdamW(parameter_groups(network, config), lr=config.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, config.lr, total_steps=config.max_epochs * num_steps + 1)
    progress = trange(config.max_epochs, desc="slates", unit="epoch", mininterval=1.0)
    for _ in progress:
        parts = np.array_split(rng.permutation(len(pages)), num_steps)
        losses = [
            _step(network, adam, schedule, gather(pages, labels, corpus.events.histories, part, config))
            for part in parts
        ]
        progress.set_postfix({"loss": f"{np.mean(losses):.4f}"})
    return network.model()


def learn_slates(config: SlateConfig, log: SlateLog) -> dict[str, bytes]:
    """The part of a bundle that holds the model of the pages seen, by name; none without pages."""
    pages = log.pages()
    return _file(FILE, fit_slates(config, pages, pages.is_chosen.astype(np.float32), log.corpus, log.seed, log.traits))


def learn_watching(config: SlateConfig, log: SlateLog) -> dict[str, bytes]:
    """The part that holds the model of how much is watched of what is taken from those pages."""
    pages, share = log.pages(), watched_share(log.events)
    pages = pages.only(pages.is_chosen & np.isfinite(share[pages.told]))
    labels = np.minimum(share[pages.told], 1.0).astype(np.float32)
    return _file(WATCH_FILE, fit_slates(config, pages, labels, log.corpus, log.seed, log.traits))


def _file(name: str, model: SlateModel | None) -> dict[str, bytes]:
    return {} if model is None else files_of(lambda folder: model.save(folder / name))


def _step(
    network: SlateNetwork,
    adam: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    batch: SlateBatch,
) -> float:
    loss: Tensor = F.binary_cross_entropy_with_logits(network(batch), batch.labels)
    adam.zero_grad()
    loss.backward()
    adam.step()
    schedule.step()
    return loss.item()


def gather(
    pages: Slates, labels: NDArray[np.float32], histories: Histories, part: NDArray[np.int64], config: SlateConfig
) -> SlateBatch:
    """The requests at the places `part` as a batch."""
    end, start = pages.end[part], np.maximum(pages.first[part], pages.end[part] - config.network.max_length)
    length = max(1, int((end - start).max(initial=1)))
    at = end[:, None] - length + np.arange(length)
    is_real = at >= start[:, None]
    at = np.clip(at, 0, max(len(histories.rows) - 1, 0))
    sizes = pages.offsets[part + 1] - pages.offsets[part]
    slots = np.arange(sizes.sum()) + np.repeat(pages.offsets[part] - np.cumsum(sizes) + sizes, sizes)
    told = (histories.rows, histories.actions, histories.shares)
    arrays = (
        *(np.where(is_real, array[at], 0).astype(np.int64) for array in told),
        pages.context[part],
        np.repeat(np.arange(len(part)), sizes),
        pages.rows[slots],
        labels[slots],
    )
    return SlateBatch(*(torch.from_numpy(array) for array in arrays))


def odds_within(model: SlateModel, pages: Slates, histories: Histories, most: int = 4000) -> float:
    """How often a chosen slot had higher odds than another one of its page: mean over up to `most` pages with both;
    .5 is chance, NaN without pages.
    """
    chosen = np.add.reduceat(pages.is_chosen, pages.offsets[:-1]) if len(pages) else np.empty(0)
    both = np.flatnonzero((chosen > 0) & (chosen < np.diff(pages.offsets)))[:most]
    shares = []
    for s in both.tolist():
        slots = pages.slots(s)
        history = History._make(array[pages.first[s] : pages.end[s]] for array in histories[1:])
        odds = model.scores(history, pages.context[s], pages.rows[slots])
        taken, left = odds[pages.is_chosen[slots]], odds[~pages.is_chosen[slots]]
        higher = (taken[:, None] > left) + 0.5 * (taken[:, None] == left)
        shares.append(float(higher.mean()))
    return float(np.mean(shares)) if shares else float("nan")


def parameter_groups(network: SlateNetwork, config: SlateConfig) -> list[dict[str, object]]:
    """Each with the decay that becomes it."""

    def decay(name: str) -> float:
        if name.endswith("bias"):
            return 0.0
        return config.id_decay if name.startswith("id.") else config.weight_decay

    return [{"params": [each], "weight_decay": decay(name)} for name, each in network.named_parameters()]
