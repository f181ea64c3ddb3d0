"""How viewers watch, for the ranker: from a log and its catalogue, or left out where they tell too little."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ranking.behaviour import FILE, Behaviour
from ranking.habits import HABITS
from serving.assembly import fresh_state
from serving.bundle import Bundle
from tests.bundles import item_id, publish_tiny
from towers.schema import EventType
from training.behaviour import behaviour_file, title_forms, traits, watch_details
from training.content import ContentConfig
from training.corpus import Corpus, make_corpus
from training.data import FilesConfig, load
from training.data.dataset import Dataset
from training.replay import in_time_order

MINUTE_MS = 60_000


def events(num_viewers: int = 8, num_plays: int = 6) -> pd.DataFrame:
    """Every viewer plays; odd ones pause in every play, and let an episode follow."""
    rows: list[tuple[object, ...]] = []
    for viewer in range(num_viewers):
        for play in range(num_plays):
            start = 1_700_000_000_000 + (play * num_viewers + viewer) * 400 * MINUTE_MS
            item = f"i{(viewer + play) % 5}"
            rows.append((f"v{viewer}", item, start, EventType.PLAY, 1500.0, 1500.0))
            if viewer % 2:
                rows.append((f"v{viewer}", item, start + MINUTE_MS, EventType.PAUSE, None, None))
                rows.append((f"v{viewer}", item, start + 2 * MINUTE_MS, EventType.NEXT_EPISODE_AUTO, None, None))
    names = ["user_id", "item_id", "ts_ms", "event", "watch_s", "duration_s"]
    return pd.DataFrame(rows, columns=names).assign(event=lambda table: table["event"].map(str))


def catalogue() -> pd.DataFrame:
    kinds, minutes = ["series", "film", "series", "film", "film"], [25, 100, 25, 90, None]
    genres = [["Drama"], ["Comedy"], ["Drama"], [], ["Comedy", "Drama"]]
    return pd.DataFrame({"item_id": [f"i{n}" for n in range(5)], "kind": kinds, "minutes": minutes, "genres": genres})


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("log")
    events().to_parquet(folder / "events.parquet")
    catalogue().to_parquet(folder / "items.parquet")
    return load(FilesConfig(events=str(folder / "events.parquet"), items=str(folder / "items.parquet")), folder)


@pytest.fixture(scope="module")
def corpus(dataset: Dataset) -> Corpus:
    return make_corpus(dataset, np.ones(len(dataset.events), dtype=np.bool_), 50, ContentConfig(), 0)


def test_titles_have_their_lengths_kinds_and_genres(dataset: Dataset, corpus: Corpus) -> None:
    vocabulary = corpus.spec.vocabulary
    facts = title_forms(dataset.items, vocabulary)
    assert facts is not None
    rows = vocabulary.rows([f"i{n}" for n in range(5)])
    np.testing.assert_array_equal(facts.minutes[rows], [25, 100, 25, 90, np.nan])
    assert facts.is_series[rows].tolist() == [True, False, True, False, False]
    assert facts.genres[rows].sum(axis=1).tolist() == [1, 1, 1, 0, 2]
    found = traits(facts)
    assert found is not None
    assert found[rows, 0] == pytest.approx([np.log(25 / 45), np.log(100 / 45), np.log(25 / 45), np.log(2), 0])
    assert dataset.items is not None
    assert title_forms(dataset.items.drop(columns="minutes"), vocabulary) is None


def test_everybody_is_who_watched_in_the_log(dataset: Dataset, corpus: Corpus, tmp_path: Path) -> None:
    facts = title_forms(dataset.items, corpus.spec.vocabulary)
    files = behaviour_file(facts, dataset.events, corpus)
    (tmp_path / FILE).write_bytes(files[FILE])
    habits = Behaviour.load(tmp_path / FILE).population.habits
    mean = {habit: spread.mean[0] for habit, spread in zip(HABITS, habits, strict=True)}
    assert mean["completion"] == pytest.approx(1)
    assert 0.3 < mean["pauses"] < 0.5
    assert mean["next_episode"] > 0.3
    assert mean["short_form"] == pytest.approx(0.5, abs=0.1)


def test_a_log_that_tells_no_shares_makes_no_file(dataset: Dataset, corpus: Corpus) -> None:
    assert behaviour_file(None, dataset.events, corpus) == {}
    histories = corpus.events.histories
    silent = replace(corpus, events=corpus.events._replace(histories=histories._replace(shares=0 * histories.shares)))
    facts = title_forms(dataset.items, corpus.spec.vocabulary)
    assert behaviour_file(facts, dataset.events, silent) == {}


def test_a_log_says_of_plays_what_the_server_hears(dataset: Dataset, tmp_path: Path) -> None:
    bundle = Bundle.load(publish_tiny(tmp_path))
    state, vocabulary = fresh_state(bundle), bundle.spec.vocabulary
    told = dataset.events.assign(item_id=dataset.events["item_id"].map({f"i{n}": item_id(n) for n in range(5)}))
    for event in in_time_order(told):
        state.record(event)
    found, rows = watch_details(told, vocabulary), vocabulary.rows([item_id(n) for n in range(5)])
    for viewer in range(8):
        heard = state.signals.details.of(f"v{viewer}", rows)
        np.testing.assert_array_equal(np.array(found.of(f"v{viewer}", rows)), np.array(heard))
    assert found.of("v1", rows).pauses.sum() == 6
