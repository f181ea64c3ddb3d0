"""Feeds the towers: training windows over CSR arrays, validation queries in padded batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from towers.features import FeatureSpec
from towers.vocabulary import PAD, UNKNOWN
from training.evaluation.queries import Queries
from training.retriever import ValidationBatch
from training.sequences import EpochSampler, Events, TrainingBatch, WindowDataset


@dataclass(frozen=True)
class BatchConfig:
    """`batch_tokens` events a step, fewer where an epoch would have less than `min_batches` steps.

    `hide_actions` is the share of windows whose behaviour is hidden, since a request may know items alone;
    validation asks at most `max_queries` questions.
    """

    batch_tokens: int = 6_400
    min_batches: int = 100
    hide_actions: float = 0.25
    validation_size: int = 128
    max_queries: int = 4_000


class SequenceData(pl.LightningDataModule):
    """Training and validation loaders; workers are not needed, since a batch is a few gathers."""

    def __init__(self, config: BatchConfig, spec: FeatureSpec, events: Events, queries: Queries, seed: int) -> None:
        super().__init__()
        self.config = config
        self.windows = WindowDataset(events, config.hide_actions, seed)
        tokens = min(config.batch_tokens, len(events.histories.rows) // max(config.min_batches, 1))
        self.sampler = EpochSampler(events.histories.offsets, spec.max_length, tokens, seed)
        wanted = queries.sample(config.max_queries, np.random.default_rng(seed))
        self.validation = validation_batches(spec, wanted, config.validation_size)

    def train_dataloader(self) -> DataLoader[TrainingBatch]:
        """Batches of windows of like length: this process's share of each."""
        self.sampler.rank, self.sampler.num_ranks = self._place()
        return DataLoader(self.windows, sampler=self.sampler, batch_size=None)

    def val_dataloader(self) -> DataLoader[ValidationBatch]:
        """This process's share of the validation queries, the same in every epoch."""
        rank, num_ranks = self._place()
        own = self.validation if len(self.validation) < num_ranks else self.validation[rank::num_ranks]
        return DataLoader(own, batch_size=None)  # type: ignore[arg-type]

    def _place(self) -> tuple[int, int]:
        """Rank of this process and number of all."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)


def validation_batches(spec: FeatureSpec, queries: Queries, size: int) -> list[ValidationBatch]:
    """Queries whose target the vocabulary knows, ordered by length so that padding is short."""
    known = np.flatnonzero(queries.targets > UNKNOWN)
    lengths = np.array([len(queries.histories[int(q)].rows) for q in known])
    known = known[np.argsort(lengths, kind="stable")]
    return [_validation_batch(spec, queries, known[s : s + size]) for s in range(0, len(known), size)]


def _validation_batch(spec: FeatureSpec, queries: Queries, part: NDArray[np.int64]) -> ValidationBatch:
    histories = [queries.histories[int(q)] for q in part]
    batch = spec.batch(histories, queries.request_ts_ms[part], [queries.contexts[int(q)] for q in part])
    seen = pad_rows([history.rows for history in histories])
    return ValidationBatch(*(torch.from_numpy(array) for array in (*batch, queries.targets[part], seen)))


def pad_rows(rows: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Rows of several lists as one array [B, S], filled with PAD."""
    padded = np.full((len(rows), max((len(part) for part in rows), default=0) or 1), PAD, dtype=np.int64)
    for b, part in enumerate(rows):
        padded[b, : len(part)] = part
    return padded
