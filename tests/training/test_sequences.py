"""Training windows cover what they must, and depend on seed and epoch alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from towers.history import Histories
from towers.vocabulary import PAD
from training.sequences import EpochSampler, Events, WindowDataset, cut_windows, repeat_share, seen_before

SIZES = st.lists(st.integers(0, 23), min_size=1, max_size=8)


def offsets_of(sizes: list[int]) -> np.ndarray:
    return np.cumsum([0, *sizes])


@given(SIZES, st.integers(2, 6), st.integers(0, 99))
def test_windows_stay_with_one_viewer_and_fit(sizes: list[int], max_length: int, seed: int) -> None:
    offsets = offsets_of(sizes)
    windows = cut_windows(offsets, max_length, np.random.default_rng(seed))
    viewer = np.searchsorted(offsets, windows.start, side="right") - 1
    assert np.all(windows.stop > windows.start)
    assert np.all(windows.stop <= offsets[1:][viewer])
    assert np.all(windows.stop - windows.start <= max_length + 1)
    assert set(viewer) == {u for u, size in enumerate(sizes) if size}


@given(SIZES, st.integers(2, 6))
def test_no_event_is_target_twice_in_an_epoch(sizes: list[int], max_length: int) -> None:
    if sum(sizes) == 0:
        return
    offsets = offsets_of(sizes)
    rows = np.arange(2, offsets[-1] + 2)
    nothing = np.zeros(offsets[-1], dtype=np.int8)
    histories = Histories(offsets, rows, rows * 1000, nothing, nothing)
    events = Events(histories, np.zeros((len(rows), 2), dtype=np.int64), np.ones(len(rows), dtype=np.bool_))
    dataset = WindowDataset(events, 0.0, seed=0)
    sampler = EpochSampler(offsets, max_length, batch_tokens=10, seed=3)
    targets = np.concatenate([dataset[borders].targets.numpy().ravel() for borders in sampler])
    targets = targets[targets != PAD]
    assert len(set(targets)) == len(targets)


def test_every_event_of_short_histories_is_learned() -> None:
    offsets = offsets_of([3, 1, 5])
    rows = np.arange(2, 11)
    nothing = np.zeros(9, dtype=np.int8)
    events = Events(
        Histories(offsets, rows, rows * 1000, nothing, nothing), np.zeros((9, 2), np.int64), np.ones(9, bool)
    )
    sampler = EpochSampler(offsets, 6, batch_tokens=100, seed=0)
    targets = np.concatenate([WindowDataset(events, 0.0, 0)[borders].targets.numpy().ravel() for borders in sampler])
    assert sorted(targets[targets != PAD]) == rows.tolist()


def test_order_depends_on_seed_and_epoch_alone() -> None:
    def plan(seed: int, epoch: int) -> list[list[int]]:
        sampler = EpochSampler(offsets_of([9, 30, 12, 7, 40]), 5, batch_tokens=12, seed=seed)
        sampler.set_epoch(epoch)
        return [borders.ravel().tolist() for borders in sampler]

    assert plan(1, 2) == plan(1, 2)
    assert plan(1, 2) != plan(1, 3)
    assert plan(1, 2) != plan(2, 2)


def test_a_position_has_seen_its_history_and_nothing_later() -> None:
    rows = torch.tensor([[0, 5, 6], [0, 7, 0]])
    assert seen_before(rows).tolist() == [[[0, 0, 0], [0, 5, 0], [0, 5, 6]], [[0, 0, 0], [0, 7, 0], [0, 7, 0]]]


def test_a_repeat_is_a_target_that_its_own_viewer_had_chosen_before() -> None:
    rows, nothing = np.array([5, 6, 5, 5, 5, 6]), np.zeros(6, dtype=np.int8)
    is_target = np.array([True, True, True, False, True, True])
    histories = Histories(offsets_of([4, 2]), rows, np.arange(6), nothing, nothing)
    assert repeat_share(Events(histories, np.zeros((6, 2), np.int64), is_target)) == pytest.approx(1 / 5)
