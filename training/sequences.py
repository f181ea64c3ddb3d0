"""Training windows over CSR histories: gathered in whole batches, bucketed by length, reproducible by epoch.

Shapes: W windows, B batch, L window length (start token included), C context columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from towers.history import Action, Histories
from towers.vocabulary import PAD


class TrainingBatch(NamedTuple):
    """A batch in which every position predicts the event behind it.

    rows, actions, shares: int64 [B, L]; age_s: float32 [B, L] to the last target; lengths: int64 [B]; context: int64
    [B, L, C] of the request behind each position; targets: int64 [B, L], PAD where there is nothing to learn.
    """

    rows: Tensor
    actions: Tensor
    shares: Tensor
    age_s: Tensor
    lengths: Tensor
    context: Tensor
    targets: Tensor


def seen_before(rows: Tensor) -> Tensor:
    """Rows [B, L, L] of the history that each position knows, PAD behind it."""
    return rows.unsqueeze(1).expand(-1, rows.shape[1], -1).tril()


class Events(NamedTuple):
    """Histories with what training needs beside them: context codes [E, C], and which events may be targets [E]."""

    histories: Histories
    context: NDArray[np.int64]
    is_target: NDArray[np.bool_]


def repeat_share(events: Events) -> float:
    """Share of the targets whose item the same viewer had chosen before."""
    histories, chosen = events.histories, events.is_target
    viewer = np.repeat(np.arange(histories.num_viewers), np.diff(histories.offsets))
    pairs = viewer[chosen] * (int(histories.rows.max(initial=0)) + 1) + histories.rows[chosen]
    return 1 - len(np.unique(pairs)) / max(len(pairs), 1)


class Windows(NamedTuple):
    """Half-open ranges [start, stop) of event positions, none crossing a viewer's border; both int64 [W]."""

    start: NDArray[np.int64]
    stop: NDArray[np.int64]


def cut_windows(offsets: NDArray[np.int64], max_length: int, rng: np.random.Generator) -> Windows:
    """Windows of up to `max_length` + 1 events; neighbours share one event, which only the older one has as target.

    In half of the cases a long history is cut from a random border instead of its newest event, so that each epoch
    sees other windows.
    """
    sizes = np.diff(offsets)
    shift = np.where(rng.random(len(sizes)) < 0.5, 0, rng.integers(0, max_length, len(sizes)))
    shift = np.where(sizes > max_length + 1, shift, 0)
    counts = np.maximum(-(-(sizes - shift - 1) // max_length), sizes > 0)
    viewer = np.repeat(np.arange(len(sizes)), counts)
    nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    stop = offsets[1:][viewer] - shift[viewer] - nth * max_length
    return Windows(np.maximum(stop - max_length - 1, offsets[:-1][viewer]), stop)


class WindowDataset(Dataset[TrainingBatch]):
    """Gathers the windows named by an index array [2, B] of starts and stops into one batch."""

    def __init__(self, events: Events, hide_actions: float, seed: int) -> None:
        self.events = events
        self.hide_actions = hide_actions
        self.seed = seed
        self._is_first = np.zeros(len(events.histories.rows) + 1, dtype=np.bool_)
        self._is_first[events.histories.offsets[:-1]] = True

    def __getitem__(self, borders: NDArray[np.int64]) -> TrainingBatch:
        """Batch of the windows; with probability `hide_actions` a window's actions and shares become unknown."""
        start, stop = borders
        histories = self.events.histories
        lengths = stop - start
        place = np.arange(int(lengths.max()))
        at = np.minimum(start[:, None] + place, len(histories.rows) - 1)
        is_real = place < lengths[:, None]
        is_input = np.zeros_like(is_real)
        is_input[:, 1:] = is_real[:, 1:]
        before = np.maximum(at - 1, 0)
        rows = np.where(is_input, histories.rows[before], PAD)
        actions, shares = self._behaviour(before, is_input, borders)
        age_ms = np.where(is_input, histories.ts_ms[stop - 1][:, None] - histories.ts_ms[before], 0)
        age_ms[:, 0] = age_ms[:, 1] if age_ms.shape[1] > 1 else 0
        is_known = self.events.is_target[at] & is_real
        is_known[:, 0] &= self._is_first[start]
        targets = np.where(is_known, histories.rows[at], PAD)
        arrays = (rows, actions, shares, (age_ms / 1000).astype(np.float32), lengths, self.events.context[at], targets)
        return TrainingBatch(*(torch.from_numpy(array) for array in arrays))

    def _behaviour(
        self, before: NDArray[np.int64], is_input: NDArray[np.bool_], borders: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        histories = self.events.histories
        rng = np.random.default_rng([self.seed, *borders[:, 0]])
        is_hidden = (rng.random(len(before)) < self.hide_actions)[:, None]
        actions = np.where(is_hidden, Action.UNKNOWN, histories.actions[before])
        shares = np.where(is_hidden, 0, histories.shares[before])
        return (
            np.where(is_input, actions, Action.PAD).astype(np.int64),
            np.where(is_input, shares, 0).astype(np.int64),
        )


class EpochSampler(Sampler[NDArray[np.int64]]):
    """Batches of windows of like length, in an order that depends on seed and epoch alone, so that runs can resume.

    The number of batches is about events / `batch_tokens` and the same in every epoch. Each of `num_ranks` processes
    gets its share of every batch.
    """

    def __init__(self, offsets: NDArray[np.int64], max_length: int, batch_tokens: int, seed: int) -> None:
        self.offsets = offsets
        self.max_length = max_length
        self.seed = seed
        self.epoch = 0
        self.rank, self.num_ranks = 0, 1
        smallest = min(max_length + 1, int(np.diff(offsets).max(initial=1)))
        self.num_batches = max(1, int(offsets[-1]) // max(batch_tokens, smallest))

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches an epoch."""
        return self.num_batches

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        """Index arrays [2, B] for `WindowDataset`."""
        rng = np.random.default_rng([self.seed, self.epoch])
        windows = cut_windows(self.offsets, self.max_length, rng)
        lengths = windows.stop - windows.start
        order = np.argsort(lengths + rng.uniform(0, 8, len(lengths)), kind="stable")
        borders = np.stack([windows.start, windows.stop])[:, order]
        place = np.cumsum(lengths[order]) - lengths[order]
        batch = place * self.num_batches // max(int(lengths.sum()), 1)
        batches = np.split(borders, np.flatnonzero(np.diff(batch)) + 1, axis=1)
        for b in rng.permutation(len(batches)):
            yield self._own(batches[b])

    def _own(self, borders: NDArray[np.int64]) -> NDArray[np.int64]:
        """This rank's windows of a batch; the last one again where there are fewer windows than ranks."""
        own = borders[:, self.rank :: self.num_ranks]
        return own if own.shape[1] else borders[:, -1:]
