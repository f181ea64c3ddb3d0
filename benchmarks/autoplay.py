"""Whether the next episode should start by itself: presses that a viewer's habits save in a simulated log.

Every finished episode asks once. A start that was not wanted and a wanted one that did not come cost one press each.
What is decided for the newest fifth of the log was learned from the four fifths before.

Run: python benchmarks/autoplay.py FOLDER OF A SIMULATED SERVICE...
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from ranking.habits import HABITS, Counts, Population, TitleForms, counts_of
from ranking.watching import WatchLog
from serving.page.autoplay import EVEN, chance_of_next
from towers.vocabulary import Vocabulary
from training.data import FilesConfig, load
from training.page_files import title_table
from training.watching import watch_log

NEXT = HABITS.index("next_episode")


def main() -> None:
    """Print presses an episode of each way to decide, world by world."""
    for folder in map(Path, sys.argv[1:]):
        dataset = load(FilesConfig(events=str(folder / "events.parquet"), items=str(folder / "items.parquet")), folder)
        events, items = dataset.events, dataset.items
        assert items is not None
        vocabulary, viewers = Vocabulary.fit(items["item_id"]), Vocabulary.fit(events["user_id"].unique())
        cut = int(events["ts_ms"].quantile(0.8))
        is_old = (events["ts_ms"] <= cut).to_numpy()
        titles = title_table(items, vocabulary)
        is_series = np.array([kind == "series" for kind in titles.kind])
        facts = TitleForms(titles.lengths(), is_series, np.zeros((len(is_series), 0), dtype=np.bool_))
        old, new = (counted(events[part], vocabulary, viewers, facts) for part in (is_old, ~is_old))
        print(f"{folder.name}: {presses(old, new)}", flush=True)


def counted(events: pd.DataFrame, vocabulary: Vocabulary, viewers: Vocabulary, facts: TitleForms) -> list[Counts]:
    """Counts of each viewer."""
    log = watch_log(events, vocabulary, viewers)
    assert isinstance(log, WatchLog)
    return [counts_of(log.of(viewer), facts, len(log.device_names)) for viewer in range(log.num_viewers)]


def presses(old: list[Counts], new: list[Counts]) -> str:
    """Presses an episode, and how well the shares of before foretell those of after."""
    population = Population.of(old)
    habits = [population.habits_of(each) for each in old]
    num, went_on = (
        np.array([part[NEXT] for part in parts]) for parts in zip(*((c.num, c.sum) for c in new), strict=True)
    )
    drawn = np.array([each.share_of("next_episode") for each in habits])
    raw = np.array([each.sum[NEXT] / each.num[NEXT] if each.num[NEXT] else 1.0 for each in old])
    chance = np.array([chance_of_next(each) for each in habits])
    ways = {"always": np.ones(len(num)), "never": np.zeros(len(num)), "raw share": (raw > EVEN) * 1.0,
            "drawn share": (drawn > EVEN) * 1.0, "as served": chance}  # fmt: skip
    stopped = num - went_on
    costs = {name: float((on * stopped + (1 - on) * went_on).sum() / num.sum()) for name, on in ways.items()}
    error = {name: float((num * (share - went_on / np.maximum(num, 1)) ** 2).sum() / num.sum()) for name, share in
             (("raw", raw), ("drawn", drawn))}  # fmt: skip
    told = ", ".join(f"{name} {cost:.4f}" for name, cost in costs.items())
    return f"presses an episode: {told}; squared error of the share: raw {error['raw']:.4f}, drawn {error['drawn']:.4f}"


if __name__ == "__main__":
    main()
