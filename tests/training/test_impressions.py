"""Requests, what was seen on their pages, and what became of it, read off the event table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.training.worlds import START_S
from towers.features import FeatureSpec
from towers.history import Action
from towers.vocabulary import Vocabulary
from training.data import FilesConfig, load
from training.data.dataset import Dataset
from training.data.histories import build
from training.impressions import Slates, slates

SPEC = FeatureSpec(Vocabulary.fit(["a", "b", "c", "d"]), max_length=10)


def events(*rows: tuple[str, str | None, str, str, int]) -> pd.DataFrame:
    """Rows of user, request, event, item, second."""
    table = pd.DataFrame(rows, columns=["user_id", "request_id", "event", "item_id", "timestamp"])
    return table.assign(timestamp=table["timestamp"] + START_S)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    table = events(
        ("u", None, "play", "d", 0),
        ("u", "r1", "impression", "a", 10),
        ("u", "r1", "impression", "b", 11),
        ("v", "r2", "impression", "b", 12),
        ("u", "r1", "list_add", "a", 13),
        ("u", "r1", "play", "b", 14),
        ("v", "r2", "impression", "unheard of", 15),
        ("v", "r2", "not_interested", "b", 16),
        ("u", "r3", "impression", "b", 20),
        ("u", "r3", "impression", "c", 21),
        ("u", None, "play", "c", 22),
    )
    table.to_parquet(tmp_path / "events.parquet")
    return load(FilesConfig(events=str(tmp_path / "events.parquet")), tmp_path)


def read(dataset: Dataset, mask: np.ndarray | None = None) -> Slates:
    everything = np.ones(len(dataset.events), dtype=np.bool_)
    _, viewers, _ = build(dataset.events, everything, SPEC.vocabulary)
    return slates(dataset.events, everything if mask is None else mask, SPEC, viewers, everything)


def test_each_request_has_the_known_items_that_were_seen(dataset: Dataset) -> None:
    found = read(dataset)
    assert found.offsets.tolist() == [0, 2, 3, 5]
    assert SPEC.vocabulary.ids(found.rows) == ["a", "b", "b", "b", "c"]
    assert (found.ts_ms // 1000 - START_S).tolist() == [10, 12, 20]


def test_a_slot_is_chosen_by_an_event_of_its_own_request_alone(dataset: Dataset) -> None:
    found = read(dataset)
    assert found.is_chosen.tolist() == [False, True, False, False, False]
    assert found.action.tolist() == [Action.LISTED, Action.CHOSEN, Action.DISLIKED, Action.PAD, Action.PAD]


def test_the_history_of_a_request_ends_before_it(dataset: Dataset) -> None:
    found = read(dataset)
    histories, _, _ = build(dataset.events, np.ones(len(dataset.events), dtype=np.bool_), SPEC.vocabulary)
    before = [SPEC.vocabulary.ids(histories.rows[a:b]) for a, b in zip(found.first, found.end, strict=True)]
    assert before == [["d"], [], ["d", "a", "b"]]


def test_only_impressions_of_the_part_are_read(dataset: Dataset) -> None:
    mask = np.arange(len(dataset.events)) < 4
    assert read(dataset, mask).offsets.tolist() == [0, 2, 3]


def test_a_log_without_impressions_has_no_slates(tmp_path: Path) -> None:
    events(("u", None, "play", "a", 0)).drop(columns="request_id").to_parquet(tmp_path / "events.parquet")
    found = read(load(FilesConfig(events=str(tmp_path / "events.parquet")), tmp_path))
    assert len(found) == 0
    assert found.offsets.tolist() == [0]


def test_only_some_slots_leave_the_requests_that_keep_any(dataset: Dataset) -> None:
    found = read(dataset)
    kept = found.only(np.array([False, True, False, True, True]))
    assert kept.offsets.tolist() == [0, 1, 3]
    assert SPEC.vocabulary.ids(kept.rows) == ["b", "b", "c"]
    assert kept.ts_ms.tolist() == found.ts_ms[[0, 2]].tolist()
    assert kept.is_chosen.tolist() == [True, False, False]
