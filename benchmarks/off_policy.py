"""Thompson sampling on the Open Bandit Dataset, judged by the log of the random policy, against what it earned itself.

Run: python benchmarks/off_policy.py FOLDER     (the folder of the data set, with random/men and bts/men)
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ranking.off_policy import Estimate, Feedback, doubly_robust, ips, mean_rewards, snips

NUM_ACTIONS: Final = 34


def main() -> None:
    """Print every estimate and the truth."""
    random, thompson = (read(Path(sys.argv[1]), name) for name in ("random", "bts"))
    for name, estimate in judged(random, thompson).items():
        value, low, high, size = estimate
        print(f"{name:14} {1000 * value:.2f} [{1000 * low:.2f}, {1000 * high:.2f}] in 1,000, effective size {size:.0f}")
    for name, log in (("its own log", thompson), ("random's log", random)):
        half = 1.96 * float(log.click.std()) / np.sqrt(len(log))
        print(f"{name:14} {1000 * log.click.mean():.2f} ± {1000 * half:.2f}, {len(log)} impressions")


def read(folder: Path, policy: str) -> pd.DataFrame:
    """Impressions of a policy in the campaign men."""
    return pd.read_csv(folder / policy / "men" / "men.csv", index_col=0)


def judged(random: pd.DataFrame, thompson: pd.DataFrame) -> dict[str, Estimate]:
    """Thompson sampling's value by each estimator; its policy is how often it showed each item at each position."""
    feedback, action_dist = feedback_of(random), shares(thompson, random)
    return {
        "ips": ips(feedback, action_dist),
        "snips": snips(feedback, action_dist),
        "doubly robust": doubly_robust(feedback, action_dist, mean_rewards(feedback, NUM_ACTIONS)),
    }


def feedback_of(log: pd.DataFrame) -> Feedback:
    """The log under the names of the estimators."""
    return Feedback(*(log[name].to_numpy() for name in ("item_id", "click", "propensity_score", "position")))


def shares(thompson: pd.DataFrame, random: pd.DataFrame) -> NDArray[np.float64]:
    """Probabilities [n, A] of the evaluated policy at the position of each logged impression."""
    table = pd.crosstab(thompson.position, thompson.item_id, normalize="index")
    found: NDArray[np.float64] = table.loc[random.position].reindex(columns=range(NUM_ACTIONS), fill_value=0).to_numpy()
    return found


if __name__ == "__main__":
    main()
