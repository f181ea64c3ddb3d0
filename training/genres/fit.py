"""From a catalogue and its ratings to the micro-genres of a bundle.

Shapes: N titles.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ranking.micro_genres import MicroGenres
from ranking.title_tags import GenreRules, Rule, TitleFacts
from towers.vocabulary import NUM_RESERVED, Vocabulary
from training.data.dataset import Dataset
from training.errors import UsageError
from training.genres.compose import Carried, ComposeConfig, carried, compose, people_of
from training.genres.facts import human_tags, title_facts, tmdb_keywords
from training.genres.lexicon import Lexicon

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GenresConfig:
    """`lexicon`: a file of one's own. `keywords`: tmdb_5000_movies.csv, joined by title and year. `tags`: tags.csv of
    MovieLens, by item id. A catalogue's own column `tags` is read in any case.
    """

    lexicon: str | None = None
    keywords: str | None = None
    tags: str | None = None
    compose: ComposeConfig = field(default_factory=ComposeConfig)


@dataclass(frozen=True, eq=False)
class Fitted:
    """Micro-genres with what they were made of: tags by place, facts and memberships of the titles [N]."""

    genres: MicroGenres
    lexicon: Lexicon
    combinations: tuple[tuple[int, ...], ...]
    facts: Sequence[TitleFacts]
    carried: Carried

    @property
    def rules(self) -> GenreRules:
        """What later titles must show to stand in each micro-genre."""
        tags, least = self.lexicon.tags, self.carried.least.tolist()
        used = sorted({tag for needs in self.combinations for tag in needs})
        place = {tag: n for n, tag in enumerate(used)}
        rules = [Rule.of(tags[tag], least[tag]) for tag in used]
        return GenreRules(rules, [[place[tag] for tag in needs] for needs in self.combinations])


def fit_genres(config: GenresConfig, dataset: Dataset, vocabulary: Vocabulary) -> Fitted:
    """The micro-genres of the vocabulary's titles; an empty set where nothing is known of them."""
    ids = vocabulary.ids(vocabulary.item_rows)
    facts = title_facts(dataset, ids, keywords_of(config))
    lexicon = Lexicon.load(None if config.lexicon is None else _file(config.lexicon, "genres.lexicon"))
    lexicon = lexicon.with_people(people_of(_people(dataset, ids), config.compose.min_person))
    found = carried(lexicon.tags, facts)
    composed = compose(lexicon, found, config.compose)
    genres = MicroGenres.of(
        [lexicon.name(tuple(lexicon.tags[t] for t in each.tags)) for each in composed],
        [[lexicon.tags[t].form for t in each.tags] for each in composed],
        [each.titles + NUM_RESERVED for each in composed],
        [each.strengths for each in composed],
        vocabulary.num_rows,
    )
    logger.info("micro-genres: %d over %d titles", genres.num_genres, len(ids))
    return Fitted(genres, lexicon, tuple(each.tags for each in composed), facts, found)


def keywords_of(config: GenresConfig) -> dict[str, frozenset[str]]:
    """Keywords by title or item id, of all the files named."""
    found: dict[str, frozenset[str]] = {}
    if config.keywords is not None:
        found |= tmdb_keywords(_file(config.keywords, "genres.keywords"))
    if config.tags is not None:
        found |= human_tags(_file(config.tags, "genres.tags"))
    return found


def coverage(genres: MicroGenres, least: int = 3) -> float:
    """Share of the titles that stand in `least` micro-genres or more."""
    counts = np.bincount(genres.rows, minlength=genres.num_rows)[NUM_RESERVED:]
    return float((counts >= least).mean()) if len(counts) else 0.0


def _people(dataset: Dataset, ids: Sequence[str]) -> list[list[str]]:
    if dataset.items is None or "people" not in dataset.items:
        return []
    by_id: Mapping[str, object] = dict(zip(dataset.items["item_id"], dataset.items["people"], strict=True))
    listed = (by_id.get(item) for item in ids)
    return [[str(name) for name in each] for each in listed if isinstance(each, list | tuple | np.ndarray)]


def _file(path: str, key: str) -> Path:
    file = Path(path).expanduser()
    if not file.is_file():
        raise UsageError(f"{key}: there is no file {file}")
    return file
