"""Finds the names worth a row: combinations of tags whose titles belong together more than chance would have it.

Shapes: N titles, T tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranking.title_tags import Tag, TitleFacts
from training.genres.lexicon import MOST_OF_A_SLOT, MOST_TAGS, Lexicon, follows

LEAST_STEP: Final = 1.05
"""A further tag must gather titles more densely than chance."""


@dataclass(frozen=True)
class ComposeConfig:
    """Names of `min_size` to `max_size` titles and a lift over `min_lift`; of two that name nearly the same titles
    (`same` of their union) the shorter stays. `most` bounds the names of one to four tags.
    """

    min_size: int = 10
    max_size: int = 400
    min_lift: float = 1.5
    same: float = 0.8
    most: tuple[int, ...] = (400, 1500, 1500, 600)
    min_person: int = 8


class Carried(NamedTuple):
    """is_carried: bool [N, T], who carries what. percentile: float32 [N, T], how strongly among all titles.
    least: float64 [T], the score from which a tag is carried; infinite where nobody carries it.
    """

    is_carried: NDArray[np.bool_]
    percentile: NDArray[np.float32]
    least: NDArray[np.float64]


class Composed(NamedTuple):
    """One name: places of its tags, its titles [n] best first with strengths [n], and its lift."""

    tags: tuple[int, ...]
    titles: NDArray[np.int64]
    strengths: NDArray[np.float32]
    lift: float


def carried(tags: Sequence[Tag], facts: Sequence[TitleFacts]) -> Carried:
    """A title carries a tag when it shows it and stands in the tag's `share` of the highest scores."""
    scores = np.array([[tag.score(each) for tag in tags] for each in facts], dtype=np.float32)
    order = np.sort(scores, axis=0)
    below = np.stack([np.searchsorted(order[:, t], scores[:, t], "left") for t in range(len(tags))], axis=1)
    upto = np.stack([np.searchsorted(order[:, t], scores[:, t], "right") for t in range(len(tags))], axis=1)
    is_graded = np.array([tag.words is not None or tag.measure is not None for tag in tags])
    share = np.array([tag.share for tag in tags])
    is_high = ~is_graded | (below / len(facts) >= 1 - share) | (scores >= scores.max(axis=0))
    is_carried = (scores > 0) & is_high
    least = np.where(is_carried, scores, np.inf).min(axis=0).astype(np.float64)
    return Carried(is_carried, ((below + upto) / 2 / len(facts)).astype(np.float32), least)


def compose(lexicon: Lexicon, found: Carried, config: ComposeConfig) -> list[Composed]:
    """All names kept, short ones first."""
    sizes = found.is_carried.sum(axis=0)
    level: list[tuple[int, ...]] = [(t,) for t in np.flatnonzero(sizes >= config.min_size).tolist()]
    kept, fits = list[Composed](), _pairs_that_fit(lexicon)
    for depth in range(MOST_TAGS):
        rows = [each for each in (_composed(tags, found, config) for tags in level) if each is not None]
        rows.sort(key=lambda each: (-each.lift * np.sqrt(len(each.titles)), each.tags))
        kept += _distinct(rows, kept, len(found.is_carried), config, config.most[depth])
        if depth + 1 < MOST_TAGS:
            level = list(_extended(lexicon, level, found, fits, config, 4 * config.most[depth + 1]))
    return kept


def people_of(names: Sequence[Sequence[str]], least: int) -> Iterator[str]:
    """Those with at least `least` titles, as the catalogue writes them."""
    written: dict[str, str] = {}
    counts: dict[str, int] = {}
    for each in names:
        for name in set(each):
            written.setdefault(name.lower(), name)
            counts[name.lower()] = counts.get(name.lower(), 0) + 1
    return (written[key] for key in sorted(counts) if counts[key] >= least)


def _composed(tags: tuple[int, ...], found: Carried, config: ComposeConfig) -> Composed | None:
    places = np.array(tags)
    titles = np.flatnonzero(found.is_carried[:, places].all(axis=1))
    if not config.min_size <= len(titles) <= config.max_size:
        return None
    strength = np.exp(np.log(np.maximum(found.percentile[titles][:, places], 1e-6)).mean(axis=1))
    order = np.argsort(-strength, kind="stable")
    lift = _lift(len(titles), found.is_carried, places)
    if len(tags) > 1 and lift <= config.min_lift:
        return None
    return Composed(tags, titles[order].astype(np.int64), strength[order].astype(np.float32), lift)


def _lift(size: int, is_carried: NDArray[np.bool_], places: NDArray[np.int64]) -> float:
    """Size over what it would be if the tags had nothing to do with each other."""
    return float(size / len(is_carried) / np.prod(is_carried[:, places].mean(axis=0)))


def _extended(
    lexicon: Lexicon,
    level: Sequence[tuple[int, ...]],
    found: Carried,
    fits: NDArray[np.bool_],
    config: ComposeConfig,
    most: int,
) -> Iterator[tuple[int, ...]]:
    """Combinations of one tag more that keep enough titles; the densest `most` of them."""
    members = found.is_carried
    share = members.mean(axis=0)
    longer: list[tuple[float, tuple[int, ...]]] = []
    for tags in level:
        inside = np.flatnonzero(members[:, np.array(tags)].all(axis=1))
        sizes, size = members[inside].sum(axis=0), max(len(inside), 1)
        can = (sizes >= config.min_size) & (np.arange(len(share)) > tags[-1]) & fits[:, np.array(tags)].all(axis=1)
        later = np.flatnonzero(can)
        for t in later.tolist():
            step = float(sizes[t]) / size / float(share[t])
            if step > LEAST_STEP and _has_room((*tags, t), lexicon):
                longer.append((step * float(np.sqrt(sizes[t])), (*tags, t)))
    longer.sort(key=lambda each: (-each[0], each[1]))
    return (tags for _, tags in longer[:most])


def _has_room(tags: tuple[int, ...], lexicon: Lexicon) -> bool:
    """Whether no slot holds too many; pairs are known to fit."""
    slots = [lexicon.tags[t].slot for t in tags]
    return all(slots.count(slot) <= MOST_OF_A_SLOT.get(slot, 1) for slot in slots)


def _pairs_that_fit(lexicon: Lexicon) -> NDArray[np.bool_]:
    """Which tags may stand in one name as far as two of them say [T, T]."""
    count = len(lexicon.tags)
    fits = np.zeros((count, count), dtype=np.bool_)
    for a, b in combinations(range(count), 2):
        if lexicon.tags[a].slot == lexicon.tags[b].slot != "adjective":
            continue
        fits[a, b] = fits[b, a] = follows((lexicon.tags[a], lexicon.tags[b]))
    return fits


def _distinct(
    rows: Sequence[Composed], kept: Sequence[Composed], num_titles: int, config: ComposeConfig, most: int
) -> list[Composed]:
    """Rows that name other titles than the names kept so far, which are as short or shorter."""
    sets = np.zeros((len(kept) + len(rows), num_titles), dtype=np.float32)
    for r, row in enumerate(kept):
        sets[r, row.titles] = 1
    count, chosen = len(kept), []
    sizes = sets.sum(axis=1)
    for row in rows:
        common = sets[:count, row.titles].sum(axis=1)
        union = sizes[:count] + len(row.titles) - common
        if np.any(common > config.same * union):
            continue
        sets[count, row.titles], sizes[count] = 1, len(row.titles)
        count += 1
        chosen.append(row)
        if len(chosen) == most:
            break
    return chosen
