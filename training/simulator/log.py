"""Writes a world's log, its catalogue and its viewers, and apart from them the hidden truth.

Everything under `truth/` is in formats that no reader of tables takes, and only this room opens it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from towers.schema import EventType
from training.errors import UsageError
from training.simulator.artwork import Artwork
from training.simulator.attention import kernel
from training.simulator.config import WorldConfig
from training.simulator.draws import Stream
from training.simulator.events import CODES, SCHEMA, EventBlock, TableMaker, joined
from training.simulator.lexicon import REGIONS
from training.simulator.policies import HousePolicy
from training.simulator.posters import write_posters
from training.simulator.service import Service
from training.simulator.state import State
from training.simulator.stories import catalogue_table
from training.simulator.tally import Tally
from training.simulator.world import World, account_ids, profile_ids

TRUTH: Final = "truth"
WORLD_FILE: Final = "world.json"
HOUSE_VERSION: Final = "house-1"

_DETAILS: Final = [CODES[event] for event in (EventType.IMPRESSION, EventType.DETAIL, EventType.PAUSE, EventType.STOP)]


@dataclass(frozen=True, eq=False)
class Simulated:
    """A world whose log was written to `folder`, with the state at its end."""

    world: World
    state: State
    folder: Path

    @classmethod
    def load(cls, folder: Path) -> Simulated:
        """Read what `write_world` wrote; a UsageError says what is missing."""
        path = folder / WORLD_FILE
        if not path.is_file():
            raise UsageError(
                f"{folder} holds no simulated service; make one: marquee simulate preset=small out={folder}"
            )
        kept = json.loads(path.read_text())
        world = World.make(WorldConfig(**kept["config"]), kept["seed"])
        return cls(world, State.load(folder / TRUTH / "state.npz"), folder)

    @property
    def events(self) -> Path:
        """The log."""
        return self.folder / "events.parquet"

    @property
    def items(self) -> Path:
        """The catalogue."""
        return self.folder / "items.parquet"


@dataclass(frozen=True, eq=False)
class Written:
    """What `write_world` did: the world, its events and the figures of the service of before."""

    simulated: Simulated
    num_events: int
    tally: Tally


def write_world(
    config: WorldConfig,
    seed: int,
    folder: Path,
    posters: bool = False,
    on_day: Callable[[int], None] = lambda day: None,
) -> Written:
    """Simulate and write a day at a time, so memory does not grow with the days; `world.json` is written last."""
    world = World.make(config, seed)
    (folder / TRUTH).mkdir(parents=True, exist_ok=True)
    (folder / WORLD_FILE).unlink(missing_ok=True)
    state, tally = State.start(world), Tally.empty(world)
    num_events = _write_log(world, state, tally, folder, on_day)
    table = catalogue_table(world)
    pq.write_table(table, folder / "items.parquet")
    pq.write_table(_viewers_table(world), folder / "users.parquet")
    if posters:
        write_posters(world, table["title"].to_pylist(), folder / "posters")
    _write_truth(world, state, folder / TRUTH)
    kept = {"config": asdict(config), "seed": seed, "num_events": num_events}
    (folder / WORLD_FILE).write_text(json.dumps(kept, indent=1))
    return Written(Simulated(world, state, folder), num_events, tally)


def _write_log(world: World, state: State, tally: Tally, folder: Path, on_day: Callable[[int], None]) -> int:
    draws = world.draws()
    policy = HousePolicy(world, state, draws)
    service = Service(world, state, draws, policy, kernel("geometric"), Artwork.RANDOM, tally)
    viewers = world.viewers
    maker = TableMaker(viewers.num_profiles, viewers.num_accounts, world.titles.num_titles, HOUSE_VERSION)
    everyone = np.arange(len(viewers.rate))
    blocks: list[EventBlock] = []
    with pq.ParquetWriter(folder / "events.parquet", SCHEMA) as writer:
        for day in range(world.config.num_days):
            service.live(everyone, blocks.append)
            if blocks:
                writer.write_table(maker.table(_logged(world, joined(blocks))))
            blocks.clear()
            on_day(day)
    return maker.num_events


def _logged(world: World, block: EventBlock) -> EventBlock:
    """The events that are kept: the details of a share of the sessions alone."""
    chance = world.draws().uniform(Stream.LOGGED, block.session)
    return block.take(~np.isin(block.event, _DETAILS) | (chance < world.config.logged_details))


def _viewers_table(world: World) -> pa.Table:
    """What a service knows of its profiles."""
    viewers = world.viewers
    _, first = np.unique(viewers.profile, return_index=True)
    accounts = account_ids(viewers.num_accounts)
    return pa.table(
        {
            "profile_id": profile_ids(viewers.num_profiles),
            "account_id": [accounts[account] for account in viewers.account[first]],
            "region": [REGIONS[place] for place in viewers.region[first]],
            "tz_offset": viewers.zone_h[first] * 60,
        }
    )


def _write_truth(world: World, state: State, folder: Path) -> None:
    for name, arrays in (("titles", world.titles), ("viewers", world.viewers)):
        with (folder / f"{name}.npz").open("wb") as file:
            np.savez_compressed(file, **arrays._asdict())
    state.save(folder / "state.npz")
