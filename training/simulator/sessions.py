"""When viewers come, on which device and with whom.

Shapes: S sessions, V viewers, J sessions of a viewer on one day.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtr

from training.simulator.draws import Draws, Stream, normal
from training.simulator.state import State
from training.simulator.world import DAY_MS, World

MOST_A_DAY: Final = 4
AT_ONCE: Final = 1024
"""Sessions handled together; no profile has two of them."""

HOUR_MS: Final = 3_600_000
TV, PHONE = 0, 1


class Sessions(NamedTuple):
    """Arrays [S]. `number` counts the sessions of each viewer; `session` is the number in the log; `hour` is local."""

    viewer: NDArray[np.int64]
    profile: NDArray[np.int64]
    number: NDArray[np.int64]
    session: NDArray[np.int64]
    start_ms: NDArray[np.int64]
    hour: NDArray[np.int64]
    device: NDArray[np.int64]
    is_together: NDArray[np.bool_]
    patience_s: NDArray[np.float64]

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Sessions:
        """The sessions chosen."""
        return Sessions._make(array[chosen] for array in self)

    @property
    def is_late(self) -> NDArray[np.bool_]:
        """From ten in the evening to five in the morning."""
        return (self.hour >= 22) | (self.hour < 5)


def sessions_of_day(world: World, state: State, draws: Draws, who: NDArray[np.int64]) -> Iterator[Sessions]:
    """The sessions of `who` on the state's day, in batches; a profile's later session comes in a later batch."""
    viewers = world.viewers
    here = state.is_member[viewers.account[who]] & (viewers.join_day[who] <= state.day)
    who = who[here]
    count = _counts(viewers.rate[who] * np.exp(0.6 * state.contentment[who]), who, state.day, draws)
    times = _times(world, draws, who, state.day, count)
    viewer, place = np.nonzero(np.arange(MOST_A_DAY) < count[:, None])
    order = np.argsort(times[viewer, place], kind="stable")
    who, local_ms = who[viewer[order]], times[viewer[order], place[order]]
    turn = _turns(viewers.profile[who])
    for now in range(int(turn.max(initial=-1)) + 1):
        together = np.flatnonzero(turn == now)
        for start in range(0, len(together), AT_ONCE):
            part = together[start : start + AT_ONCE]
            yield _sessions(world, state, draws, who[part], local_ms[part])


def _turns(profile: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many times each profile stood before in the array."""
    order = np.argsort(profile, kind="stable")
    first = np.searchsorted(profile[order], profile[order])
    turns = np.empty(len(profile), dtype=np.int64)
    turns[order] = np.arange(len(profile)) - first
    return turns


def _counts(rate: NDArray[np.float64], who: NDArray[np.int64], day: int, draws: Draws) -> NDArray[np.int64]:
    """Poisson counts, cut at `MOST_A_DAY`."""
    chance = draws.uniform(Stream.COUNT, who, np.array(day))
    below = pdtr(np.arange(MOST_A_DAY), rate[:, None])
    counts: NDArray[np.int64] = (chance[:, None] > below).sum(axis=1)
    return counts


def _times(world: World, draws: Draws, who: NDArray[np.int64], day: int, count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Local milliseconds since midnight [V, J] in order; those behind `count` come last."""
    keys = (who[:, None], np.array(day), np.arange(MOST_A_DAY))
    below = world.viewers.hours[who].cumsum(axis=1)
    hour = (draws.uniform(Stream.HOUR, *keys)[:, :, None] > below[:, None, :]).sum(axis=2).clip(0, 23)
    times = ((hour + draws.uniform(Stream.MINUTE, *keys)) * HOUR_MS).astype(np.int64)
    times[np.arange(MOST_A_DAY) >= count[:, None]] = 2 * DAY_MS
    return np.sort(times, axis=1)


def _sessions(
    world: World, state: State, draws: Draws, who: NDArray[np.int64], local_ms: NDArray[np.int64]
) -> Sessions:
    viewers, number = world.viewers, state.num_sessions[who]
    wanted = state.day_start_ms() + local_ms - viewers.zone_h[who] * HOUR_MS
    start_ms = np.maximum(wanted, state.busy_until_ms[viewers.profile[who]] + 60_000)
    hour = (start_ms // HOUR_MS + viewers.zone_h[who]) % 24
    mood = np.exp(0.4 * normal(draws.uniform(Stream.PATIENCE, who, number)))
    session = state.num_logged + np.arange(len(who))
    state.num_sessions[who] += 1
    state.num_logged += len(who)
    return Sessions(
        viewer=who,
        profile=viewers.profile[who],
        number=number,
        session=session,
        start_ms=start_ms,
        hour=hour,
        device=_devices(viewers.devices[who], hour, draws.uniform(Stream.DEVICE, who, number)),
        is_together=draws.uniform(Stream.COMPANY, who, number) < _company(viewers.household[who], hour),
        patience_s=viewers.patience_s[who] * mood,
    )


def _devices(habit: NDArray[np.float64], hour: NDArray[np.int64], chance: NDArray[np.float64]) -> NDArray[np.int64]:
    """Device of each session: in the evening the television gains, in the daytime the phone."""
    lean = np.ones((len(hour), habit.shape[1]))
    is_evening = (hour >= 18) | (hour < 1)
    lean[is_evening, TV], lean[~is_evening, PHONE] = 2.0, 2.0
    below = (habit * lean).cumsum(axis=1)
    device: NDArray[np.int64] = (chance[:, None] > below / below[:, -1:]).sum(axis=1).clip(0, habit.shape[1] - 1)
    return device


def _company(household: NDArray[np.int64], hour: NDArray[np.int64]) -> NDArray[np.float64]:
    """Chance of company: .45 in the evening for those who do not live alone."""
    is_evening = (hour >= 18) & (hour < 23)
    return np.where(household > 1, np.where(is_evening, 0.45, 0.12), 0.05)
