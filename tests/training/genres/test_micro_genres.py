from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ranking.micro_genres import MicroGenres
from ranking.title_tags import GenreRules
from towers.schema import CheckRules
from towers.vocabulary import NUM_RESERVED, Vocabulary
from training.data.canonical import EventOptions, canonical
from training.data.dataset import Dataset, assemble
from training.data.movielens import MovieLensConfig, data_home, read_movielens
from training.errors import UsageError
from training.genres.fit import Fitted, GenresConfig, coverage, fit_genres
from training.genres.judge import next_watch_recall
from training.genres.lexicon import SLOTS, Lexicon, follows

WORDS = ("revenge", "a wedding", "a detective", "new york", "an alien", "dark secrets", "his father", "a heist", "love")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """400 invented films of a few genres, told in a few words, with ratings."""
    rng = np.random.default_rng(0)
    genres = ["Comedy", "Drama", "Thriller", "Horror", "Romance", "Sci-Fi"]
    items = pd.DataFrame(
        {
            "item_id": [f"f{n:03d}" for n in range(400)],
            "title": [f"Film {n}" for n in range(400)],
            "genres": [sorted(set(rng.choice(genres, 2))) for _ in range(400)],
            "people": [[f"Star {rng.integers(20)}"] for _ in range(400)],
            "text": [" and ".join(rng.choice(WORDS, 3)) for _ in range(400)],
            "maturity": rng.choice(["PG", "R"], 400),
            "year": rng.integers(1970, 2000, 400).astype(float),
        }
    )
    events = pd.DataFrame(
        {
            "user_id": rng.integers(0, 50, 6000).astype(str),
            "item_id": [f"f{n:03d}" for n in np.minimum(rng.geometric(0.01, 6000), 400) - 1],
            "timestamp": np.arange(6000),
            "liked": (rng.random(6000) < 0.6).astype(float),
        }
    )
    raw = canonical(events, {name: name for name in events.columns}, EventOptions())
    return assemble(raw, items, None, CheckRules(), tmp_path_factory.mktemp("bad"), 2**50)


@pytest.fixture(scope="module")
def fitted(dataset: Dataset) -> Fitted:
    return fit_genres(GenresConfig(), dataset, Vocabulary.fit(dataset.events["item_id"].unique()))


def violations(fitted: Fitted) -> list[str]:
    """Names whose tags break the grammar, or with a title that does not show one of them."""
    bad = []
    for g, (name, places) in enumerate(zip(fitted.genres.names, fitted.combinations, strict=True)):
        tags = tuple(fitted.lexicon.tags[t] for t in places)
        titles = [fitted.facts[row - NUM_RESERVED] for row in fitted.genres.titles(g).tolist()]
        if not follows(tags) or not _in_order(name, [tag.form for tag in tags]):
            bad.append(f"grammar: {name}")
        bad += [f"truth: {name}: {each.title}" for each in titles for tag in tags if tag.score(each) <= 0]
    return bad


def _in_order(name: str, forms: list[str]) -> bool:
    found = [name.index(form) for form in forms]
    return found == sorted(found)


def test_no_name_breaks_the_grammar_or_says_what_is_not_so(fitted: Fitted) -> None:
    assert fitted.genres.num_genres > 40
    assert violations(fitted) == []


def test_sizes_lift_and_no_two_names_for_nearly_the_same_titles(fitted: Fitted) -> None:
    genres, is_carried = fitted.genres, fitted.carried.is_carried
    sizes = np.diff(genres.offsets)
    assert sizes.min() >= 10
    assert sizes.max() <= 400
    for g, places in enumerate(fitted.combinations):
        expected = len(is_carried) * np.prod(is_carried[:, list(places)].mean(axis=0))
        assert len(places) == 1 or sizes[g] / expected > 1.5
    sets = [set(genres.titles(g).tolist()) for g in range(genres.num_genres)]
    assert max(len(a & b) / len(a | b) for a, b in combinations(sets, 2)) <= 0.8
    assert len(set(genres.names)) == genres.num_genres


def test_stronger_titles_come_first(fitted: Fitted) -> None:
    for g in range(fitted.genres.num_genres):
        start, end = fitted.genres.offsets[g], fitted.genres.offsets[g + 1]
        assert np.all(np.diff(fitted.genres.strengths[start:end]) <= 0)


