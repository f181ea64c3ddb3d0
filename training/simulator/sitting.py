"""A batch of sessions in progress: clocks, what has happened, and how plays change the state.

Shapes: S sessions, N titles, W plays, E events.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from towers.schema import EventType
from training.simulator.appeal import attractions, utilities
from training.simulator.draws import Draws, Stream
from training.simulator.events import CODES, EventBlock, joined
from training.simulator.sessions import Sessions
from training.simulator.state import NOTHING, State
from training.simulator.tally import ABANDONED_SHARE, Tally
from training.simulator.titles import NUM_IMAGES
from training.simulator.watching import CREDITS_SHARE, Started, Watched, watch
from training.simulator.world import World

LOVED_UTILITY: Final = 1.5
NO_PLAY_GAIN: Final = -0.35
MEMORY: Final = 0.88
FINISHED_SHARE: Final = 0.93


class Play(NamedTuple):
    """Plays [W] of the sessions at the places `at`; from a page or directly; see `EventBlock`."""

    at: NDArray[np.int64]
    items: NDArray[np.int64]
    images: NDArray[np.int64]
    event: NDArray[np.int64]
    visit: int
    slot: NDArray[np.int64]
    propensity: NDArray[np.float32]
    row_type: NDArray[np.int64]

    @classmethod
    def from_page(
        cls,
        at: NDArray[np.int64],
        items: NDArray[np.int64],
        images: NDArray[np.int64],
        visit: int,
        slot: NDArray[np.int64],
        propensity: NDArray[np.float32],
        row_type: NDArray[np.int64],
    ) -> Play:
        """Plays of what stood in a slot."""
        return cls(at, items, images, np.full(len(at), CODES[EventType.PLAY]), visit, slot, propensity, row_type)

    @classmethod
    def direct(
        cls, at: NDArray[np.int64], items: NDArray[np.int64], row_type: NDArray[np.int64], event: EventType
    ) -> Play:
        """Plays that no policy had a hand in."""
        none = np.full(len(at), -1)
        unknown = np.full(len(at), np.nan, dtype=np.float32)
        return cls(at, items, none, np.full(len(at), CODES[event]), 0, none, unknown, row_type)

    def take(self, chosen: NDArray[np.bool_]) -> Play:
        """Some of the plays."""
        return Play._make(part[chosen] if isinstance(part, np.ndarray) else part for part in self)


class Sitting:
    """Sessions of different viewers that run side by side."""

    def __init__(self, world: World, state: State, draws: Draws, tally: Tally, sessions: Sessions) -> None:
        self.world = world
        self.state = state
        self.draws = draws
        self.sessions = sessions
        self.utility = utilities(world, sessions)
        self.clock_ms = sessions.start_ms.copy()
        self.patience_s = sessions.patience_s.copy()
        self._tally = tally
        self._gain = np.zeros(len(sessions.viewer))
        self._has_played = np.zeros(len(sessions.viewer), dtype=np.bool_)
        self._blocks: list[EventBlock] = []

    def keys(self, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What the draws of a session hang on."""
        return self.sessions.viewer[at], self.sessions.number[at]

    def odds(self, at: NDArray[np.int64]) -> NDArray[np.float32]:
        """Log odds [S, N] of every title, images aside."""
        sessions = self.sessions.take(at)
        return attractions(self.world, sessions, self.utility[at], self.state.tired[sessions.profile])

    def add(self, block: EventBlock) -> None:
        """Note events."""
        if len(block.ts_ms):
            self._blocks.append(block)

    def events(self) -> EventBlock | None:
        """Events since the last call in the order of time; None where there are none."""
        blocks, self._blocks = self._blocks, []
        return joined(blocks) if blocks else None

    def play(self, play: Play) -> NDArray[np.float64]:
        """Watch, note it, remember it; the shares [W] watched."""
        sessions = self.sessions.take(play.at)
        started = self._started(play, sessions)
        watched = watch(self.world, self.draws, sessions, started)
        self._note(play, sessions, started, watched)
        self._remember(play, sessions, started, watched)
        self.clock_ms[play.at] += np.round(1000 * watched.total_s).astype(np.int64) + 2000
        self._gain[play.at] += watched.gain
        self._has_played[play.at] = True
        self._tally.seconds[sessions.viewer] += watched.total_s
        return watched.share

    def settle(self) -> None:
        """The end of the sessions: what viewers think of the service now."""
        who = self.sessions.viewer
        gain = np.where(self._has_played, self._gain, NO_PLAY_GAIN)
        self.state.contentment[who] = MEMORY * self.state.contentment[who] + (1 - MEMORY) * gain
        self.state.busy_until_ms[self.sessions.profile] = self.clock_ms

    def block(self, at: NDArray[np.int64], ts_ms: NDArray[np.int64], event: NDArray[np.int64] | int) -> EventBlock:
        """Events [E] of the sessions at the places `at`, with nothing but who, when and what."""
        sessions = self.sessions.take(at)
        none, unknown = np.full(len(at), -1), np.full(len(at), np.nan, dtype=np.float32)
        return EventBlock(
            profile=sessions.profile,
            account=self.world.viewers.account[sessions.viewer],
            session=sessions.session,
            visit=np.zeros(len(at), dtype=np.int64),
            ts_ms=ts_ms,
            event=np.broadcast_to(np.asarray(event, dtype=np.int64), len(at)),
            item=none,
            device=sessions.device,
            is_together=sessions.is_together,
            zone_h=self.world.viewers.zone_h[sessions.viewer],
            episode=none,
            watch_s=unknown,
            duration_s=unknown,
            position_s=unknown,
            liked=unknown,
            row_type=none,
            row=none,
            column=none,
            image=none,
            propensity=unknown,
        )

    def _started(self, play: Play, sessions: Sessions) -> Started:
        is_resumed = play.event == CODES[EventType.RESUME]
        profile = sessions.profile
        titles = self.world.titles
        bait = titles.image_bait[play.items, np.maximum(play.images, 0) % NUM_IMAGES] & (play.images >= 0)
        bait |= titles.preview_bait[play.items] & (play.images >= NUM_IMAGES)
        return Started(
            items=play.items,
            utility=self.utility[play.at, play.items].astype(np.float64),
            is_bait=bait & (self.world.config.artwork_scale > 0),
            episode=np.where(is_resumed, self.state.resume_episode[profile], 0),
            from_share=np.where(is_resumed, self.state.resume_share[profile], 0.0),
        )

    def _note(self, play: Play, sessions: Sessions, started: Started, watched: Watched) -> None:
        """The play with all that came of it, and what happened on the way."""
        columns = self.world.config.num_columns
        start_ms, is_series = self.clock_ms[play.at], self.world.titles.is_series[play.items]
        first = self.block(play.at, start_ms, play.event)._replace(
            visit=np.full(len(play.at), play.visit),
            item=play.items,
            episode=np.where(is_series, started.episode, -1),
            watch_s=watched.watch_s.astype(np.float32),
            duration_s=watched.duration_s.astype(np.float32),
            position_s=(started.from_share * watched.duration_s).astype(np.float32),
            liked=watched.liked.astype(np.float32),
            row_type=play.row_type,
            row=np.where(play.slot >= 0, play.slot // columns, -1),
            column=np.where(play.slot >= 0, play.slot % columns, -1),
            image=play.images,
            propensity=play.propensity,
        )
        self.add(first)
        self.add(self._pauses(first, sessions, watched))
        self.add(_next_episodes(first, watched))
        end_s = np.where(watched.extra > 0, watched.duration_s, watched.share * watched.duration_s)
        self.add(_after(first, EventType.STOP, watched.total_s, end_s, started.episode + watched.extra))

    def _pauses(self, first: EventBlock, sessions: Sessions, watched: Watched) -> EventBlock:
        """A pause somewhere in the first half for those who pause."""
        chance = self.draws.uniform(Stream.PAUSE, sessions.viewer, sessions.number, first.item)
        rate = self.world.viewers.pause_rate[sessions.viewer]
        at_s = 0.5 * chance / np.maximum(rate, 1e-9) * watched.watch_s
        paused = _after(first, EventType.PAUSE, at_s, first.position_s + at_s, first.episode)
        return paused.take(chance < rate)

    def _remember(self, play: Play, sessions: Sessions, started: Started, watched: Watched) -> None:
        state, titles, profile = self.state, self.world.titles, sessions.profile
        state.seen[profile, play.items] = True
        state.tired[profile, play.items] = 0
        np.add.at(state.plays, play.items, play.event == CODES[EventType.PLAY])
        is_kept = watched.share >= ABANDONED_SHARE
        np.add.at(state.genre_plays, profile[is_kept], titles.labels[play.items[is_kept]].astype(np.float32))
        is_loved = (watched.share >= CREDITS_SHARE) & (started.utility > LOVED_UTILITY)
        state.loved[profile[is_loved]] = play.items[is_loved]
        state.listed[profile[state.listed[profile] == play.items]] = NOTHING
        is_finished = watched.share >= FINISHED_SHARE
        episode = started.episode + watched.extra + is_finished
        is_open = is_kept & (episode < titles.num_episodes[play.items])
        was_open = state.resume[profile] == play.items
        changed = is_open | was_open
        state.resume[profile[changed]] = np.where(is_open, play.items, NOTHING)[changed]
        state.resume_episode[profile[changed]] = episode[changed]
        state.resume_share[profile[changed]] = np.where(is_finished, 0.0, watched.share)[changed]


def _after(
    first: EventBlock,
    event: EventType,
    later_s: NDArray[np.float64],
    position_s: NDArray[np.float64] | NDArray[np.float32],
    episode: NDArray[np.int64],
) -> EventBlock:
    """An event of the same title some seconds after the play began."""
    unknown = np.full(len(first.ts_ms), np.nan, dtype=np.float32)
    return first._replace(
        ts_ms=first.ts_ms + np.round(1000 * later_s).astype(np.int64) + 1,
        event=np.full(len(first.ts_ms), CODES[event]),
        episode=np.where(first.episode >= 0, episode, -1),
        position_s=position_s.astype(np.float32),
        watch_s=unknown,
        duration_s=unknown,
        liked=unknown,
        image=np.full(len(first.ts_ms), -1),
        propensity=unknown,
    )


def _next_episodes(first: EventBlock, watched: Watched) -> EventBlock:
    """One event for each further episode, watched to its end."""
    of = np.repeat(np.arange(len(watched.extra)), watched.extra)
    number = np.arange(len(of)) - np.repeat(np.cumsum(watched.extra) - watched.extra, watched.extra)
    base = first.take(of)
    duration_s = watched.duration_s[of]
    later = _after(
        base,
        EventType.NEXT_EPISODE_AUTO,
        watched.watch_s[of] + number * duration_s,
        np.zeros(len(of)),
        base.episode + 1 + number,
    )
    return later._replace(watch_s=duration_s.astype(np.float32), duration_s=duration_s.astype(np.float32))
