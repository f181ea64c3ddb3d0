"""How well anybody could tell the persons of an account apart in a simulated log: a bound for detecting personas.

The profiles of an account are thrown together. An observer who knows the hidden truth (each person's taste, hours,
devices and how often they come) gives every play to the likeliest person. No model that has to learn all this from the
log can do better on average. Printed is the adjusted Rand index (1: all plays right, 0: chance).

Run: python benchmarks/personas.py FOLDER OF A SIMULATED SERVICE...
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.simulator.log import Simulated
from training.simulator.viewers import DEVICES
from training.simulator.world import World

LEAST_PLAYS = 20
WANTED = 0.6
TASTE, QUALITY = 12.0, 0.45


def main() -> None:
    """Print the bound by the number of persons, by taste alone and by everything, world by world."""
    for folder in map(Path, sys.argv[1:]):
        simulated = Simulated.load(folder)
        plays = plays_of(simulated)
        for name, uses_habits in (("taste alone", False), ("taste, hours, devices, rate", True)):
            found = bound(simulated.world, plays, uses_habits)
            told = [f"{k} persons {np.mean(each):.3f} ({np.mean(np.array(each) >= WANTED):.0%} of {len(each)})"
                    for k, each in sorted(found.items())]  # fmt: skip
            print(f"{folder.name}, {name}: {'; '.join(told)} at {WANTED} or above", flush=True)


def plays_of(simulated: Simulated) -> pd.DataFrame:
    """Numbers of profile, account and title, hour and device of each play by a person with a profile of one's own."""
    names = ["profile_id", "account_id", "item_id", "ts_ms", "event", "device", "tz_offset"]
    table = pd.read_parquet(simulated.events, columns=names)
    table = table[table["event"] == "play"]
    plays = pd.DataFrame({name: table[f"{name}_id"].str[1:].astype(int) for name in ("profile", "account", "item")})
    plays["hour"] = (table["ts_ms"] // 60_000 + table["tz_offset"]) // 60 % 24
    plays["device"] = table["device"].map({name: code for code, name in enumerate(DEVICES)})
    persons = np.bincount(simulated.world.viewers.profile)
    return plays[persons[plays["profile"]] == 1]


def bound(world: World, plays: pd.DataFrame, uses_habits: bool) -> dict[int, list[float]]:
    """The index of each account by its number of persons."""
    viewers, titles = world.viewers, world.titles
    utility = TASTE * (viewers.taste @ titles.topics.T) + QUALITY * titles.quality
    log_share = utility - np.log(np.exp(utility).sum(axis=1, keepdims=True))
    person_of = np.zeros(viewers.num_profiles, dtype=np.int64)
    person_of[viewers.profile] = np.arange(len(viewers.profile))
    found: dict[int, list[float]] = {}
    for _, part in plays.groupby("account"):
        persons = person_of[np.unique(part["profile"])]
        if len(persons) < 2 or len(part) < LEAST_PLAYS:
            continue
        odds = log_share[np.ix_(persons, part["item"])]
        if uses_habits:
            odds = odds + np.log(viewers.hours[np.ix_(persons, part["hour"])] + 1e-9)
            odds += np.log(viewers.devices[np.ix_(persons, part["device"])] + 1e-9)
            odds += np.log(viewers.rate[persons])[:, None]
        index = adjusted_rand(part["profile"].to_numpy(), odds.argmax(axis=0))
        found.setdefault(len(persons), []).append(index)
    return found


def adjusted_rand(one: NDArray[np.int64], two: NDArray[np.int64]) -> float:
    """Agreement of two partitions of the same things (Hubert and Arabie 1985)."""
    table = pd.crosstab(one, two).to_numpy(np.float64)
    both, first, second, every = (
        float((counts * (counts - 1) / 2).sum())
        for counts in (table, table.sum(axis=1), table.sum(axis=0), np.array([table.sum()]))
    )
    expected, most = first * second / every, (first + second) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


if __name__ == "__main__":
    main()
