"""Which events are learnt from, which choose the model and which judge it.

Shapes: E events of the sorted event table, Q held-out targets.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from towers.schema import TARGET_EVENTS
from training.data.dataset import Dataset

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SplitConfig:
    """`name` is time, leave_one_out, or auto: time where the data has a clock, else leave_one_out.

    `val_share` and `test_share` are the shares of the newest events of a time split. A leave-one-out split holds out
    each viewer's last target event for the test if `test` is set, and the one before for validation.
    """

    name: str = "auto"
    val_share: float = 0.1
    test_share: float = 0.1
    test: bool = True

    def __post_init__(self) -> None:
        if self.name not in {"auto", "time", "leave_one_out"}:
            raise ValueError(f"split.name is {self.name!r}; choose auto, time or leave_one_out")
        if min(self.val_share, self.test_share) < 0 or self.val_share + self.test_share >= 1:
            raise ValueError(
                f"val_share is {self.val_share}, test_share {self.test_share}; give shares from 0 that sum to below 1"
            )


@dataclass(frozen=True, eq=False)
class Split:
    """Masks [E] over the sorted event table; each event is in exactly one part. `description` is for the record."""

    train: NDArray[np.bool_]
    val: NDArray[np.bool_]
    test: NDArray[np.bool_]
    description: Mapping[str, str | int | float]


class Targets(NamedTuple):
    """Held-out events: ids [Q] of the viewers and positions [Q] in the sorted event table, ascending.

    The history of a target is every event of its viewer at an earlier position.
    """

    user_ids: tuple[str, ...]
    positions: NDArray[np.int64]


def split(dataset: Dataset, config: SplitConfig) -> Split:
    """Cut a data set; a ValueError where a part that was asked for would be empty."""
    name = config.name
    if name == "auto":
        name = "time" if dataset.has_clock else "leave_one_out"
        why = "the data has a clock" if dataset.has_clock else "the data has positions instead of a clock"
        logger.info("split.name=auto: %s, so the split is %s", why, name)
    if name == "time":
        return split_by_time(dataset.events, config)
    return leave_one_out(dataset.events, config)


def split_by_time(events: pd.DataFrame, config: SplitConfig) -> Split:
    """Cut at two moments for all viewers at once; events of equal time are never parted."""
    ts_ms = events["ts_ms"].to_numpy()
    test_from = _cut(ts_ms, config.test_share, "test_share")
    val_from = min(_cut(ts_ms, config.val_share + config.test_share, "val_share"), test_from)
    train, test = ts_ms < val_from, ts_ms >= test_from
    val = ~train & ~test
    if config.val_share > 0 and not val.any():
        raise ValueError(f"val_share={config.val_share} holds no event, since too many have the same time; raise it")
    if not train.any():
        raise ValueError(
            "no event is left to learn from, since too many have the same time; use split.name=leave_one_out"
        )
    cuts = {"val_from": val_from} | ({"test_from": test_from} if test.any() else {})
    return Split(train, val, test, _described("time", ts_ms, (train, val, test), cuts))


def leave_one_out(events: pd.DataFrame, config: SplitConfig) -> Split:
    """Hold out each viewer's newest target events.

    Viewers with fewer than 3 target events stay in training with all they did. Whatever a viewer did from the first
    held-out event on is kept from training and goes with the newest held-out event before it.
    """
    users, ids = events["user_id"].factorize()
    positions = np.flatnonzero(is_target(events))
    positions = positions[np.bincount(users[positions], minlength=len(ids))[users[positions]] >= 3]
    never, here = np.full(len(ids), len(events)), np.arange(len(events))
    last = _newest(users, positions, len(ids), len(events))
    rest = positions[last[users[positions]] != positions]
    val_from, test_from = (_newest(users, rest, len(ids), len(events)), last) if config.test else (last, never)
    train, test = here < val_from[users], here >= test_from[users]
    val = ~train & ~test
    return Split(train, val, test, _described("leave_one_out", events["ts_ms"].to_numpy(), (train, val, test), {}))


def is_target(events: pd.DataFrame) -> NDArray[np.bool_]:
    """Mask [E] of the events that say an item was chosen."""
    return events["event"].isin([str(event) for event in TARGET_EVENTS]).to_numpy()


def targets(
    events: pd.DataFrame,
    part: NDArray[np.bool_],
    rng: np.random.Generator | None = None,
    name: str = "last",
    per_viewer: int = 1,
) -> Targets:
    """Up to `per_viewer` target events of each viewer of a part [E]: the `last`, or `random` ones drawn by `rng`."""
    if name not in {"last", "random"}:
        raise ValueError(f"target is {name!r}; choose last or random")
    positions = np.flatnonzero(part & is_target(events))[::-1]
    if name == "random":
        if rng is None:
            raise ValueError("a random target needs rng; give a numpy Generator")
        positions = rng.permutation(positions)
    users = events["user_id"].iloc[positions]
    chosen = np.sort(positions[(users.groupby(users).cumcount() < per_viewer).to_numpy()])
    return Targets(tuple(events["user_id"].iloc[chosen]), chosen.astype(np.int64))


def _cut(ts_ms: NDArray[np.int64], share: float, option: str) -> int:
    """The first time of the newest `share` of events; after the end for a share of 0."""
    if share == 0:
        return int(ts_ms[-1]) + 1
    place = int(len(ts_ms) * (1 - share))
    if place == 0:
        raise ValueError(f"{option} leaves nothing of {len(ts_ms)} events to learn from; lower it")
    return int(ts_ms[min(place, len(ts_ms) - 1)])


def _newest(
    users: NDArray[np.int64], positions: NDArray[np.int64], num_users: int, num_events: int
) -> NDArray[np.int64]:
    """The last of the ascending positions of each user; the number of events for users without one."""
    newest = np.full(num_users, num_events, dtype=np.int64)
    newest[users[positions]] = positions
    return newest


def _described(
    name: str, ts_ms: NDArray[np.int64], parts: tuple[NDArray[np.bool_], ...], cuts: Mapping[str, int]
) -> Mapping[str, str | int | float]:
    numbers = {f"num_{part}": int(mask.sum()) for part, mask in zip(("train", "val", "test"), parts, strict=True)}
    times = {f"{cut}_ms": at for cut, at in cuts.items()}
    dates = {cut: datetime.fromtimestamp(at / 1000, UTC).isoformat() for cut, at in cuts.items()}
    return {"split": name, **numbers, "trained_until_ms": int(ts_ms[parts[0]].max()), **times, **dates}
