"""Marginals of a simulated log beside those of real services, as far as public data shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.errors import UsageError
from training.simulator.log import Simulated

DAY_MS: Final = 86_400_000


class Marginal(NamedTuple):
    """One figure, simulated and real, with the source of the real one and what to think of it."""

    name: str
    simulated: float
    real: float
    source: str
    remark: str


def calibration(simulated: Simulated, home: Path) -> list[Marginal]:
    """Every marginal whose data set lies in `home`; a UsageError when there is none at all."""
    sources: tuple[tuple[str, Callable[[Simulated, Path], Iterator[Marginal]]], ...] = (
        ("globo/clicks.parquet", _globo),
        ("ml-1m", _movielens),
        ("obd/random/men/men.csv", _open_bandit),
    )
    found = [marginal for path, read in sources if (home / path).exists() for marginal in read(simulated, home / path)]
    if not found:
        raise UsageError(f"no globo, ml-1m or obd in {home}; set MARQUEE_DATA to the folder that holds them")
    return found


def marginals_as_text(marginals: list[Marginal]) -> str:
    """The table simulated, real, source."""
    width = max(len(marginal.name) for marginal in marginals)
    lines = [f"{'':{width}}  simulated     real  source"]
    lines += [
        f"{m.name:{width}}  {m.simulated:9.3f}  {m.real:7.3f}  {m.source}{f' ({m.remark})' if m.remark else ''}"
        for m in marginals
    ]
    return "\n".join(lines)


def gini(counts: NDArray[np.integer[Any]]) -> float:
    """Inequality of counts: 0 when all are equal, near 1 when one has everything."""
    ordered = np.sort(counts).astype(np.float64)
    ranks = np.arange(1, len(ordered) + 1)
    return float((2 * ranks - len(ordered) - 1) @ ordered / (len(ordered) * ordered.sum()))


def top_share(counts: NDArray[np.integer[Any]]) -> float:
    """Share of all events that fall on the most popular tenth of the items."""
    ordered = np.sort(counts)[::-1]
    return float(ordered[: max(1, len(ordered) // 10)].sum() / ordered.sum())


def taste_concentration(users: pd.Series, genres: pd.Series) -> float:
    """How far genre shares within a viewer exceed chance: mean sum of squares, bias removed, over that of everybody.

    `users` [E] and `genres` [E] are parallel; 1 means that all viewers have the same taste.
    """
    counts = pd.crosstab(users, genres).to_numpy(dtype=np.float64)
    counts = counts[counts.sum(axis=1) >= 10]
    total = counts.sum(axis=1)
    pairs = (counts * (counts - 1)).sum(axis=1) / (total * (total - 1))
    everybody = counts.sum(axis=0) / counts.sum()
    return float(pairs.mean() / (everybody**2).sum())


def _globo(simulated: Simulated, path: Path) -> Iterator[Marginal]:
    columns = ["session_id", "session_size", "click_timestamp", "click_deviceGroup"]
    clicks = pd.read_parquet(path, columns=columns)
    events = pd.read_parquet(simulated.events, columns=["session_id", "event", "ts_ms", "device"])
    starts = events.groupby("session_id").agg(ts_ms=("ts_ms", "min"), device=("device", "first"))
    real_starts = clicks.drop_duplicates("session_id")
    chosen = events[events["event"].isin(["play", "resume"])].groupby("session_id").size()
    yield Marginal(
        "titles chosen a session that chose",
        chosen.mean(),
        real_starts["session_size"].mean(),
        "Globo",
        "news; ≥ 2 by design of the data",
    )
    ours, theirs = _hours(starts["ts_ms"]), _hours(real_starts["click_timestamp"] - 3 * 3_600_000)
    for name, part in (
        ("morning 6-12", slice(6, 12)),
        ("afternoon 12-18", slice(12, 18)),
        ("evening 18-24", slice(18, 24)),
    ):
        yield Marginal(
            f"sessions in the {name} h", ours[part].sum(), theirs[part].sum(), "Globo", "news is read all day"
        )
    devices = real_starts["click_deviceGroup"].value_counts(normalize=True).to_numpy()
    mix = starts["device"].value_counts(normalize=True).to_numpy()
    yield Marginal("share of the first device", mix[0], devices[0], "Globo", "phone or desktop there, television here")
    yield Marginal("share of the second device", mix[1], devices[1], "Globo", "")


def _movielens(simulated: Simulated, path: Path) -> Iterator[Marginal]:
    names = ["movie_id", "title", "genres"]
    movies = pd.read_csv(path / "movies.dat", sep="::", engine="python", encoding="latin-1", names=names)
    ratings = pd.read_parquet(path / "events.parquet", columns=["user_id", "movie_id"])
    events = pd.read_parquet(simulated.events, columns=["profile_id", "item_id", "event"])
    plays = events[events["event"] == "play"]
    items = pd.read_parquet(simulated.items, columns=["item_id", "genres"])
    main = items.set_index("item_id")["genres"].str[0]
    real_main = movies.set_index("movie_id")["genres"].str.split("|").str[0]
    yield Marginal(
        "taste: same genre twice, over chance",
        taste_concentration(plays["profile_id"], plays["item_id"].map(main)),
        taste_concentration(ratings["user_id"], ratings["movie_id"].map(real_main)),
        "MovieLens 1M",
        "ratings of many years by few",
    )
    ours, theirs = plays["item_id"].value_counts().to_numpy(), ratings["movie_id"].value_counts().to_numpy()
    yield Marginal("popularity: share of the top tenth", top_share(ours), top_share(theirs), "MovieLens 1M", "")
    yield Marginal("popularity: Gini", gini(ours), gini(theirs), "MovieLens 1M", "3,400 films there")


def _open_bandit(simulated: Simulated, path: Path) -> Iterator[Marginal]:
    shown = pd.read_csv(path, usecols=["position", "click"])
    real = shown.groupby("position")["click"].mean().to_numpy()
    columns = ["event", "request_id", "row_pos", "col_pos"]
    events = pd.read_parquet(simulated.events, columns=columns)
    events = events[events["row_pos"] == 0]
    logged = events["request_id"].isin(events["request_id"][events["event"] == "impression"])
    plays = events[(events["event"] == "play") & logged].groupby("col_pos").size()
    requests = events["request_id"][events["event"] == "impression"].nunique()
    for place, remark in ((1, "uniform policy, three places side by side"), (2, "")):
        ours = plays.get(place, 0) / max(plays.get(0, 0), 1)
        yield Marginal(
            f"plays or clicks in place {place + 1} over place 1", ours, real[place] / real[0], "Open Bandit", remark
        )
    yield Marginal(
        "plays or clicks of a page in place 1",
        plays.get(0, 0) / max(requests, 1),
        real[0],
        "Open Bandit",
        "a shop; some 10,000 impressions",
    )


def _hours(ts_ms: pd.Series) -> NDArray[np.float64]:
    """Share of each hour [24]."""
    hours = (ts_ms.to_numpy() % DAY_MS // 3_600_000).astype(np.int64)
    return np.bincount(hours, minlength=24) / len(hours)
