from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from towers.schema import EXPOSURE_COLUMNS, HISTORY_EVENTS, EventType
from towers.vocabulary import Vocabulary
from training.corpus import context_values
from training.data import Dataset, FilesConfig, load
from training.data.histories import build
from training.errors import UsageError
from training.simulator.config import preset
from training.simulator.log import Simulated, write_world


@pytest.fixture(scope="module")
def dataset(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    config = FilesConfig(
        events=str(folder / "events.parquet"),
        items=str(folder / "items.parquet"),
        users=str(folder / "users.parquet"),
        max_bad_share=0.0,
        unknown_items="reject",
    )
    return load(config, tmp_path_factory.mktemp("quarantine"))


@pytest.fixture(scope="module")
def events(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "events.parquet")


def test_the_log_is_read_without_mapping_and_without_a_bad_row(dataset: Dataset) -> None:
    assert dataset.report.bad == {}
    assert dataset.has_clock
    assert dataset.items is not None
    assert {"title", "genres", "people", "text", "maturity", "year", "release_ms"} <= set(dataset.items.columns)


def test_only_the_moment_is_context(dataset: Dataset) -> None:
    assert set(EXPOSURE_COLUMNS) & set(dataset.events.columns)
    assert set(context_values(dataset.events)) == {"device", "companions"}


def test_a_play_is_one_history_event_that_carries_its_outcome(dataset: Dataset) -> None:
    events = dataset.events
    told = events[events["event"].isin([str(event) for event in HISTORY_EVENTS])]
    assert set(told["event"]) == {"play", "list_add", "not_interested"}
    plays = told[told["event"] == "play"]
    assert plays[["watch_s", "duration_s"]].notna().all(axis=None)
    assert plays["liked"].dropna().isin([0, 1]).all()
    assert plays.groupby(["session_id", "item_id"]).size().max() == 1
    vocabulary = Vocabulary.fit(told["item_id"].unique())
    histories, _, _ = build(events, np.ones(len(events), dtype=np.bool_), vocabulary)
    assert len(histories.rows) == len(told)


def test_the_log_holds_many_kinds_of_behaviour(events: pd.DataFrame) -> None:
    kinds = {
        EventType.IMPRESSION, EventType.DETAIL, EventType.PLAY, EventType.RESUME, EventType.PAUSE, EventType.STOP,
        EventType.NEXT_EPISODE_AUTO, EventType.LIST_ADD, EventType.SEARCH,
    }  # fmt: skip
    assert kinds <= set(events["event"])
    rows = {"popular", "for_you", "continue_watching", "search"}
    assert rows <= set(events["row_type"].dropna())


def test_a_play_from_the_page_belongs_to_one_impression(events: pd.DataFrame) -> None:
    keys = ["request_id", "item_id", "row_pos", "col_pos", "variant_id", "propensity"]
    plays = events[(events["event"] == "play") & events["row_pos"].notna()]
    shown = events.loc[events["event"] == "impression", [*keys, "ts_ms"]]
    joined = plays.merge(shown, on=keys, suffixes=("", "_shown"))
    assert len(joined) == len(plays)
    assert (joined["ts_ms_shown"] < joined["ts_ms"]).all()
    assert plays["propensity"].between(0, 1, inclusive="right").all()


def test_sessions_of_a_profile_do_not_overlap(events: pd.DataFrame) -> None:
    spans = events.groupby(["profile_id", "session_id"])["ts_ms"].agg(["min", "max"]).reset_index()
    spans = spans.sort_values(["profile_id", "min"])
    before = spans.groupby("profile_id")["max"].shift()
    assert (spans["min"] > before)[before.notna()].all()


def test_no_policy_shows_what_is_not_out_or_already_in_the_history(events: pd.DataFrame, folder: Path) -> None:
    items = pd.read_parquet(folder / "items.parquet").set_index("item_id")
    released = items["release_date"].reindex(events["item_id"].dropna()).astype("datetime64[ms]").astype("int64")
    assert (released.to_numpy() <= events.loc[events["item_id"].notna(), "ts_ms"].to_numpy() + 86_400_000).all()
    plays = events[(events["event"] == "play") & events["row_pos"].notna()]
    assert not plays.duplicated(["profile_id", "item_id"]).any()


def test_the_same_seed_gives_the_same_log_and_another_one_another(tmp_path: Path, folder: Path) -> None:
    for name, seed in (("same", 0), ("other", 1)):
        write_world(preset("tiny"), seed, tmp_path / name)
    first, same, other = (
        pq.read_table(path / "events.parquet") for path in (folder, tmp_path / "same", tmp_path / "other")
    )
    assert first.equals(same)
    assert not first.equals(other)


def test_the_log_is_written_a_day_at_a_time(folder: Path) -> None:
    assert pq.ParquetFile(folder / "events.parquet").num_row_groups == preset("tiny").num_days


def test_a_world_is_found_again_where_it_was_written(tiny: Simulated, tmp_path: Path) -> None:
    loaded = Simulated.load(tiny.folder)
    assert np.array_equal(loaded.world.viewers.taste, tiny.world.viewers.taste)
    assert np.array_equal(loaded.state.seen, tiny.state.seen)
    assert (loaded.state.day, loaded.world.config) == (tiny.state.day, tiny.world.config)
    with pytest.raises(UsageError, match="holds no simulated service; make one: marquee simulate"):
        Simulated.load(tmp_path)


def test_a_million_events_take_less_than_a_minute_of_one_core(tmp_path: Path) -> None:
    start = time.process_time()
    written = write_world(replace(preset("tiny"), num_viewers=1000), 0, tmp_path)
    assert written.num_events / (time.process_time() - start) > 1_000_000 / 60


@pytest.mark.parametrize(("words", "message"), [("smal", "did you mean small"), ("xyz", "choose tiny, small, city")])
def test_an_unknown_preset_is_named(words: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        preset(words)
