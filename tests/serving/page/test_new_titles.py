"""Titles put while serving: on the page at once, and in the rows whose names are true of them."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from ranking.micro_genres import LATER_STRENGTH, MicroGenres
from ranking.title_tags import GenreRules, Rule
from serving.item_messages import ItemMessage
from serving.page.controls import Gate, MemorySettings
from serving.page.homepage import Homepage
from serving.page.imagery import Imagery
from serving.page.viewers import LiveViewers
from serving.recommender import Recommender
from serving.store.item_journal import JournalEntry
from tests.bundles import item_id

DRAMA = Rule({"genres": ["drama"]}, None, None, None, 1.0)
DARK = Rule({}, r"\b(?:dark)", None, None, 1.0)
LOVED = Rule({}, None, None, "popularity", 3.0)
RULES = GenreRules([DRAMA, DARK, LOVED], [[0], [0, 1], [0, 2]])
"""Dramas; dark dramas, whose plot says so twice; much-loved dramas."""

PUTS = [
    (item_id(3), ItemMessage(title="Third", genres=["Western"], maturity="R", text="Dark. Dark.")),
    ("new-1", ItemMessage(title="New", genres=["Drama"], text="A dark, dark house.", year=2020)),
    ("new-2", ItemMessage(title="Newer", genres=["Drama", "Comedy"], maturity="PG", available_from_ms=5)),
    (item_id(3), ItemMessage(title="Third again", genres=["Drama"], maturity="all")),
    ("new-1", ItemMessage(title="New", genres=["Drama"])),
]


def put(home: Homepage, *puts: tuple[str, ItemMessage]) -> None:
    entries = [JournalEntry(item, msgspec.json.encode(message), at) for at, (item, message) in enumerate(puts, 1)]
    home.recommender.shelf.put(entries)


def rows_of(home: Homepage, *items: str) -> np.ndarray:
    return np.asarray(home.recommender.state.items.rows(list(items)))


@pytest.fixture
def named(home: Homepage, recommender: Recommender) -> Homepage:
    """With three micro-genres of a few titles."""
    members = [np.array([5, 6, 7]), np.array([5]), np.array([6])]
    strengths = [np.ones(len(each), dtype=np.float32) for each in members]
    num_rows = recommender.bundle.spec.vocabulary.num_rows
    genres = MicroGenres.of(["Dramas", "Dark Dramas", "Much-Loved Dramas"], [[]] * 3, members, strengths, num_rows)
    parts = replace(home.parts, genres=genres, rules=RULES)
    return Homepage(recommender, parts, LiveViewers(), MemorySettings())


def test_a_new_title_stands_in_the_micro_genres_whose_names_are_true_of_it(named: Homepage) -> None:
    put(named, PUTS[1], PUTS[2])
    genres = named.renewed().parts.genres
    assert genres is not None
    place, genre, strength = genres.pairs(rows_of(named, "new-1", item_id(0), "new-2"))
    found = list(zip(place.tolist(), genre.tolist(), strict=True))
    assert [pair for pair in found if pair[0] != 1] == [(0, 0), (0, 1), (2, 0)]
    assert np.all(strength[place != 1] == LATER_STRENGTH)


def test_a_title_that_changed_leaves_the_names_that_are_no_longer_true(named: Homepage) -> None:
    assert named.parts.genres is not None
    assert set(named.parts.genres.pairs(np.array([5]))[1]) == {0, 1}
    [item] = named.recommender.state.items.ids(np.array([5]))
    put(named, (item, ItemMessage(title="Funny now", genres=["Comedy"])))
    genres = named.renewed().parts.genres
    assert genres is not None
    assert len(genres.pairs(np.array([5]))[1]) == 0
    assert set(genres.pairs(np.array([6]))[1]) == {0, 2}


def test_growing_step_by_step_is_growing_at_once(home: Homepage) -> None:
    """And both are what a catalogue of that length would have been."""
    stepwise = home
    for each in PUTS:
        put(home, each)
        stepwise = stepwise.renewed()
    at_once = home.renewed()
    for grown in (stepwise, at_once):
        parts, catalogue = grown.parts, grown.parts.catalogue
        fresh_gate, fresh = Gate(catalogue, home.recommender.state.items), type(catalogue)(catalogue._table)
        assert {label: rows.tolist() for label, rows in catalogue.rows_by_genre.items()} == {
            label: rows.tolist() for label, rows in fresh.rows_by_genre.items()
        }
        assert np.array_equal(grown.gate._ages, fresh_gate._ages)
        assert np.array_equal(grown.gate._everything, fresh_gate._everything)
        assert grown.gate.maturity_labels == fresh_gate.maturity_labels
        assert np.array_equal(parts.releases, parts.titles.releases(), equal_nan=True)
        imagery = Imagery(catalogue.genre_labels, parts.titles.artworks)
        order = [grown.imagery._place[name] for name in sorted(imagery._place)]
        assert np.array_equal(grown.imagery.labels[:, order], imagery.labels)
        assert np.array_equal(grown.imagery.num_images, imagery.num_images)
    assert stepwise.parts.titles == at_once.parts.titles
    assert stepwise.parts.catalogue._table == at_once.parts.catalogue._table
    assert stepwise.parts.catalogue.titles(rows_of(home, item_id(3))) == ["Third again"]


def test_a_page_under_way_keeps_its_titles(home: Homepage) -> None:
    before = home.parts.catalogue.num_rows, home.gate._everything.copy(), home.imagery.labels.copy()
    put(home, *PUTS)
    assert home.renewed() is not home
    assert home.parts.catalogue.num_rows == before[0]
    assert np.array_equal(home.gate._everything, before[1])
    assert np.array_equal(home.imagery.labels, before[2])


def test_nothing_is_made_anew_where_nothing_was_put(home: Homepage) -> None:
    assert home.renewed() is home
    put(home, PUTS[1])
    grown = home.renewed()
    assert grown.renewed() is grown