def test_a_viewer_of_a_genre_has_affinity_to_it(fitted: Fitted) -> None:
    genres = fitted.genres
    base = genres.shares
    for g in range(0, genres.num_genres, 7):
        rows = genres.titles(g)[:6]
        affinity = genres.affinity(rows, np.ones(len(rows)), base)
        assert affinity[g] > 0
        assert affinity[g] >= np.median(affinity)


def test_saved_genres_come_back(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("genres")
    assert MicroGenres.load(folder) is None
    fitted.genres.save(folder)
    loaded = MicroGenres.load(folder)
    assert loaded is not None
    assert loaded.names == fitted.genres.names
    np.testing.assert_array_equal(loaded.rows, fitted.genres.rows)


def test_the_lexicon_is_sound() -> None:
    tags = Lexicon.load().tags
    forms = [tag.form for tag in tags]
    assert len(forms) == len(set(forms))
    assert {tag.slot for tag in tags} <= set(SLOTS)
    assert all(tag.excludes <= set(forms) for tag in tags), "an excluded form that does not exist"
    dark, merry = (next(tag for tag in tags if tag.form == form) for form in ("Dark", "Feel-Good"))
    assert not follows((dark, merry))
    assert not follows((merry, dark))


def test_a_wrong_lexicon_is_explained(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("lexicon") / "mine.yaml"
    path.write_text("adjektive: {Dark: {words: dark}}\n")
    with pytest.raises(UsageError, match="adjektive"):
        Lexicon.load(path)
    path.write_text("adjective: {Dark: {wrods: dark}}\n")
    with pytest.raises(UsageError, match="wrods"):
        Lexicon.load(path)


@pytest.mark.slow
def test_movielens_1m_is_covered_without_a_violation(tmp_path_factory: pytest.TempPathFactory) -> None:
    if not (data_home() / "ml-1m" / "movies_extrainfos.dat").is_file():
        pytest.skip("MovieLens-1M with plots is not in MARQUEE_DATA")
    config = MovieLensConfig(name="ml-1m", liked_from=3.0)
    dataset = read_movielens(config, tmp_path_factory.mktemp("bad"), 2**52)
    keywords = data_home() / "tmdb" / "tmdb_5000_movies.csv"
    wanted = GenresConfig(keywords=str(keywords) if keywords.is_file() else None)
    fitted = fit_genres(wanted, dataset, Vocabulary.fit(dataset.events["item_id"].unique()))
    assert violations(fitted) == []
    assert coverage(fitted.genres) >= 0.95


def test_rules_name_each_title_as_training_did(fitted: Fitted, tmp_path: Path) -> None:
    """Those with figures of ratings among their tags, too, when the figures are known."""
    fitted.rules.save(tmp_path)
    rules = GenreRules.load(tmp_path)
    assert rules is not None
    for place in range(0, len(fitted.facts), 7):
        expected = [g for g in range(fitted.genres.num_genres) if place + NUM_RESERVED in fitted.genres.titles(g)]
        assert rules.genres_of(fitted.facts[place]).tolist() == expected
        unrated = rules.genres_of(replace(fitted.facts[place], measures={}))
        assert set(unrated) <= set(expected)


def test_rows_are_those_whose_first_titles_promise_most() -> None:
    """Ten rows of 20 titles: those liked most stand in row 7, and its first ten unseen ones are shown."""
    rows = [np.arange(20 * n, 20 * n + 20) + NUM_RESERVED for n in range(10)]
    liking, popularity = np.zeros(202), np.full(202, 0.005)
    liking[rows[7]] = np.arange(20, 0, -1)

    def found(seen: int, place: int) -> float:
        history, target = rows[7][[seen]], rows[7][[place]]
        return next_watch_recall(rows, [history], target, [liking], popularity)

    assert [found(19, place) for place in (0, 9, 10, 19)] == [1, 1, 0, 0]
    assert found(0, 10) == 1
    many = [rows[0][[1]]] * 40, np.full(40, rows[7][0]), [liking] * 40, popularity
    assert next_watch_recall(rows, *many) == 1
    assert 0.2 < next_watch_recall(rows, *many, np.random.default_rng(0)) < 0.8
