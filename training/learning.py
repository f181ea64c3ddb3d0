"""Learns the towers from one part of the data."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray

from towers.ensemble import Ensemble
from towers.two_tower import TwoTower
from towers.vocabulary import NUM_RESERVED, UNKNOWN
from training.content import ContentConfig
from training.corpus import Corpus, make_corpus
from training.data.dataset import Dataset
from training.datamodule import BatchConfig, SequenceData
from training.evaluation.queries import Queries
from training.fit import Curve, FitConfig, Stage, fit
from training.losses.choose import choose_loss
from training.questions import ask
from training.sequences import repeat_share

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LearningConfig:
    """The towers, what they read (`max_length` newest events of a history) and how they are fitted.

    `members` pairs of towers are trained apart, from different seeds, and serve as one; each costs as much again.
    Up to `questions_a_viewer` events of each viewer's validation part choose the epoch and train the ranker.
    """

    max_length: int = 200
    members: int = 1
    questions_a_viewer: int = 20
    content: ContentConfig = field(default_factory=ContentConfig)
    towers: TwoTower.Config = field(default_factory=TwoTower.Config)
    batch: BatchConfig = field(default_factory=BatchConfig)
    fit: FitConfig = field(default_factory=FitConfig)

    def __post_init__(self) -> None:
        if self.members < 1:
            raise ValueError(f"learning.members is {self.members}; give the number of pairs of towers, 1 or more")


class Learned(NamedTuple):
    """Trained towers with the corpus they know, the questions that chose the epoch, and the first pair's curve."""

    towers: Ensemble
    corpus: Corpus
    validation: Queries
    curve: Curve


class Task(NamedTuple):
    """Masks over the event table: what to learn from, and whose last events choose the epoch."""

    train: NDArray[np.bool_]
    val: NDArray[np.bool_]


def learn(
    config: LearningConfig, dataset: Dataset, task: Task, stage: Stage, seed: int, start: Learned | None = None
) -> Learned:
    """Train towers on the task, from where `start` ended when it is given."""
    corpus = make_corpus(dataset, task.train, config.max_length, config.content, seed)
    validation = ask(dataset, task.val, corpus.spec, corpus.viewers, "random", seed, config.questions_a_viewer)
    num_items, num_events = len(corpus.spec.vocabulary.encoded), len(corpus.events.histories.rows)
    logger.info(
        "learning from %s events of %s viewers on %s items; %s questions choose the epoch",
        *(f"{number:,}" for number in (num_events, corpus.events.histories.num_viewers, num_items, len(validation))),
    )
    pairs, curves = [], []
    for member in range(config.members):
        own = seed * config.members + member
        towers = make_towers(config.towers, corpus, own)
        if start is not None:
            continue_from(towers, corpus, start, member)
        data = SequenceData(config.batch, corpus.spec, corpus.events, validation, own)
        loss = choose_loss(config.fit.loss, torch.from_numpy(corpus.counts), repeat_share(corpus.events))
        curves.append(fit(config.fit, towers, loss, data, stage.of(member), own))
        pairs.append(towers.cpu().eval())
    return Learned(Ensemble(pairs).eval(), corpus, validation, curves[0])


@torch.no_grad()
def continue_from(towers: TwoTower, corpus: Corpus, start: Learned, member: int = 0) -> None:
    """Take over the weights of towers trained on another corpus, an item's by its id; new items keep theirs."""
    vocabulary, old_vocabulary = corpus.spec.vocabulary, start.corpus.spec.vocabulary
    old_rows = np.concatenate([np.arange(NUM_RESERVED), old_vocabulary.rows(vocabulary.ids(vocabulary.item_rows))])
    known = np.flatnonzero((old_rows != UNKNOWN) | (np.arange(len(old_rows)) < NUM_RESERVED))
    old = dict(start.towers.pairs[member].named_parameters())
    for name, weights in towers.named_parameters():
        if weights.shape[:1] == (vocabulary.num_rows,) and old[name].shape[:1] == (old_vocabulary.num_rows,):
            weights[torch.from_numpy(known)] = old[name][torch.from_numpy(old_rows[known])]
        elif weights.shape == old[name].shape:
            weights.copy_(old[name])


def make_towers(config: TwoTower.Config, corpus: Corpus, seed: int) -> TwoTower:
    """Untrained towers for a corpus; the same seed gives the same weights."""
    pl.seed_everything(seed, workers=True, verbose=False)
    content = None if corpus.features is None else torch.from_numpy(corpus.features)
    spec = corpus.spec
    return TwoTower(config, spec.vocabulary.num_rows, spec.max_length, spec.context_sizes, content)
