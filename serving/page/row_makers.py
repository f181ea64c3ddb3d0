"""Makes the row candidates of a request: each template says which titles of the pool, in what order, and why.

Shapes: P titles of the pool, L titles of a row, G micro-genres, H history.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ranking.habits import FEW, SHORT_MINUTES
from serving.items import ItemTable
from serving.page.candidates import RowCandidate
from serving.page.moment import DAY_MS, GOOD, RECENT, Moment, weights_of
from serving.page.parts import PageParts
from serving.page.pool import Pool
from towers.history import Action, History

NEW_MS: Final = 60 * DAY_MS

NUM_ANCHORS: Final = 4
MAX_LENGTH: Final = 32
"""Titles of a candidate; the page shows fewer, since some will stand above."""

NUM_GENRES: Final = 18

LEAST_LIKENESS: Final = 0.25
PULL: Final = 0.15
"""How much a title that was just watched and liked lifts the row of what is close to it."""

OWN_HABIT: Final = 0.5
"""Standard deviations from what everybody does from which a habit has a row of its own."""

HABIT_PULL: Final = 0.08
"""How much each of them lifts that row."""

HABITUAL: Final = {
    "short_form": ("short_titles", "Under Half an Hour", "You often choose short titles"),
    "binge": ("series_in_a_row", "Series to Stay With", "You often watch several episodes in a row"),
}
"""Template, title and reason of the row for a habit."""


class RowMaker:
    """All candidates over one pool."""

    def __init__(self, parts: PageParts, items: ItemTable, pool: Pool, moment: Moment) -> None:
        self._parts = parts
        self._items = items
        self._pool = pool
        self._moment = moment
        self._fresh = np.flatnonzero(~np.isin(pool.rows, moment.seen))

    def candidates(self, is_personal: bool) -> list[RowCandidate]:
        """Every row that has a title at all."""
        makers = [self._continue_watching(), self._top_picks(is_personal), self._trending()]
        rows = [row for row in makers if row is not None]
        if is_personal:
            rows += self._because_you_watched()
            rows += self._habitual()
        rows += self._micro_genres(is_personal)
        others = [self._new_releases(), self._my_list(), self._like_you(), self._popular(), self._watch_again()]
        return [row for row in [*rows, *others] if row is not None and len(row.places)]

    def _row(
        self, row_id: str, template: str, words: tuple[str, str], places: NDArray[np.int64], worth: NDArray[np.float64]
    ) -> RowCandidate:
        """Titles by worth, best first, no more than `MAX_LENGTH`."""
        order = np.argsort(-worth, kind="stable")[:MAX_LENGTH]
        return RowCandidate(row_id, template, words[0], words[1], places[order], worth[order])

    def _top_picks(self, is_personal: bool) -> RowCandidate:
        words = ("Top Picks for You", "What you are most likely to enjoy now")
        if not is_personal:
            words = ("Top Picks", "What most viewers enjoy at this hour")
        return self._row("top_picks", "top_picks", words, self._fresh, self._pool.appeal[self._fresh])

    def _continue_watching(self) -> RowCandidate | None:
        places = self._pool.places(self._moment.resumed)
        if len(places) == 0:
            return None
        pull = math.exp(HABIT_PULL * np.clip(self._moment.habits.lean_of("continues"), -2, 2))
        worth = np.asarray(0.95 * pull * 0.9 ** np.arange(len(places)), dtype=np.float64)
        words = ("Continue Watching", "You have begun these")
        return RowCandidate("continue_watching", "continue_watching", *words, places[:MAX_LENGTH], worth[:MAX_LENGTH])

    def _trending(self) -> RowCandidate | None:
        """Titles whose recent share has risen, in personal order."""
        if self._moment.trending is None:
            return None
        heat = _at(self._moment.trending, self._pool.rows[self._fresh])
        hot = np.argsort(-heat, kind="stable")[:MAX_LENGTH]
        hot = hot[heat[hot] > 0]
        places = self._fresh[hot]
        worth = self._pool.appeal[places] * (0.9 + 0.3 * heat[hot] / max(float(heat.max(initial=0)), 1e-9))
        return self._row(
            "trending_now", "trending_now", ("Trending Now", "Watched more than usual today"), places, worth
        )

    def _because_you_watched(self) -> Iterator[RowCandidate]:
        """One candidate for each of the newest liked titles: what is nearest to it."""
        history = self._moment.history
        weights = weights_of(history)
        liked = np.flatnonzero(np.isin(history.actions, GOOD) & self._items.has_vector(history.rows))
        anchors = dict.fromkeys(history.rows[liked][::-1].tolist())
        chosen = list(anchors)[:NUM_ANCHORS]
        if not chosen:
            return
        likeness = np.clip(self._items.vectors(np.array(chosen)) @ self._pool.vectors[self._fresh].T, 0, 1).astype(
            np.float64
        )
        nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :MAX_LENGTH]
        titles = self._parts.catalogue.titles(np.array(chosen))
        for number, (row, title) in enumerate(zip(chosen, titles, strict=True)):
            near = nearest[number][likeness[number, nearest[number]] > LEAST_LIKENESS]
            places = self._fresh[near]
            liking = min(max(float(weights[history.rows == row].max(initial=0)), 0.0), 1.5)
            pull = 1 + PULL * liking * 0.9**number
            worth = self._pool.appeal[places] * (0.6 + 0.4 * likeness[number, near]) * pull
            verb = "watched" if _is_watched(history, row) else "like"
            words = (f"Because You {verb.title()} {title}", f"Close to {title}, which you {verb}")
            yield self._row(f"because_you_watched:{self._item(row)}", "because_you_watched", words, places, worth)

    def _habitual(self) -> Iterator[RowCandidate]:
        """Titles for how the viewer watches, where that is another way than most."""
        rows, habits = self._pool.rows[self._fresh], self._moment.habits
        fits = {
            "short_form": _at(self._parts.lengths, rows, np.nan) <= SHORT_MINUTES,
            "binge": _at(self._parts.is_series, rows) > 0,
        }
        for habit, (template, *words) in HABITUAL.items():
            lean = habits.lean_of(habit)
            if lean >= OWN_HABIT and habits.num_of(habit) >= FEW:
                places = self._fresh[fits[habit]]
                worth = self._pool.appeal[places] * math.exp(HABIT_PULL * min(lean, 2.0))
                yield self._row(template, template, (words[0], words[1]), places, worth)

    def _micro_genres(self, is_personal: bool) -> Iterator[RowCandidate]:
        """The genres that hold much of what appeals, the viewer's own the more."""
        genres = self._parts.genres
        if genres is None or genres.num_genres == 0 or len(self._fresh) == 0:
            return
        place, genre, strength = genres.pairs(self._pool.rows[self._fresh])
        appeal = self._pool.appeal[self._fresh]
        counts = np.bincount(genre, minlength=genres.num_genres)
        appealing = np.bincount(genre, appeal[place] ** 2, genres.num_genres)
        history = self._moment.history.last(RECENT)
        own = history.rows < genres.num_rows
        rows, weights = history.rows[own], weights_of(history)[own]
        affinity = genres.affinity(rows, weights, self._parts.base) if is_personal else np.zeros(genres.num_genres)
        value = np.sqrt(appealing / (counts + 6)) * np.exp(0.35 * np.clip(affinity, -2, 2)) * (counts >= 6)
        watched = np.bincount(genres.pairs(rows)[1], minlength=genres.num_genres)
        best = np.argpartition(-value, min(NUM_GENRES, len(value) - 1))[:NUM_GENRES]
        best = best[np.argsort(-value[best], kind="stable")]
        for g, places, strengths in _split(best[value[best] > 0], place, genre, strength):
            pull = math.exp(0.08 * min(max(float(affinity[g]), -2.0), 2.0))
            worth = appeal[places] * (0.85 + 0.15 * strengths) * pull
            reason = _genre_reason(int(watched[g]), len(rows), len(places))
            words = (genres.names[g], reason)
            yield self._row(f"micro_genre:{genres.slugs[g]}", "micro_genre", words, self._fresh[places], worth)

    def _new_releases(self) -> RowCandidate | None:
        released = _at(self._parts.releases, self._pool.rows[self._fresh], np.nan)
        age = self._moment.ts_ms - released
        places = self._fresh[(age >= 0) & (age < NEW_MS)]
        return self._row("new_releases", "new_releases", ("New Releases", "Came within the last two months"), places,
                         1.05 * self._pool.appeal[places])  # fmt: skip

    def _my_list(self) -> RowCandidate | None:
        places = self._pool.places(self._moment.listed)
        return self._row("my_list", "my_list", ("My List", "You put these aside"), places,
                         np.minimum(0.3 + self._pool.appeal[places], 1))  # fmt: skip

    def _like_you(self) -> RowCandidate | None:
        """What viewers of the same kind choose more than others do."""
        if self._moment.like_you is None:
            return None
        rows = self._pool.rows[self._fresh]
        theirs = _at(self._moment.like_you, rows)
        lift = theirs / (_at(self._moment.popularity, rows) + 1e-4)
        top = np.argsort(-(np.sqrt(theirs) * np.minimum(lift, 4)), kind="stable")[:MAX_LENGTH]
        top = top[theirs[top] > 0]
        words = ("Popular with Viewers Like You", "Chosen by viewers with a similar history")
        return self._row("like_you", "like_you", words, self._fresh[top], self._pool.appeal[self._fresh[top]])

    def _popular(self) -> RowCandidate:
        """What most viewers choose, for those of whom little is known."""
        share = _at(self._moment.popularity, self._pool.rows[self._fresh])
        top = self._fresh[np.argsort(-share, kind="stable")[:MAX_LENGTH]]
        return self._row("popular", "popular", ("Popular", "Chosen most of late"), top, 0.95 * self._pool.appeal[top])

    def _watch_again(self) -> RowCandidate | None:
        places = self._pool.places(self._moment.again)
        return self._row("watch_again", "watch_again", ("Watch Again", "You liked these"), places,
                         np.asarray(0.35 * 0.95 ** np.arange(len(places)), dtype=np.float64))  # fmt: skip

    def _item(self, row: int) -> str:
        return self._items.ids(np.array([row]))[0]


