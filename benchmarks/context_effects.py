"""What a ranker learned of the moment, beside the simulator's truth: the same viewers asked at other moments.

Run: python benchmarks/context_effects.py FOLDER [MORE ...]    (each a world with a bundle, as closed_loop.py leaves it)

Late hours shun dark titles, company likes family titles, the phone prefers shorter titles than the television does. For
each viewer: how the log odds of a play that the ranker predicts for every title move from one moment to the other, and
the slope of that over the title's trait. Shapes: V viewers, N titles.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student
from threadpoolctl import threadpool_limits

from serving.assembly import assemble, load_scorer
from serving.bundle import Bundle
from serving.recommender import Recommender
from serving.scorer import RankerScorer
from towers.query import Query
from towers.vocabulary import UNKNOWN
from training.simulator.appeal import LATE_DARK, PHONE_LENGTH, TOGETHER_FAMILY, TV_LENGTH
from training.simulator.bundle_policy import moment
from training.simulator.log import Simulated
from training.simulator.sessions import HOUR_MS, PHONE, TV
from training.simulator.world import DAY_MS, item_ids, profile_ids

NUM_VIEWERS: Final = 200
EVENING_H: Final = 19
NIGHT_H: Final = 23


class Moment(NamedTuple):
    """Local hour, device and company of a request."""

    hour: int = EVENING_H
    device: int = TV
    is_together: bool = False


class Effect(NamedTuple):
    """From one moment to another the log odds of a play move by `truth` times a title's trait [N]."""

    name: str
    before: Moment
    after: Moment
    trait: NDArray[np.float32]
    truth: float


def effects(simulated: Simulated) -> list[Effect]:
    """The simulator's effects of the moment."""
    titles, scale = simulated.world.titles, simulated.world.config.context_scale
    length, usual = np.log(titles.minutes / 45).astype(np.float32), Moment()
    night, phone, together = (
        usual._replace(hour=NIGHT_H),
        usual._replace(device=PHONE),
        usual._replace(is_together=True),
    )
    return [
        Effect("19 h to 23 h, dark", usual, night, titles.dark, scale * LATE_DARK),
        Effect("television to phone, log length", usual, phone, length, scale * (PHONE_LENGTH - TV_LENGTH)),
        Effect("alone to together, family", usual, together, titles.family, scale * TOGETHER_FAMILY),
    ]


def main(*folders: str) -> None:
    """Print predicted and true slopes in each world, and their mean over the worlds."""
    found: dict[str, list[float]] = {}
    for folder in folders:
        simulated = Simulated.load(Path(folder))
        asked = Asked.open(Bundle.load(Path(folder) / "bundle"))
        for effect in effects(simulated):
            with threadpool_limits(1, "blas"):
                slopes = asked.slopes(simulated, effect)
            found.setdefault(f"{effect.name}, truth {effect.truth:+.2f}", []).append(float(slopes.mean()))
            half = 1.96 * float(slopes.std() / np.sqrt(len(slopes)))
            print(f"{folder}: {effect.name}: {slopes.mean():+.3f} ± {half:.3f}, truth {effect.truth:+.2f}", flush=True)
    for name, means in found.items():
        spread = np.std(means, ddof=1) / np.sqrt(len(means)) if len(means) > 1 else np.nan
        half = float(student.ppf(0.975, max(len(means) - 1, 1)) * spread)
        print(f"{name}: predicted {np.mean(means):+.3f} ± {half:.3f} over {len(means)} worlds")


@dataclass(frozen=True, eq=False)
class Asked:
    """A bundle that is asked what it predicts."""

    recommender: Recommender
    scorer: RankerScorer

    @classmethod
    def open(cls, bundle: Bundle) -> Asked:
        """A bundle with a ranker."""
        recommender = assemble(bundle)
        scorer = load_scorer(bundle, recommender.state)
        if scorer is None:
            raise SystemExit(f"{bundle.folder} has no ranker; train one")
        return cls(recommender, scorer)

    def slopes(self, simulated: Simulated, effect: Effect) -> NDArray[np.float64]:
        """Slope [V] over the trait of what the move changes in the predicted log odds of the titles."""
        viewers, names = simulated.world.viewers, profile_ids(simulated.world.viewers.num_profiles)
        rows = self.recommender.state.items.rows(item_ids(simulated.world.titles.num_titles))
        known = np.flatnonzero(rows != UNKNOWN)
        trait = effect.trait[known] - effect.trait[known].mean()
        slopes = []
        for viewer in np.random.default_rng(0).permutation(len(viewers.rate))[:NUM_VIEWERS].tolist():
            profile, zone_h = names[viewers.profile[viewer]], int(viewers.zone_h[viewer])
            before, after = (
                self.log_odds(query_at(self.recommender, profile, zone_h, each), rows[known])
                for each in (effect.before, effect.after)
            )
            slopes.append(float(trait @ (after - before) / (trait @ trait)))
        return np.array(slopes)

    def log_odds(self, query: Query, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predicted log odds [N] that the rows are chosen if seen, in the order of the rows."""
        request = self.recommender.request(query)
        placed = self.recommender.placed(request, rows, self.scorer.counts)
        chosen = self.scorer.probabilities(request, placed)["chosen"]
        return np.asarray(np.log(chosen) - np.log1p(-chosen))


def query_at(recommender: Recommender, profile: str, zone_h: int, asked: Moment) -> Query:
    """A request on the day after the bundle's training at a local hour."""
    midnight = (recommender.bundle.manifest.trained_until_ms // DAY_MS + 1) * DAY_MS
    ts_ms = midnight + (asked.hour - zone_h) % 24 * HOUR_MS + HOUR_MS // 2
    return Query(user_id=profile, ts_ms=ts_ms, context=moment(asked.device, asked.is_together, zone_h))


if __name__ == "__main__":
    main(*sys.argv[1:])
