"""Learns the towers from one part of the data."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray

from towers.two_tower import TwoTower
from training.content import ContentConfig
from training.corpus import Corpus, make_corpus
from training.data.dataset import Dataset
from training.datamodule import BatchConfig, SequenceData
from training.evaluation.queries import Queries
from training.fit import Curve, FitConfig, Stage, fit
from training.losses.choose import choose_loss
from training.questions import ask

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LearningConfig:
    """The towers, what they read (`max_length` newest events of a history) and how they are fitted.

    Up to `questions_a_viewer` events of each viewer's validation part choose the epoch and train the ranker.
    """

    max_length: int = 200
    questions_a_viewer: int = 20
    content: ContentConfig = field(default_factory=ContentConfig)
    towers: TwoTower.Config = field(default_factory=TwoTower.Config)
    batch: BatchConfig = field(default_factory=BatchConfig)
    fit: FitConfig = field(default_factory=FitConfig)


class Learned(NamedTuple):
    """Trained towers with the corpus they know, the questions that chose the epoch, and the learning curve."""

    towers: TwoTower
    corpus: Corpus
    validation: Queries
    curve: Curve


class Task(NamedTuple):
    """Masks over the event table: what to learn from, and whose last events choose the epoch."""

    train: NDArray[np.bool_]
    val: NDArray[np.bool_]


def learn(config: LearningConfig, dataset: Dataset, task: Task, stage: Stage, seed: int) -> Learned:
    """Train towers on the task."""
    corpus = make_corpus(dataset, task.train, config.max_length, config.content, seed)
    validation = ask(dataset, task.val, corpus.spec, corpus.viewers, "random", seed, config.questions_a_viewer)
    num_items, num_events = len(corpus.spec.vocabulary.encoded), len(corpus.events.histories.rows)
    logger.info(
        "learning from %s events of %s viewers on %s items; %s questions choose the epoch",
        *(f"{number:,}" for number in (num_events, corpus.events.histories.num_viewers, num_items, len(validation))),
    )
    towers = make_towers(config.towers, corpus, seed)
    data = SequenceData(config.batch, corpus.spec, corpus.events, validation, seed)
    loss = choose_loss(config.fit.loss, torch.from_numpy(corpus.counts))
    curve = fit(config.fit, towers, loss, data, stage, seed)
    return Learned(towers.cpu().eval(), corpus, validation, curve)


def make_towers(config: TwoTower.Config, corpus: Corpus, seed: int) -> TwoTower:
    """Untrained towers for a corpus; the same seed gives the same weights."""
    pl.seed_everything(seed, workers=True, verbose=False)
    content = None if corpus.features is None else torch.from_numpy(corpus.features)
    spec = corpus.spec
    return TwoTower(config, spec.vocabulary.num_rows, spec.max_length, spec.context_sizes, content)
