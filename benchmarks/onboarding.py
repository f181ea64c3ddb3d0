"""What answers of newcomers are worth, and which titles to ask them about.

Viewers whom the bundle never saw answer "like" for titles in one half of their likes, drawn by chance, and "unknown"
otherwise; the other half is to be found. NDCG@10 over all titles but the first half, after so many likes; who has fewer
within the first 200 titles asked about keeps those. Titles are ordered by what the page hears of the answers, the
ranker aside. Settings were chosen on the viewers or worlds called validation.

Run: python benchmarks/onboarding.py ml-1m BUNDLE EVENTS.parquet     (a bundle trained on the first 90 % of time)
     python benchmarks/onboarding.py simulated FOLDER [FIRST SEED] [NUMBER OF WORLDS]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ranking.crowd import Crowd, crowd_of
from ranking.newcomer import Newcomer
from ranking.onboarding import Answers, Asker
from serving.bundle import Bundle
from serving.page.newcomer import BAG_WEIGHT
from training.commands.train import TrainConfig, train
from training.compose import compose
from training.simulator.config import preset
from training.simulator.log import write_world

NUMBERS: Final = (0, 1, 3, 5, 10)
GRIDS: Final = ("popular", "diverse", "adaptive")
MOST_ASKED: Final = 200
GRID: Final = 12
DISCOUNTS: Final = 1 / np.log2(np.arange(2, 12))
NOBODY: Final = np.empty(0, dtype=np.int64)


class Viewer(NamedTuple):
    """Item rows of the likes that may be answered, and of those to find."""

    known: NDArray[np.int64]
    wanted: NDArray[np.int64]


class Outcome(NamedTuple):
    """NDCG@10 and titles asked about [U, NUMBERS]."""

    ndcg: NDArray[np.float64]
    asked: NDArray[np.float64]


def main() -> None:
    """Print tables."""
    if sys.argv[1] == "ml-1m":
        bundle = Bundle.load(Path(sys.argv[2]))
        viewers = movielens_viewers(bundle, Path(sys.argv[3]))
        third = len(viewers) // 3
        for name, part in (("validation", viewers[:third]), ("judged", viewers[third:])):
            report(f"MovieLens-1M, {name}", judge(bundle, part))
        return
    folder, first, count = Path(sys.argv[2]), *(int(word) for word in (*sys.argv[3:], "11", "5")[:2])
    found = []
    for seed in range(first, first + count):
        bundle, viewers = world(folder / f"world-{seed}", seed)
        found.append(judge(bundle, viewers))
        report(f"simulated, world {seed}", found[-1])
    report("simulated, all", {grid: pooled([each[grid] for each in found]) for grid in GRIDS})


def judge(bundle: Bundle, viewers: list[Viewer]) -> dict[str, Outcome]:
    """Outcome of every way to ask."""
    vectors = np.asarray(bundle.item_vectors)
    crowd = crowd_of(bundle.histories, vectors)
    newcomer = Newcomer().fitted(crowd, np.random.default_rng(0))
    asker = Asker(crowd, newcomer)
    prior = newcomer.prior(np.bincount(bundle.histories.rows, minlength=len(vectors)).astype(np.float64))
    prior[:2] = -np.inf
    print(f"{len(viewers)} viewers, strength {newcomer.strength:g}, doubt {newcomer.doubt:g}")

    def odds(liked: NDArray[np.int64]) -> NDArray[np.float64]:
        lean = newcomer.lean(vectors[liked], np.ones(len(liked), dtype=np.bool_), crowd.centre)
        heard: NDArray[np.float64] = prior + vectors @ lean
        return heard if bundle.bag is None else heard + BAG_WEIGHT * bundle.bag.scores(liked, len(heard))

    return {grid: asked_by(grid, asker, crowd, odds, viewers) for grid in GRIDS}


def asked_by(
    grid: str,
    asker: Asker,
    crowd: Crowd,
    odds: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    viewers: list[Viewer],
) -> Outcome:
    """Ask each viewer with one kind of grid; `odds` are those of all titles [R] after the likes."""
    fixed = getattr(asker, grid)(MOST_ASKED)
    ndcg, asked = np.zeros((len(viewers), len(NUMBERS))), np.zeros((len(viewers), len(NUMBERS)))
    for u, viewer in enumerate(viewers):
        places = crowd.places(viewer.known)
        likes, after = adapted(asker, places) if grid == "adaptive" else found_in(fixed, places)
        for n, number in enumerate(NUMBERS):
            ndcg[u, n] = ndcg_at_10(odds(crowd.rows[likes[:number]]), viewer)
            asked[u, n] = after[number - 1] if 0 < number <= len(likes) else MOST_ASKED * (number > 0)
    return Outcome(ndcg, asked)


def found_in(grid: NDArray[np.int64], places: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Likes in the order of a fixed grid, and how many titles had been asked about at each."""
    at = np.flatnonzero(np.isin(grid, places))[: NUMBERS[-1]]
    return grid[at].tolist(), (at + 1).tolist()