def _split(
    chosen: NDArray[np.int64], place: NDArray[np.int64], genre: NDArray[np.int64], strength: NDArray[np.float32]
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float32]]]:
    """The memberships of each chosen genre: its number, places and strengths of its titles."""
    turn = np.full(int(genre.max(initial=0)) + 1, -1)
    turn[chosen] = np.arange(len(chosen))
    order = np.flatnonzero(turn[genre] >= 0)
    order = order[np.argsort(turn[genre[order]], kind="stable")]
    ends = np.cumsum(np.bincount(turn[genre[order]], minlength=len(chosen)))
    for g, start, end in zip(chosen.tolist(), [0, *ends.tolist()], ends.tolist(), strict=False):
        yield g, place[order[start:end]], strength[order[start:end]]


def _genre_reason(watched: int, recent: int, found: int) -> str:
    if watched > 1 and recent:
        return f"{watched} of your last {recent} titles are of this kind"
    return f"{found} titles of this kind suit you now"


def _at(values: NDArray[np.float64], rows: NDArray[np.int64], default: float = 0.0) -> NDArray[np.float64]:
    """Values of the rows; the default behind the end."""
    found: NDArray[np.float64] = values[np.minimum(rows, len(values) - 1)]
    return np.where(rows < len(values), found, default)


def _is_watched(history: History, row: int) -> bool:
    """Whether the viewer did more with the title than say that it is liked, as newcomers do of what they know."""
    of_title = history.rows == row
    return bool(np.any((history.actions[of_title] != Action.LIKED) | (history.shares[of_title] > 0)))
