"""What micro-genres promise, on real data: coverage, truth, coherence, what is watched next, tags held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from towers.vocabulary import NUM_RESERVED, Vocabulary
from training.data.dataset import Dataset
from training.data.movielens import MovieLensConfig, data_home, read_movielens
from training.genres.facts import human_tags, title_facts
from training.genres.fit import Fitted, GenresConfig, fit_genres
from training.genres.judge import coherence, next_watch_recall
from training.genres.relevance import auc, relevance, title_features, watch_factors

pytestmark = pytest.mark.slow

KEYWORDS = data_home() / "tmdb" / "tmdb_5000_movies.csv"
LEAST_TAGGED = 8


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
    vocabulary = Vocabulary.fit(movielens.events["item_id"].unique())
    rows = vocabulary.rows(movielens.events["item_id"].tolist())
    viewers = movielens.events["user_id"].astype("category").cat.codes.to_numpy().astype(np.int64)
    liking = watch_factors(len(fitted.facts), viewers, rows - NUM_RESERVED)
    vectors = np.zeros((vocabulary.num_rows, liking.shape[1]))
    vectors[NUM_RESERVED:] = liking / np.maximum(np.linalg.norm(liking, axis=1, keepdims=True), 1e-9)
    found = coherence(fitted.genres, vectors, np.random.default_rng(0))
    print(f"coherence: together z={found.together:.1f}, median z={found.median:.1f}, share of z>=5 {found.share:.2f}")
    assert found.together >= 5


def test_micro_genres_hold_as_much_of_the_next_title_as_plain_genres(movielens: Dataset, fitted: Fitted) -> None:
    events = movielens.events
    cut = events["ts_ms"].quantile(0.9)
    vocabulary = Vocabulary.fit(events["item_id"].unique())
    earlier, later = events[events["ts_ms"] <= cut], events[events["ts_ms"] > cut]
    first = later.drop_duplicates("user_id").set_index("user_id")["item_id"]
    known = {user: vocabulary.rows(group["item_id"].tolist()) for user, group in earlier.groupby("user_id")}
    people = [user for user in first.index if user in known][:800]
    histories = [known[user] for user in people]
    targets = vocabulary.rows(first[people].tolist())
    popularity = np.bincount(vocabulary.rows(earlier["item_id"].tolist()), minlength=vocabulary.num_rows) / len(earlier)
    micro = [fitted.genres.titles(g) for g in range(fitted.genres.num_genres)]
    labels = sorted({name for each in fitted.facts for name in each.genres})
    plain = [np.flatnonzero([name in each.genres for each in fitted.facts]) + NUM_RESERVED for name in labels]
    personal = next_watch_recall(micro, histories, targets, popularity)
    genre = next_watch_recall(plain, histories, targets, popularity)
    chance = next_watch_recall(micro, histories, targets, popularity, np.random.default_rng(0))
    print(
        f"next title in 5 rows of 10, {len(people)} viewers: "
        f"micro {personal:.3f}, plain {genre:.3f}, random {chance:.3f}"
    )
    assert personal > 3 * chance
    assert personal > genre - 0.03, "as good as plain genres, up to the error of 800 viewers"


def test_tags_held_out_are_found_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    dataset = read("ml-latest-small", "tags.csv", tmp_path_factory.mktemp("bad"))
    vocabulary = Vocabulary.fit(dataset.events["item_id"].unique())
    ids = vocabulary.ids(vocabulary.item_rows)
    tags = human_tags(data_home() / "ml-latest-small" / "tags.csv")
    names = [name for each in tags.values() for name in each]
    frequent = sorted(each for each in set(names) if names.count(each) >= LEAST_TAGGED and each != "in netflix queue")
    has_tag = np.array([[name in tags.get(item, ()) for name in frequent] for item in ids])
    rng = np.random.default_rng(0)
    is_hidden = (rng.random(has_tag.shape) < 0.2) & has_tag
    facts = title_facts(dataset, ids, {})
    viewers = dataset.events["user_id"].astype("category").cat.codes.to_numpy().astype(np.int64)
    titles = vocabulary.rows(dataset.events["item_id"].tolist()) - NUM_RESERVED
    features = title_features(facts, watch_factors(len(ids), viewers, titles))
    scores = relevance(features, has_tag & ~is_hidden)
    is_tagged = has_tag.any(axis=1)
    chosen = [t for t in range(len(frequent)) if is_hidden[:, t].any()]
    everyone = [auc(scores[is_hidden[:, t], t], scores[~has_tag[:, t], t]) for t in chosen]
    tagged = [auc(scores[is_hidden[:, t], t], scores[~has_tag[:, t] & is_tagged, t]) for t in chosen]
    print(f"{len(chosen)} tags: AUC {np.mean(everyone):.3f} among all titles, {np.mean(tagged):.3f} among tagged ones")
    assert np.mean(everyone) >= 0.8
