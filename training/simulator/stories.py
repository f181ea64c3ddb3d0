"""What the catalogue says of its titles: invented names, synopses in several framings, tags and people.

Shapes: N titles, T topics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from training.simulator.lexicon import (
    ADJECTIVES,
    FIRST_NAMES,
    GENRES,
    LAST_NAMES,
    MATURITY,
    NOUNS,
    NUM_TOPICS,
    PLACES,
    REGIONS,
)
from training.simulator.titles import Titles
from training.simulator.world import DAY_MS, START_MS, World, item_ids

NUM_TAGS: Final = 5
PEOPLE_A_TOPIC: Final = 12
FRAMINGS: Final = ("plot", "mood", "people")
"""Column `framing_*` of the catalogue: the same title told by its story, its mood, or those in it."""

_MOODS: Final = (
    (0.75, ("unsettling", "merciless", "pitch-black")),
    (0.45, ("tense", "bittersweet", "slow-burning")),
    (0.0, ("warm", "light-hearted", "gentle")),
)


@dataclass(frozen=True)
class Story:
    """The words about one title; `framings` in the order of `FRAMINGS`."""

    title: str
    people: tuple[str, ...]
    tags: tuple[str, ...]
    framings: tuple[str, ...]


def make_stories(titles: Titles, rng: np.random.Generator) -> list[Story]:
    """A story for each title [N], after its topics; names do not repeat."""
    names = _names(titles.num_titles, rng)
    cast = _casts(rng)
    return [_story(titles, n, name, cast, rng) for n, name in enumerate(names)]


def catalogue_table(world: World) -> pa.Table:
    """What a service knows of its titles; no truth but the words."""
    titles = world.titles
    stories = make_stories(titles, np.random.default_rng([world.config.version, world.seed, 1]))
    released_ms = START_MS + titles.release_day * DAY_MS
    return pa.table(
        {
            "item_id": item_ids(titles.num_titles),
            "title": [story.title for story in stories],
            "genres": [[GENRES[t].name for t in np.flatnonzero(row)] for row in titles.labels],
            "people": [list(story.people) for story in stories],
            "text": [f"{story.framings[0]} {' '.join(story.tags)}" for story in stories],
            "tags": [list(story.tags) for story in stories],
            **{f"framing_{name}": [story.framings[f] for story in stories] for f, name in enumerate(FRAMINGS)},
            "maturity": [MATURITY[level] for level in titles.maturity],
            "release_date": pa.array(released_ms, pa.int64()).cast(pa.timestamp("ms")),
            "kind": np.where(titles.is_series, "series", "film").tolist(),
            "minutes": titles.minutes.astype(np.int64),
            "num_seasons": titles.num_seasons,
            "num_episodes": titles.num_episodes,
            "region": [REGIONS[place] for place in titles.region],
            "images": [[f"{n}: {GENRES[t].name}" for n, t in enumerate(row)] for row in titles.image_topics],
        }
    )


def _names(count: int, rng: np.random.Generator) -> list[str]:
    """Distinct invented names of four patterns; numbers make up for what the patterns lack."""
    found: dict[str, None] = {}
    tries = 0
    while len(found) < count:
        tries += 1
        name = _name(rng)
        found[name if tries < 4 * count else f"{name} {tries - 4 * count + 2}"] = None
    return list(found)


def _name(rng: np.random.Generator) -> str:
    adjective, noun, place, person = (str(rng.choice(words)) for words in (ADJECTIVES, NOUNS, PLACES, FIRST_NAMES))
    patterns = (f"The {adjective} {noun}", f"{noun} of {place}", f"{person} and the {noun}", f"{adjective} {place}")
    return patterns[int(rng.choice(4, p=(0.4, 0.25, 0.2, 0.15)))]


def _casts(rng: np.random.Generator) -> list[list[str]]:
    """Those who work in each topic; some work in several."""
    everybody = [f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES]
    return [
        [everybody[p] for p in rng.choice(len(everybody), PEOPLE_A_TOPIC, replace=False)] for _ in range(NUM_TOPICS)
    ]


def _story(titles: Titles, n: int, name: str, cast: list[list[str]], rng: np.random.Generator) -> Story:
    topics = _drawn(titles.topics[n], NUM_TAGS, rng)
    tags = tuple(dict.fromkeys(str(rng.choice(GENRES[t].tags)) for t in topics))
    people = tuple(dict.fromkeys(str(rng.choice(cast[t])) for t in topics[:3]))
    hero, place = rng.choice(FIRST_NAMES), rng.choice(PLACES)
    main, other = GENRES[topics[0]], GENRES[topics[-1]]
    things = [str(rng.choice(genre.things)) for genre in (main, other)]
    dark = float(titles.topics[n] @ np.array([genre.dark for genre in GENRES]))
    mood = str(rng.choice(next(words for least, words in _MOODS if dark >= least)))
    form = "series" if titles.is_series[n] else "film"
    plot = f"In {place}, {hero} comes upon {things[0]}, and {things[1]} changes everything."
    feeling = f"A {mood} {form} of {tags[0]} and {tags[-1]}."
    who = f"{' and '.join(people[:2])} in a {mood} {main.name.lower()} {form}."
    return Story(name, people, tags, (plot, feeling, who))


def _drawn(share: NDArray[np.float32], count: int, rng: np.random.Generator) -> list[int]:
    """Topics in proportion to their share of the title, one in ten by chance."""
    weights = 0.9 * share.astype(np.float64) / share.sum() + 0.1 / len(share)
    return [int(topic) for topic in rng.choice(len(share), count, p=weights / weights.sum())]
