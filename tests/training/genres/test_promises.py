"""What micro-genres promise, on real data: coverage, truth, coherence, what is watched next, tags held out."""

from __future__ import annotations

from pathlib import Path

import pytest

from towers.vocabulary import Vocabulary
from training.data.dataset import Dataset
from training.data.movielens import MovieLensConfig, data_home, read_movielens
from training.genres.facts import human_tags
from training.genres.fit import Fitted, GenresConfig, fit_genres
from training.genres.report import recalls, tags_found, together

pytestmark = pytest.mark.slow

KEYWORDS = data_home() / "tmdb" / "tmdb_5000_movies.csv"


def read(name: str, file: str, folder: Path) -> Dataset:
    if not (data_home() / name / file).is_file():
        pytest.skip(f"{name} is not in MARQUEE_DATA")
    return read_movielens(MovieLensConfig(name=name, liked_from=3.0), folder, 2**52)


@pytest.fixture(scope="module")
def movielens(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return read("ml-1m", "movies_extrainfos.dat", tmp_path_factory.mktemp("bad"))


@pytest.fixture(scope="module")
def fitted(movielens: Dataset) -> Fitted:
    wanted = GenresConfig(keywords=str(KEYWORDS) if KEYWORDS.is_file() else None)
    return fit_genres(wanted, movielens, Vocabulary.fit(movielens.events["item_id"].unique()))


def test_titles_of_a_micro_genre_belong_together(movielens: Dataset, fitted: Fitted) -> None:
    found = together(movielens, fitted)
    print(f"coherence: together z={found.together:.1f}, median z={found.median:.1f}, share of z>=5 {found.share:.2f}")
    assert found.together >= 5
    assert found.median >= 5


def test_micro_genres_hold_as_much_of_the_next_title_as_plain_genres(movielens: Dataset, fitted: Fitted) -> None:
    found = recalls(movielens, fitted)
    print(found)
    assert found.micro > 5 * found.chance
    assert found.micro > found.plain - 0.03, "as good as plain genres, up to the error of 800 viewers"


def test_tags_held_out_are_found_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    dataset = read("ml-latest-small", "tags.csv", tmp_path_factory.mktemp("bad"))
    found = tags_found(dataset, human_tags(data_home() / "ml-latest-small" / "tags.csv"))
    print(found)
    assert found.among_all >= 0.8
