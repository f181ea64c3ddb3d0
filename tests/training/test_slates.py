"""The slate model tells what is liked from what is shown, serves what it learned, and needs something to learn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ranking.slates import WATCH_FILE, SlateModel
from tests.training.worlds import slate_events
from towers.history import EMPTY_HISTORY, History
from training.content import ContentConfig
from training.corpus import Corpus, make_corpus
from training.data import FilesConfig, load
from training.impressions import Slates, slates
from training.slate_network import SlateNetwork
from training.slates import SlateConfig, SlateLog, fit_slates, gather, learn_watching, odds_within

CONFIG = SlateConfig(
    network=SlateNetwork.Config(dim=8, num_kinds=16), max_epochs=12, requests_a_step=16, min_choices=50
)


class Given(NamedTuple):
    """A log's corpus and slates."""

    corpus: Corpus
    slates: Slates


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    folder = tmp_path_factory.mktemp("log")
    slate_events().to_parquet(folder / "events.parquet")
    dataset = load(FilesConfig(events=str(folder / "events.parquet")), folder)
    everything = np.ones(len(dataset.events), dtype=np.bool_)
    corpus = make_corpus(dataset, everything, 50, ContentConfig(), 0)
    return Given(corpus, slates(dataset.events, everything, corpus.spec, corpus.viewers, everything))


@pytest.fixture(scope="module")
def model(given: Given) -> SlateModel:
    found = fit_slates(CONFIG, given.slates, taken(given), given.corpus, seed=0)
    assert found is not None
    return found


def taken(given: Given) -> NDArray[np.float32]:
    return given.slates.is_chosen.astype(np.float32)


def history(given: Given, viewer: str) -> History:
    return given.corpus.events.histories.of(int(given.corpus.viewers.rows([viewer])[0]) - 2)


def test_liked_items_stand_above_often_shown_ones(given: Given, model: SlateModel) -> None:
    """i0 is played about as often as i4, in five times as many slates."""
    rows = given.corpus.spec.vocabulary.rows(["i4", "i0", "i5"])
    liked, shown, unwanted = model.scores(history(given, "u0"), given.slates.context[0], rows)
    assert liked > shown + 1
    assert liked > unwanted + 1


def test_chosen_slots_are_found_within_their_pages(given: Given, model: SlateModel) -> None:
    assert odds_within(model, given.slates, given.corpus.events.histories) > 0.8


def test_serving_gives_the_odds_of_training(given: Given) -> None:
    corpus, found = given
    torch.manual_seed(1)
    network = SlateNetwork(CONFIG.network, corpus.spec.vocabulary.num_rows, corpus.spec.context_sizes, None)
    part = np.array([0, 7, 1200, 1499])
    batch = gather(found, taken(given), corpus.events.histories, part, CONFIG)
    trained = network(batch).detach().numpy()
    served = [
        network.model().scores(
            History._make(array[found.first[s] : found.end[s]] for array in corpus.events.histories[1:]),
            found.context[s],
            found.rows[found.offsets[s] : found.offsets[s + 1]],
        )
        for s in part
    ]
    np.testing.assert_allclose(np.concatenate(served), trained, atol=1e-5)


def test_a_saved_model_gives_identical_odds(given: Given, model: SlateModel, tmp_path: Path) -> None:
    model.save(tmp_path / "slate_model.npz")
    again = SlateModel.load(tmp_path / "slate_model.npz")
    asked = history(given, "u1"), given.slates.context[0], np.arange(2, 22)
    assert np.array_equal(model.scores(*asked), again.scores(*asked))


def test_items_that_training_did_not_know_are_of_the_average_kind(given: Given, model: SlateModel) -> None:
    unheard = np.array([len(model.items), len(model.items) + 5])
    assert np.ptp(model.scores(history(given, "u0"), given.slates.context[0], unheard)) == 0
    odd = History.of(unheard, np.array([0, 1]))
    context = given.slates.context[0]
    assert np.array_equal(model.viewer(odd, context), model.viewer(EMPTY_HISTORY, context))


def test_what_is_watched_to_its_end_stands_above_what_is_left(tmp_path: Path) -> None:
    events = slate_events()
    for item, watch_s in (("i4", 1800.0), ("i6", 90.0)):
        events.loc[(events["event"] == "play") & (events["item_id"] == item), "watch_s"] = watch_s
    events.to_parquet(tmp_path / "events.parquet")
    dataset = load(FilesConfig(events=str(tmp_path / "events.parquet")), tmp_path)
    everything = np.ones(len(dataset.events), dtype=np.bool_)
    corpus = make_corpus(dataset, everything, 50, ContentConfig(), 0)
    files = learn_watching(replace(CONFIG, max_epochs=30), SlateLog(dataset.events, everything, corpus, seed=0))
    (tmp_path / WATCH_FILE).write_bytes(files[WATCH_FILE])
    model = SlateModel.load(tmp_path / WATCH_FILE)
    context = np.zeros(len(corpus.spec.context_sizes), dtype=np.int64)
    finished, half, left = model.scores(EMPTY_HISTORY, context, corpus.spec.vocabulary.rows(["i4", "i8", "i6"]))
    assert finished > half + 0.5 > left + 1
    silent = dataset.events.drop(columns=["watch_s", "duration_s"])
    assert learn_watching(CONFIG, SlateLog(silent, everything, corpus, seed=0)) == {}


def test_the_same_seed_gives_the_same_model(given: Given, model: SlateModel) -> None:
    again = fit_slates(CONFIG, given.slates, taken(given), given.corpus, seed=0)
    assert again is not None
    assert np.array_equal(again.items, model.items)


def test_a_log_with_few_choices_makes_no_model(given: Given) -> None:
    few = SlateConfig(min_choices=1_000_000)
    assert fit_slates(few, given.slates, taken(given), given.corpus, seed=0) is None
