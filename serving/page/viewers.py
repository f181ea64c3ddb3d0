"""What live events say of viewers beyond their history: refusals, lists, what was shown, devices, pauses.

Everything is a fold over the viewer's own events, so that an event taken back leaves nothing behind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final, NamedTuple

from serving.events import LASTING, ONBOARDING, Event
from towers.schema import EventType

MOST_EVENTS: Final = 1000
MOST_VIEWERS: Final = 200_000

STICKY_MS: Final = 7 * 86_400_000
"""A viewer sees the same image of a title for at least as long."""

RESETS: Final = frozenset({EventType.RESET})


class Shown(NamedTuple):
    """The variant of a title that was seen last, since when, and the chance with which it was drawn."""

    variant: str
    since_ms: int
    propensity: float


@dataclass(frozen=True, eq=False)
class LiveViewer:
    """The viewer's live events that still count, in order of time."""

    events: tuple[Event, ...] = ()
    refused: dict[str, int] = field(default_factory=dict)
    """Titles the viewer is not interested in, with the time."""
    listed: dict[str, int] = field(default_factory=dict)
    unlisted: frozenset[str] = frozenset()
    removed: dict[str, int] = field(default_factory=dict)
    """Titles taken out of the history, with the time."""
    reset_ms: int = -1
    """Of the newest reset."""
    shown: dict[str, Shown] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> LiveViewer:
        """Fold events in order of time."""
        ordered = sorted(events, key=lambda event: event.ts_ms)
        counted = _counted(ordered)
        removed = {event.item_id: event.ts_ms for event in ordered if event.event == EventType.REMOVE_FROM_HISTORY}
        reset_ms = max((event.ts_ms for event in ordered if event.event in RESETS), default=-1)
        viewer = cls(tuple(counted), removed=removed, reset_ms=reset_ms)
        unlisted: set[str] = set()
        for event in counted:
            _tell(viewer, event, unlisted)
        return replace(viewer, unlisted=frozenset(unlisted))


class LiveViewers:
    """Keeps the newest events of each viewer; told of events by whoever feeds the live state.

    What viewers said once and for all is kept of everybody and apart, so no flood of impressions washes it away.
    The rest is kept of the `most_viewers` heard of last, a thousand events each; whom it forgets, finds images anew.
    """

    def __init__(self, most_events: int = MOST_EVENTS, most_viewers: int = MOST_VIEWERS) -> None:
        self._most_events = most_events
        self._most_viewers = most_viewers
        self._lasting: dict[str, deque[Event]] = {}
        self._passing: dict[str, deque[Event]] = {}
        self._folded: dict[str, LiveViewer] = {}

    def observe(self, event: Event) -> None:
        """Take an event in, known ids and late ones too."""
        lasts = event.event in LASTING or event.row_type == ONBOARDING
        kept, viewer = self._lasting if lasts else self._passing, event.user_id
        events = kept.pop(viewer, None) or deque(maxlen=self._most_events)
        events.append(event)
        kept[viewer] = events
        self._folded.pop(viewer, None)
        if len(self._passing) > self._most_viewers:
            longest_ago = next(iter(self._passing))
            del self._passing[longest_ago]
            self._folded.pop(longest_ago, None)

    def forget(self, user_id: str) -> None:
        """As if the viewer never came."""
        for kept in (self._lasting, self._passing, self._folded):
            kept.pop(user_id, None)

    def of(self, user_id: str | None) -> LiveViewer:
        """The viewer's live side; an empty one for somebody unknown."""
        if user_id is None or not (user_id in self._passing or user_id in self._lasting):
            return NOBODY
        if user_id not in self._folded:
            events = chain(self._passing.get(user_id, ()), self._lasting.get(user_id, ()))
            self._folded[user_id] = LiveViewer.of(events)
        return self._folded[user_id]


NOBODY: Final = LiveViewer()


def _counted(events: list[Event]) -> list[Event]:
    """Without what was taken back: everything before a reset, and all events of a title removed from the history."""
    kept: list[Event] = []
    for event in events:
        if event.event in RESETS:
            kept = []
        elif event.event == EventType.REMOVE_FROM_HISTORY:
            kept = [each for each in kept if each.item_id != event.item_id]
        else:
            kept.append(event)
    return kept


def _tell(viewer: LiveViewer, event: Event, unlisted: set[str]) -> None:
    item, kind = event.item_id, event.event
    if kind == EventType.NOT_INTERESTED:
        viewer.refused[item] = event.ts_ms
    elif kind == EventType.LIST_ADD:
        viewer.listed[item] = event.ts_ms
        unlisted.discard(item)
    elif kind == EventType.LIST_REMOVE:
        viewer.listed.pop(item, None)
        unlisted.add(item)
    elif kind == EventType.IMPRESSION:
        _tell_shown(viewer, event)


def _tell_shown(viewer: LiveViewer, event: Event) -> None:
    variant = getattr(event, "variant_id", None)
    if variant is None:
        return
    before = viewer.shown.get(event.item_id)
    if before is None or before.variant != str(variant):
        chance = getattr(event, "propensity", None)
        viewer.shown[event.item_id] = Shown(str(variant), event.ts_ms, 1.0 if chance is None else float(chance))
