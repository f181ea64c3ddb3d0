"""How a viewer watches, in figures and plain words; a habit is told where events, and not a guess, set it apart.

Shapes: W watched titles.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ranking.habits import FEW, HABITS, Habits
from ranking.watching import Watching
from serving.page.habits import HabitReader
from serving.page.messages import ProfileResponse, Share
from serving.page.parts import PageParts
from serving.page.viewers import LiveViewer

APART: Final = 0.5
"""Standard deviations from everybody's share from which a habit is one's own."""

MOST_GENRES: Final = 8
MAINLY: Final = 0.4

PARTS_OF_DAY: Final = (("in the morning", 5, 12), ("in the afternoon", 12, 18), ("in the evening", 18, 23))

SENTENCES: Final = {
    "continues": ("Goes on with a title more often than most", "Begins something new more often than most"),
    "binge": ("Watches several episodes in a row more often than most", "Watches one thing at a time more than most"),
    "next_episode": (
        "Lets the next episode follow more often than most",
        "Stops after an episode more often than most",
    ),
    "short_form": ("Watches short titles more than most", "Watches longer titles than most"),
    "completion": ("Finishes more of what is begun than most", "Leaves more unfinished than most"),
    "pauses": ("Pauses more often than most", "Pauses less often than most"),
    "exploration": ("Tries new genres more than most", "Stays with the same genres more than most"),
    "together": ("Watches in company more than most", "Watches alone more than most"),
}


def profile(
    user_id: str, live: LiveViewer, hidden: NDArray[np.int64], reader: HabitReader, parts: PageParts
) -> ProfileResponse:
    """The profile of a viewer with these live events; titles of the `hidden` rows never happened."""
    watching, habits = reader.watching(user_id, live, hidden), reader.habits(user_id, live, hidden)
    genres = _genres(watching, parts)
    has_hours, has_devices = (watching.hours >= 0).any(), (watching.devices >= 0).any()
    names = reader.device_names
    shares = {name: _known(habits.share_of(name)) for name in HABITS}
    return ProfileResponse(
        user_id=user_id,
        words=in_words(habits, watching, names, genres),
        num_events=len(watching.rows),
        **shares,
        usual=_shares({name: _known(reader.everybody.share_of(name)) or 0.0 for name in HABITS}),
        hours=np.round(habits.hours, 4).tolist() if has_hours and parts.bundle.spec.has_clock else [],
        devices=_shares(dict(zip(names, habits.devices.tolist(), strict=True))) if has_devices else [],
        genres=_shares(genres),
    )


def in_words(habits: Habits, watching: Watching, device_names: tuple[str, ...], genres: dict[str, float]) -> list[str]:
    """The profile as sentences, of what the viewer's own events tell."""
    words = [_hours_in_words(habits, watching), _genres_in_words(genres)]
    words += [_said(habits, name) for name in HABITS]
    if (watching.devices >= 0).sum() >= FEW:
        words.append(f"Uses the {device_names[int(habits.devices.argmax())]} most")
    return [each for each in words if each] or ["Nothing is known yet"]


def _said(habits: Habits, name: str) -> str:
    """One of two sentences; none where the viewer is like most, or little known."""
    lean = habits.lean_of(name)
    if habits.num_of(name) < FEW or abs(lean) < APART:
        return ""
    return SENTENCES[name][0 if lean > 0 else 1]


def _genres(watching: Watching, parts: PageParts) -> dict[str, float]:
    labels = parts.bundle.catalogue.genre_labels
    counts = Counter(name for row in watching.rows.tolist() if row < len(labels) for name in labels[row])
    return {name: count / counts.total() for name, count in counts.most_common(MOST_GENRES)}


def _hours_in_words(habits: Habits, watching: Watching) -> str:
    if (watching.hours >= 0).sum() < FEW or not habits.hours.any():
        return ""
    shares = {words: float(habits.hours[start:end].sum()) for words, start, end in PARTS_OF_DAY}
    shares["at night"] = 1 - sum(shares.values())
    best = max(shares, key=lambda words: shares[words])
    return f"Mostly watches {best}" if shares[best] > MAINLY else "Watches at all hours"


def _genres_in_words(genres: dict[str, float]) -> str:
    names = list(genres)[:3]
    return "" if not names else f"Watches {', '.join(names[:-1])}{' and ' if len(names) > 1 else ''}{names[-1]} most"


def _shares(values: dict[str, float]) -> list[Share]:
    return [Share(name, round(value, 4)) for name, value in sorted(values.items(), key=lambda each: -each[1])]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
