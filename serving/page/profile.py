"""How a viewer watches, from events alone and in plain words: sittings, lengths, hours, pauses, company, devices.

Shapes: H history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.events import Event
from serving.page.messages import ProfileResponse, Share
from serving.page.parts import PageParts
from towers.history import Action, History
from towers.schema import TARGET_EVENTS, EventType

SITTING_MS: Final = 3 * 3_600_000
"""Events further apart belong to different sittings."""

SHORT_MINUTES: Final = 30
BINGE: Final = 3
MEMORY: Final = 20
FEW: Final = 3

PARTS_OF_DAY: Final = (("in the morning", 5, 12), ("in the afternoon", 12, 18), ("in the evening", 18, 23))
WATCHING: Final = TARGET_EVENTS | {EventType.RESUME, EventType.NEXT_EPISODE_AUTO}


@dataclass(frozen=True, eq=False)
class Behaviour:
    """Figures of one viewer; None where the events say nothing."""

    binge: float | None
    short_form: float | None
    pauses_per_play: float | None
    completion: float | None
    exploration: float | None
    together: float | None
    hours: NDArray[np.float64] | None
    devices: dict[str, float]
    genres: dict[str, float]


def profile(user_id: str, history: History, events: Sequence[Event], parts: PageParts) -> ProfileResponse:
    """The profile of a viewer with this history and these live events."""
    behaviour = behaviour_of(history, events, parts)
    hours = [] if behaviour.hours is None else [round(each, 4) for each in behaviour.hours.tolist()]
    return ProfileResponse(
        user_id=user_id,
        words=in_words(behaviour),
        num_events=len(history.rows),
        binge=_rounded(behaviour.binge),
        short_form=_rounded(behaviour.short_form),
        pauses_per_play=_rounded(behaviour.pauses_per_play),
        completion=_rounded(behaviour.completion),
        exploration=_rounded(behaviour.exploration),
        together=_rounded(behaviour.together),
        hours=hours,
        devices=_shares(behaviour.devices),
        genres=_shares(behaviour.genres),
    )


def behaviour_of(history: History, events: Sequence[Event], parts: PageParts) -> Behaviour:
    """Figures from the history and the live events."""
    watched = History._make(array[history.actions != Action.LISTED] for array in history)
    plays = [event for event in events if event.event in WATCHING]
    companions = [each for each in (_companions(event) for event in events) if each]
    devices = Counter(event.device for event in plays if event.device)
    shares = watched.shares[watched.shares > 0]
    return Behaviour(
        binge=_binge(watched, plays, parts),
        short_form=_short_form(watched, parts),
        pauses_per_play=_pauses(plays, events),
        completion=float(np.clip((shares - 0.5) / 10, 0, 1).mean()) if len(shares) >= FEW else None,
        exploration=_exploration(watched, parts),
        together=sum(each != "alone" for each in companions) / len(companions) if companions else None,
        hours=_hours(watched, events, parts),
        devices={name: count / devices.total() for name, count in devices.items()},
        genres=_genres(watched, parts),
    )


def in_words(behaviour: Behaviour) -> list[str]:
    """The profile as sentences, of what is known alone."""
    words = [_hours_in_words(behaviour.hours), _genres_in_words(behaviour.genres)]
    words.append(_said(behaviour.binge, "Watches several episodes in a row", "Watches one thing at a time", 0.3))
    words.append(_said(behaviour.short_form, "Prefers short things", "Prefers full-length titles", 0.5))
    words.append(_said(behaviour.completion, "Finishes most of what is begun", "Leaves much unfinished", 0.6))
    words.append(_said(behaviour.pauses_per_play, "Pauses often", "Seldom pauses", 0.5))
    words.append(_said(behaviour.exploration, "Likes to try new genres", "Stays with the same genres", 0.25))
    words.append(_said(behaviour.together, "Mostly watches with others", "Mostly watches alone", 0.5))
    if behaviour.devices:
        words.append(f"Uses the {max(behaviour.devices, key=lambda name: behaviour.devices[name])} most")
    return [each for each in words if each] or ["Nothing is known yet"]


def _binge(watched: History, plays: Sequence[Event], parts: PageParts) -> float | None:
    """Share of the sittings with three or more episodes."""
    kinds = parts.titles.kind
    times = [(int(ts), int(row)) for ts, row in zip(watched.ts_ms, watched.rows, strict=True)]
    known = {(event.ts_ms, event.item_id) for event in plays if event.event != EventType.PLAY}
    rows = parts.bundle.spec.vocabulary.rows([item for _, item in known])
    times += [(ts, int(row)) for (ts, _), row in zip(known, rows, strict=True)]
    episodes = sorted(ts for ts, row in times if row < len(kinds) and kinds[row] == "series")
    if len(episodes) < FEW:
        return None
    sittings = np.split(np.array(episodes), np.flatnonzero(np.diff(episodes) > SITTING_MS) + 1)
    return float(np.mean([len(each) >= BINGE for each in sittings]))


def _short_form(watched: History, parts: PageParts) -> float | None:
    minutes = parts.titles.lengths()
    known = minutes[watched.rows[watched.rows < len(minutes)]]
    known = known[np.isfinite(known)]
    return float((known <= SHORT_MINUTES).mean()) if len(known) >= FEW else None


def _pauses(plays: Sequence[Event], events: Sequence[Event]) -> float | None:
    return sum(event.event == EventType.PAUSE for event in events) / len(plays) if len(plays) >= FEW else None


def _exploration(watched: History, parts: PageParts) -> float | None:
    """Share of plays whose genres do not occur among the 20 before."""
    labels = parts.bundle.catalogue.genre_labels
    genres = [set(labels[row]) for row in watched.rows.tolist() if row < len(labels) and labels[row]]
    later = range(FEW, len(genres))
    new = [not genres[n] & set().union(*genres[max(n - MEMORY, 0) : n]) for n in later]
    return sum(new) / len(new) if len(new) >= FEW else None


def _hours(watched: History, events: Sequence[Event], parts: PageParts) -> NDArray[np.float64] | None:
    """Share of plays by local hour, smoothed over the neighbours; UTC where no offset is known."""
    if not parts.bundle.spec.has_clock or len(watched.rows) < FEW:
        return None
    offsets = [event.tz_offset_min for event in events if event.tz_offset_min is not None]
    hour = (watched.ts_ms // 60_000 + (offsets[-1] if offsets else 0)) // 60 % 24
    counts = np.bincount(hour, minlength=24).astype(np.float64)
    return np.asarray(counts / counts.sum())


def _genres(watched: History, parts: PageParts) -> dict[str, float]:
    labels = parts.bundle.catalogue.genre_labels
    counts = Counter(name for row in watched.rows.tolist() if row < len(labels) for name in labels[row])
    return {name: count / counts.total() for name, count in counts.most_common(8)}


def _companions(event: Event) -> str:
    return (event.context or {}).get("companions", "")


def _said(value: float | None, high: str, low: str, border: float) -> str:
    """One of two sentences, none near the border."""
    if value is None or abs(value - border) < 0.05:
        return ""
    return high if value > border else low


def _hours_in_words(hours: NDArray[np.float64] | None) -> str:
    if hours is None:
        return ""
    shares = {words: float(hours[start:end].sum()) for words, start, end in PARTS_OF_DAY}
    shares["at night"] = 1 - sum(shares.values())
    best = max(shares, key=lambda words: shares[words])
    return f"Mostly watches {best}" if shares[best] > 0.4 else "Watches at all hours"


def _genres_in_words(genres: dict[str, float]) -> str:
    names = list(genres)[:3]
    return "" if not names else f"Watches {', '.join(names[:-1])}{' and ' if len(names) > 1 else ''}{names[-1]} most"


def _shares(values: dict[str, float]) -> list[Share]:
    return [Share(name, round(value, 4)) for name, value in sorted(values.items(), key=lambda each: -each[1])]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
