"""`marquee simulate`: a small streaming service of our own, its log, and policies judged by its viewers."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from training.simulator.config import WorldConfig, preset
from training.simulator.log import write_world

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SimulateConfig:
    """Writes the log of a simulated service of size `preset` (tiny, small or city) to the folder `out`.

    `days`, `viewers` and `titles` change the preset. `context_scale` and `artwork_scale` multiply the effects of the
    moment and of artwork; 0 switches them off. `posters` draws four SVG posters a title.
    """

    preset: str = "small"
    seed: int = 0
    out: str = "runs/world"
    days: int | None = None
    viewers: int | None = None
    titles: int | None = None
    context_scale: float = 1.0
    artwork_scale: float = 1.0
    posters: bool = False


def simulate(config: SimulateConfig) -> None:
    """Write the world."""
    _write(config)


def world_config(config: SimulateConfig) -> WorldConfig:
    """The preset with what the configuration changes."""
    sizes = {"num_days": config.days, "num_viewers": config.viewers, "num_titles": config.titles}
    given = {name: size for name, size in sizes.items() if size is not None}
    scales = {"context_scale": config.context_scale, "artwork_scale": config.artwork_scale}
    return replace(preset(config.preset), **given, **scales)


def _write(config: SimulateConfig) -> None:
    world, folder = world_config(config), Path(config.out).expanduser()
    start = time.perf_counter()
    with tqdm(total=world.num_days, desc="simulate", unit="day", mininterval=0.5) as progress:
        written = write_world(world, config.seed, folder, config.posters, lambda day: progress.update() and None)
    seconds = time.perf_counter() - start
    print(f"{written.num_events:,} events of {world.num_viewers:,} viewers in {seconds:.1f} s: {folder}")
    print(f"next: marquee train data=files data.events={folder}/events.parquet data.items={folder}/items.parquet")