def adapted(asker: Asker, places: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """The same with a new grid after each like and when a grid is worked through."""
    likes: list[int] = []
    after: list[int] = []
    asked: list[int] = []
    while len(asked) < MOST_ASKED and len(likes) < NUMBERS[-1]:
        grid = asker.adaptive(GRID, Answers(np.array(likes, np.int64), NOBODY, np.array(asked, np.int64)))
        if len(grid) == 0:
            break
        hits = np.flatnonzero(np.isin(grid, places))[:1].tolist()
        asked += grid[: hits[0] + 1 if hits else None].tolist()
        likes += grid[hits].tolist()
        after += [len(asked)] * len(hits)
    return likes, after


def ndcg_at_10(odds: NDArray[np.float64], viewer: Viewer) -> float:
    """Of the likes to find; the likes that may be answered stand aside."""
    odds[viewer.known] = -np.inf
    top = np.argsort(-odds, kind="stable")[:10]
    ideal = DISCOUNTS[: min(10, len(viewer.wanted))].sum()
    return float((np.isin(top, viewer.wanted) * DISCOUNTS).sum() / ideal)


def report(title: str, outcomes: dict[str, Outcome]) -> None:
    """NDCG@10 with its gain over the popular grid, and titles asked about."""
    print(title)
    base = outcomes["popular"].ndcg
    draws = np.random.default_rng(0).integers(0, len(base), (2000, len(base)))
    for grid, outcome in outcomes.items():
        cells = []
        for n, number in enumerate(NUMBERS):
            ratio = outcome.ndcg[draws, n].mean(axis=1) / base[draws, n].mean(axis=1) - 1
            low, high = 100 * np.quantile(ratio, (0.025, 0.975))
            mean = 100 * (outcome.ndcg[:, n].mean() / base[:, n].mean() - 1)
            gain = "" if grid == "popular" else f" {mean:+.1f} % [{low:+.1f}, {high:+.1f}]"
            cells.append(f"{number}: {outcome.ndcg[:, n].mean():.4f}{gain} ({outcome.asked[:, n].mean():.0f})")
        print(f"  {grid:9} " + "  ".join(cells), flush=True)
        steps = np.diff(outcome.ndcg[draws].mean(axis=1), axis=1)
        rises = [f"{np.quantile(steps[:, n], 0.025):+.4f}" for n in range(len(NUMBERS) - 1)]
        print(f"            steps' lower ends: {' '.join(rises)}")


def pooled(outcomes: list[Outcome]) -> Outcome:
    """All viewers of all worlds."""
    return Outcome(*(np.concatenate(parts) for parts in zip(*outcomes, strict=True)))


def movielens_viewers(bundle: Bundle, events: Path) -> list[Viewer]:
    """Viewers that the bundle does not know, in random order."""
    table = pd.read_parquet(events, columns=["user_id", "movie_id", "ge3"])
    table["user_id"] = table.user_id.astype(str)
    known = {name.decode() for name in bundle.viewers.encoded.tolist()}
    table = table[table.ge3 & ~table.user_id.isin(known)]
    return viewers_of(bundle, table.user_id, table.movie_id.astype(str), 0)


def viewers_of(bundle: Bundle, users: pd.Series, items: pd.Series, seed: int) -> list[Viewer]:
    """Likes of each user with six of them, cut in two by chance."""
    rng = np.random.default_rng(seed)
    rows = pd.Series(bundle.spec.vocabulary.rows(items.tolist()), index=users.index)
    likes = [np.unique(each[each > 1]) for _, each in rows.groupby(users)]
    drawn = [rng.permutation(each) for each in likes if len(each) >= 6]
    return [Viewer(drawn[u][: len(drawn[u]) // 2], drawn[u][len(drawn[u]) // 2 :]) for u in rng.permutation(len(drawn))]


def world(folder: Path, seed: int) -> tuple[Bundle, list[Viewer]]:
    """A bundle learned from three quarters of a world's profiles, and the others; a like is a play watched for half."""
    if not (folder / "bundle" / "CURRENT").is_file():
        make_world(folder, seed)
    table = pq.read_table(
        folder / "events.parquet", columns=["profile_id", "item_id", "event", "watch_s", "duration_s"]
    )
    table = table.filter(pc.field("event") == "play").to_pandas()
    held = np.load(folder / "held.npy")
    table = table[(table.watch_s >= 0.5 * table.duration_s) & table.profile_id.isin(held)]
    bundle = Bundle.load(folder / "bundle")
    return bundle, viewers_of(bundle, table.profile_id, table.item_id, seed)


def make_world(folder: Path, seed: int) -> None:
    """Simulate, hold out every fourth profile, train the nano recipe on the others."""
    simulated = write_world(preset("small"), seed, folder).simulated
    table = pq.read_table(simulated.events)
    profiles = np.array(sorted(pc.unique(table["profile_id"]).to_pylist()))
    held = np.random.default_rng([seed, 3]).permutation(profiles)[: len(profiles) // 4]
    np.save(folder / "held.npy", held)
    log = folder / "train.parquet"
    pq.write_table(table.filter(pc.invert(pc.is_in(table["profile_id"], pa.array(held.tolist())))), log)
    words = ["preset=nano", "data=files", f"data.events={log}", f"data.items={simulated.items}"]
    train(compose(TrainConfig, "train", [*words, f"out={folder / 'bundle'}", "tracking.enabled=false"]))


if __name__ == "__main__":
    main()
