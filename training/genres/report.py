"""What micro-genres hold on a data set: do their titles belong together, do they hold what is watched next, and are
human tags found again that were held out?

Shapes: N titles, V viewers, T tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from towers.vocabulary import NUM_RESERVED, Vocabulary
from training.bag import BagConfig, autoencoder
from training.data.dataset import Dataset
from training.genres.facts import title_facts
from training.genres.fit import Fitted
from training.genres.judge import Coherence, coherence, next_watch_recall
from training.genres.relevance import auc, relevance, title_features, watch_factors

CUT: Final = 0.9
MOST_VIEWERS: Final = 800
LEAST_TAGGED: Final = 8
NEWEST: Final = 200
"""Titles of a history that say what comes next, each by one over its age."""

HELD_OUT: Final = 0.2


class Recalls(NamedTuple):
    """Share of the viewers whose next title stands in five rows: of micro-genres, of plain genres, of any names."""

    micro: float
    plain: float
    chance: float
    viewers: int


class TagsFound(NamedTuple):
    """Mean AUC of held-out tags among all titles, and among titles with some tag."""

    among_all: float
    among_tagged: float
    tags: int


def together(dataset: Dataset, fitted: Fitted) -> Coherence:
    """Likeness of the titles of a name in factors of who watched what."""
    vocabulary = Vocabulary.fit(dataset.events["item_id"].unique())
    liking = _liking(dataset, vocabulary)
    vectors = np.zeros((vocabulary.num_rows, liking.shape[1]))
    vectors[NUM_RESERVED:] = liking / np.maximum(np.linalg.norm(liking, axis=1, keepdims=True), 1e-9)
    return coherence(fitted.genres, vectors, np.random.default_rng(0))


def recalls(dataset: Dataset, fitted: Fitted) -> Recalls:
    """What viewers watch first in the newest tenth of the log, from what they watched before."""
    events = dataset.events
    cut = events["ts_ms"].quantile(CUT)
    vocabulary = Vocabulary.fit(events["item_id"].unique())
    earlier, later = events[events["ts_ms"] <= cut], events[events["ts_ms"] > cut]
    first = later.drop_duplicates("user_id").set_index("user_id")["item_id"]
    known = {user: vocabulary.rows(group["item_id"].tolist()) for user, group in earlier.groupby("user_id")}
    people = [user for user in first.index if user in known][:MOST_VIEWERS]
    histories, targets = [known[user] for user in people], vocabulary.rows(first[people].tolist())
    popularity = np.bincount(vocabulary.rows(earlier["item_id"].tolist()), minlength=vocabulary.num_rows) / len(earlier)
    likings = personal(histories, list(known.values()), vocabulary.num_rows)
    micro = [fitted.genres.titles(g) for g in range(fitted.genres.num_genres)]
    labels = sorted({name for each in fitted.facts for name in each.genres})
    plain = [np.flatnonzero([name in each.genres for each in fitted.facts]) + NUM_RESERVED for name in labels]
    asked = histories, targets, likings, popularity
    return Recalls(
        next_watch_recall(micro, *asked),
        next_watch_recall(plain, *asked),
        next_watch_recall(micro, *asked, np.random.default_rng(0)),
        len(people),
    )


def personal(
    histories: Sequence[NDArray[np.int64]], known: Sequence[NDArray[np.int64]], num_rows: int
) -> list[NDArray[np.float64]]:
    """How much each of the viewers V likes each title [R]: by a linear autoencoder over everybody `known`, newest
    titles first.
    """
    viewers = np.repeat(np.arange(len(known)), [len(each) for each in known])
    ones = np.ones(len(viewers), dtype=np.float32)
    choices = csr_array((ones, (viewers, np.concatenate(known))), shape=(len(known), num_rows))
    choices.data[:] = 1
    weights = autoencoder(choices, BagConfig()).weights
    return [1 / np.arange(1, len(each) + 1)[:NEWEST] @ weights[each[::-1][:NEWEST]] for each in histories]


def tags_found(dataset: Dataset, tags: Mapping[str, frozenset[str]]) -> TagsFound:
    """Human tags by item id, a fifth of them hidden and looked for by genres, period, fame and watching."""
    vocabulary = Vocabulary.fit(dataset.events["item_id"].unique())
    ids = vocabulary.ids(vocabulary.item_rows)
    names = [name for each in tags.values() for name in each]
    frequent = sorted(each for each in set(names) if names.count(each) >= LEAST_TAGGED and each != "in netflix queue")
    has_tag = np.array([[name in tags.get(item, ()) for name in frequent] for item in ids])
    is_hidden = (np.random.default_rng(0).random(has_tag.shape) < HELD_OUT) & has_tag
    scores = relevance(
        title_features(title_facts(dataset, ids, {}), _liking(dataset, vocabulary)), has_tag & ~is_hidden
    )
    is_tagged = has_tag.any(axis=1)
    chosen = [t for t in range(len(frequent)) if is_hidden[:, t].any()]
    everyone = [auc(scores[is_hidden[:, t], t], scores[~has_tag[:, t], t]) for t in chosen]
    tagged = [auc(scores[is_hidden[:, t], t], scores[~has_tag[:, t] & is_tagged, t]) for t in chosen]
    return TagsFound(float(np.mean(everyone)), float(np.mean(tagged)), len(chosen))


def _liking(dataset: Dataset, vocabulary: Vocabulary) -> NDArray[np.float64]:
    """Factors [N, F] of who watched what."""
    viewers = dataset.events["user_id"].astype("category").cat.codes.to_numpy().astype(np.int64)
    titles = vocabulary.rows(dataset.events["item_id"].tolist()) - NUM_RESERVED
    return watch_factors(len(vocabulary.encoded), viewers, titles)
