"""`marquee simulate`: a small streaming service of our own, its log, and policies judged by its viewers."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from tqdm import tqdm

from serving.bundle import Bundle
from training.data.movielens import data_home
from training.errors import UsageError
from training.simulator.artwork import Artwork
from training.simulator.attention import KERNELS, kernel
from training.simulator.calibration import calibration, marginals_as_text
from training.simulator.closed_loop import LoopConfig, Outcome, PolicyMaker, bundle_policy, closed_loop, yardstick
from training.simulator.config import WorldConfig, preset
from training.simulator.log import Simulated, write_world
from training.simulator.outcomes import as_text, outcome_bars, outcome_metrics
from training.tracking import Tracking

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SimulateConfig:
    """Without `policy`: writes the log of a service of size `preset` (tiny, small, city) to the folder `out`.

    `days`, `viewers` and `titles` change the preset; `context_scale` and `artwork_scale` multiply the effects of the
    moment and of artwork, 0 switches them off; `posters` draws four SVG posters a title.

    With `policy` (random, popularity, house, oracle, bundle or all): viewers of the service in the folder `world` live
    on after its log under that policy; `bundle` was trained on that log. `loop_days`, `loop_viewers` and `num_seeds`
    say how long, how many and how often; `kernel` is how they look at a page (geometric, grid, l_pattern or all).

    With `calibrate`: compares the log of `world` with real data sets in MARQUEE_DATA.
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
    world: str = "runs/world"
    policy: str | None = None
    bundle: str | None = None
    kernel: str = "geometric"
    artwork: Artwork = Artwork.RANDOM
    loop_days: int = 7
    loop_viewers: int = 400
    num_seeds: int = 1
    calibrate: bool = False
    tracking: Tracking.Config = field(default_factory=Tracking.Config)


def simulate(config: SimulateConfig) -> None:
    """Write a world, judge policies in it, or compare it with real data."""
    if config.calibrate:
        simulated = Simulated.load(Path(config.world).expanduser())
        print(marginals_as_text(calibration(simulated, data_home())))
    elif config.policy is None:
        _write(config)
    else:
        _judge(config)


def world_config(config: SimulateConfig) -> WorldConfig:
    """The preset with what the configuration changes."""
    base = preset(config.preset)
    return replace(
        base,
        num_days=base.num_days if config.days is None else config.days,
        num_viewers=base.num_viewers if config.viewers is None else config.viewers,
        num_titles=base.num_titles if config.titles is None else config.titles,
        context_scale=config.context_scale,
        artwork_scale=config.artwork_scale,
    )


def _write(config: SimulateConfig) -> None:
    world, folder = world_config(config), Path(config.out).expanduser()
    start = time.perf_counter()
    with tqdm(total=world.num_days, desc="simulate", unit="day", mininterval=0.5) as progress:
        written = write_world(world, config.seed, folder, config.posters, lambda day: progress.update() and None)
    seconds = time.perf_counter() - start
    print(f"{written.num_events:,} events of {world.num_viewers:,} viewers in {seconds:.1f} s: {folder}")
    print(f"next: marquee train data=files data.events={folder}/events.parquet data.items={folder}/items.parquet")


def _judge(config: SimulateConfig) -> None:
    makers, kernels = _policies(config), _kernels(config.kernel)
    simulated = Simulated.load(Path(config.world).expanduser())
    title = f"closed loop {Path(config.world).name} {datetime.now(UTC):%Y-%m-%d %H:%M}"
    with Tracking(config.tracking).run(title) as run:
        run.params(config)
        outcomes = list(_outcomes(config, simulated, makers, kernels))
        run.metrics(outcome_metrics(outcomes))
        run.figure(outcome_bars(outcomes), "closed_loop")
    print(as_text(outcomes))


def _outcomes(
    config: SimulateConfig, simulated: Simulated, makers: list[PolicyMaker], kernels: list[str]
) -> Iterator[Outcome]:
    seeds = range(1, config.num_seeds + 1)
    with tqdm(total=len(makers) * len(kernels), desc="closed loop", unit="policy", mininterval=0.5) as progress:
        for name in kernels:
            loop = LoopConfig(config.loop_days, config.loop_viewers, name, config.artwork)
            for maker in makers:
                yield closed_loop(simulated, maker, seeds, loop)
                progress.update()


def _policies(config: SimulateConfig) -> list[PolicyMaker]:
    """The policies asked for, in the order of the table."""
    if config.policy not in {"bundle", "all"}:
        return [yardstick(str(config.policy))]
    served: list[PolicyMaker] = []
    if config.bundle is not None:
        bundle = Bundle.load(Path(config.bundle).expanduser())
        has_ranker = bundle.ranker_path is not None
        served = [bundle_policy(bundle, use_ranker) for use_ranker in ((False, True) if has_ranker else (False,))]
    elif config.policy == "bundle":
        raise UsageError("policy=bundle needs a bundle trained on the world's log; give bundle=FOLDER")
    if config.policy == "bundle":
        return served
    return [yardstick("random"), yardstick("popularity"), *served, yardstick("oracle")]


def _kernels(name: str) -> list[str]:
    return [each.name for each in KERNELS] if name == "all" else [kernel(name).name]
