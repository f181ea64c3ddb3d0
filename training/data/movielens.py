"""The MovieLens data sets in their original layouts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from towers.schema import CheckRules
from training.data.canonical import EventOptions, RawEvents, canonical
from training.data.columns import EVENT_NAMES, recognise
from training.data.dataset import Dataset, assemble
from training.data.download import fetch, unpack
from training.data.movielens_tables import items_1m, items_100k, items_csv, read_dat, users_1m, users_100k
from training.data.tables import require_path

RATING_COLUMNS = ["user_id", "item_id", "rating", "timestamp"]


@dataclass(frozen=True, kw_only=True)
class MovieLensConfig(CheckRules):
    """`name` is the folder's and the archive's name, such as ml-1m.

    Without a `path` the folder is looked for in MARQUEE_DATA, else in ../shared/data beside the project, else in
    ~/.cache/marquee. When it is absent and `download` is set, `url`/`name`.zip is fetched and verified against
    `checksum` (MD5 or SHA-256), or against the .md5 file beside it. A rating of `liked_from` or more is a like.
    """

    name: str
    path: str | None = None
    liked_from: float = 4.0
    download: bool = False
    url: str = "https://files.grouplens.org/datasets/movielens"
    checksum: str | None = None


def data_home() -> Path:
    """The folder of public data sets: MARQUEE_DATA, else ../shared/data beside the project, else a cache."""
    if given := os.environ.get("MARQUEE_DATA"):
        return Path(given).expanduser()
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return beside if beside.is_dir() else Path("~/.cache/marquee").expanduser()


def read_movielens(config: MovieLensConfig, quarantine_folder: Path, now_ms: int) -> Dataset:
    """The checked data set; a ValueError names the folder when it is not there or holds no known layout."""
    folder = locate(config)
    if (folder / "ratings.csv").exists():
        raw, items, users = _ratings(folder / "ratings.csv", config), items_csv(folder), None
    elif (folder / "movies.dat").exists():
        raw, items, users = _events_1m(folder, config), items_1m(folder), users_1m(folder)
    elif (folder / "u.data").exists():
        raw, items, users = _events_100k(folder, config), items_100k(folder), users_100k(folder)
    else:
        raise ValueError(f"{folder} holds no ratings.csv, movies.dat or u.data; give a MovieLens folder as data.path=")
    return assemble(raw, items, users, config, quarantine_folder, now_ms)


def locate(config: MovieLensConfig) -> Path:
    """The folder of the data set, downloaded if it is absent and the configuration says so."""
    folder = Path(config.path).expanduser() if config.path else data_home() / config.name
    if folder.is_dir():
        return folder
    if not config.download:
        raise ValueError(
            f"{folder.absolute()} does not exist; give data.path=FOLDER or data.download=true, or set MARQUEE_DATA"
        )
    archive = fetch(f"{config.url}/{config.name}.zip", folder.with_name(f"{config.name}.zip"), config.checksum)
    return unpack(archive, folder)


def _ratings(path: Path, config: MovieLensConfig) -> RawEvents:
    ratings = pd.read_csv(path)
    chosen = recognise(ratings.columns, EVENT_NAMES, {}, "columns")
    if missing := [name for name in RATING_COLUMNS if name not in chosen]:
        raise ValueError(f"{path} has no column {missing[0]}; its columns are {', '.join(ratings.columns)}")
    return _rated(ratings.rename(columns={column: name for name, column in chosen.items()}), config)


def _events_100k(folder: Path, config: MovieLensConfig) -> RawEvents:
    return _rated(pd.read_csv(folder / "u.data", sep="\t", names=RATING_COLUMNS), config)


def _events_1m(folder: Path, config: MovieLensConfig) -> RawEvents:
    """From `ratings.dat`, or from `events.parquet`, which has estimated times in the exact order and likes only."""
    if (folder / "ratings.dat").exists():
        return _rated(read_dat(folder / "ratings.dat", RATING_COLUMNS), config)
    events = pd.read_parquet(require_path(folder / "events.parquet", "data.path"))
    events = events.sort_values(["user_id", "pos"], ignore_index=True)
    names = {"movie_id": "item_id", "rating_exact": "rating", "ts_est": "timestamp", "ge3": "liked"}
    return _rated(events[["user_id", *names]].rename(columns=names), config)


def _rated(ratings: pd.DataFrame, config: MovieLensConfig) -> RawEvents:
    options = EventOptions(timestamp_unit="s", default_event="rating", liked_from=config.liked_from)
    return canonical(ratings, {name: name for name in ratings.columns}, options)
