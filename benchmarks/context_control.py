"""Negative control: device and company help a bundle where they matter, and gain nothing where they do not.

Run: python benchmarks/context_control.py [number of worlds] [folder]

Two services answer the same requests of the same lives; viewers see the pages of one half of the time. A page is judged
by the chance, under the hidden truth, that something on it is played, so that no chance of a viewer's day is in the
difference. Shapes: S sessions, K slots, V viewers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import t as student

from serving.bundle import Bundle
from towers.query import Query
from training.commands.train import TrainConfig, train
from training.compose import compose
from training.simulator.attention import GeometricWalk
from training.simulator.bundle_policy import BundlePolicy, moment
from training.simulator.closed_loop import LoopConfig, closed_loop
from training.simulator.config import preset
from training.simulator.events import EventBlock
from training.simulator.log import Simulated, write_world
from training.simulator.policies import Pages, Request
from training.simulator.sessions import Sessions

LOOP: Final = LoopConfig(days=7, num_viewers=800)
RECIPE: Final = (
    "refit=false",
    "preset=nano",
    "learning.fit.max_epochs=5",
    "split.val_share=0.05",
    "split.test_share=0",
)
FIRST_SEED: Final = 21
NUM_GLANCES: Final = 64
NUM_RESAMPLES: Final = 500

Opener = Callable[[Simulated], BundlePolicy]


class Misled(BundlePolicy):
    """Is told device and company of some other session."""

    def _query(self, sessions: Sessions, s: int, ts_ms: int) -> Query:
        other = (s * 7919 + ts_ms // 1000) % len(sessions.viewer)
        context = moment(
            int(sessions.device[other]), bool(sessions.is_together[other]), self._zone_h[sessions.viewer[s]]
        )
        return replace(super()._query(sessions, s, ts_ms), context=context)


class Duel:
    """Two policies side by side: `chances` [2, S] that something is played from the pages of each, of `viewer` [S]."""

    name = "duel"

    def __init__(self, first: BundlePolicy, second: BundlePolicy) -> None:
        self._policies = first, second
        self._chances: list[NDArray[np.float64]] = []
        self._viewers: list[NDArray[np.int64]] = []

    def pages(self, request: Request, num_slots: int) -> Pages:
        """Of one policy in even sessions, of the other one in odd ones."""
        first, second = (policy.pages(request, num_slots) for policy in self._policies)
        self._chances.append(np.stack([play_chance(page.items, request.odds) for page in (first, second)]))
        self._viewers.append(request.sessions.viewer)
        is_first = request.sessions.number % 2 == 0
        return first._replace(items=np.where(is_first[:, None], first.items, second.items))

    def observe(self, block: EventBlock) -> None:
        """Both hear of everything."""
        for policy in self._policies:
            policy.observe(block)

    @property
    def chances(self) -> NDArray[np.float64]:
        return np.concatenate(self._chances, axis=1)

    @property
    def viewer(self) -> NDArray[np.int64]:
        return np.concatenate(self._viewers)


def play_chance(items: NDArray[np.int64], odds: NDArray[np.float32]) -> NDArray[np.float64]:
    """Chance [S] that something on a page [S, K] is taken, images aside, over fixed walks of the eye."""
    uniform = np.random.default_rng(0).random((NUM_GLANCES, 6, items.shape[1] // 6))
    glanced = GeometricWalk().glances(uniform).reshape(NUM_GLANCES, -1)
    left = np.log1p(-expit(np.take_along_axis(odds, items, axis=1).astype(np.float64)))
    return np.asarray(1 - np.exp(left @ glanced.T.astype(np.float64)).mean(axis=1))


def main() -> None:
    """Print the gain of knowing device and company in each world, then over the worlds."""
    num_worlds, folder = (*sys.argv[1:], *("4", "runs/control")[len(sys.argv) - 1 :])
    found: dict[str, list[float]] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + int(num_worlds)):
        for scale in (1.0, 0.0):
            world = replace(preset("small"), context_scale=scale)
            simulated = write_world(world, seed, Path(folder) / f"{scale:g}-{seed}").simulated
            knowing = learned(simulated, has_context=True)
            for name, other in (("learned", learned(simulated, has_context=False)), ("told", misled(simulated))):
                for who, gain in compared(simulated, knowing, other).items():
                    key = f"effects {scale:g}, {name}, {who}"
                    found.setdefault(key, []).append(gain[0])
                    print(f"world {seed}, {key}: {gain[0]:+.4f} ± {gain[1]:.4f}", flush=True)
    for key, gains in found.items():
        print(f"{key}: {over_worlds(gains)}", flush=True)


def learned(simulated: Simulated, has_context: bool) -> Opener:
    """The service that learned with or without the columns."""
    log = simulated.folder / f"log-{has_context}.parquet"
    table = pq.read_table(simulated.events)
    pq.write_table(table if has_context else table.drop_columns(["device", "companions"]), log)
    out = simulated.folder / f"bundle-{has_context}"
    words = ["data=files", f"data.events={log}", f"data.items={simulated.items}", f"out={out}", "resume=true"]
    train(compose(TrainConfig, "train", [*RECIPE, *words, "tracking.enabled=false"]))
    return lambda world: BundlePolicy.open(Bundle.load(out), world.world, world.events, str(has_context))


def misled(simulated: Simulated) -> Opener:
    """The service that learned with the columns and is told those of others: unlike two trainings, it differs in
    nothing else.
    """
    bundle = Bundle.load(simulated.folder / "bundle-True")
    return lambda world: Misled.open(bundle, world.world, world.events, "misled")


def compared(simulated: Simulated, knowing: Opener, other: Opener) -> dict[str, tuple[float, float]]:
    """Gain of the first in the chance of a play, with its interval over resampled viewers: of all viewers, and of those
    who share their profile with nobody, to whom device and company are no hint of who is watching.
    """
    duel = Duel(knowing(simulated), other(simulated))
    closed_loop(simulated, lambda world, state, draws: duel, (1,), LOOP)
    viewers = simulated.world.viewers
    is_alone = np.bincount(viewers.profile)[viewers.profile] == 1
    gain, viewer = duel.chances[0] - duel.chances[1], duel.viewer
    return {
        name: interval(gain[part], viewer[part])
        for name, part in (("everybody", np.ones(len(gain), np.bool_)), ("own profile", is_alone[viewer]))
    }


def interval(gain: NDArray[np.float64], viewer: NDArray[np.int64]) -> tuple[float, float]:
    """Mean of gain [S], and half of its 95 % interval over resampled viewers."""
    _, place = np.unique(viewer, return_inverse=True)
    sums, counts = np.bincount(place, gain), np.bincount(place)
    weights = np.random.default_rng(0).poisson(1, (NUM_RESAMPLES, len(sums)))
    means = (weights @ sums) / np.maximum(weights @ counts, 1)
    return float(gain.mean()), 1.96 * float(means.std())


def over_worlds(gains: Sequence[float]) -> str:
    """Mean and half of Student's 95 % interval."""
    count, spread = len(gains), float(np.std(gains, ddof=1)) if len(gains) > 1 else float("nan")
    half = student.ppf(0.975, max(count - 1, 1)) * spread / np.sqrt(count)
    return f"{np.mean(gains):+.4f} ± {half:.4f} over {count} worlds"


if __name__ == "__main__":
    main()
