"""Films and viewers of the MovieLens data sets, in each of the original layouts."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from training.data.catalogue import one_row_each, users_table
from training.data.tables import require_path

GENRES_100K: Final = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
"""Meaning of the 19 flags at the end of each line of u.item, from the data set's u.genre."""

NO_GENRES: Final = {"(no genres listed)", "unknown", ""}


def read_dat(path: Path, names: list[str], dtype: str | None = None) -> pd.DataFrame:
    """A file with '::' between its columns, in Latin-1."""
    text = require_path(path, "data.path").read_text(encoding="latin-1").replace("::", "\t")
    return pd.read_csv(
        io.StringIO(text), sep="\t", names=names, dtype=dtype, quoting=csv.QUOTE_NONE, keep_default_na=False
    )


def items_csv(folder: Path) -> pd.DataFrame:
    """Films of the layouts with CSV files. `tags.csv` stays out: tags are behaviour with times of their own, and as
    catalogue text they would tell training what viewers said later.
    """
    movies = pd.read_csv(require_path(folder / "movies.csv", "data.path"), dtype="str", keep_default_na=False)
    return _films(movies.set_axis(["item_id", "title", "genres"], axis=1))


def items_1m(folder: Path) -> pd.DataFrame:
    """Films of ml-1m, with people, plot, maturity and release date where `movies_extrainfos.dat` is there."""
    items = _films(read_dat(folder / "movies.dat", ["item_id", "title", "genres"], "str"))
    extra = folder / "movies_extrainfos.dat"
    if not extra.exists():
        return items
    items = items.merge(_extra_infos(extra), on="item_id", how="left")
    items["people"] = [people if isinstance(people, list) else [] for people in items["people"]]
    return items


def items_100k(folder: Path) -> pd.DataFrame:
    """Films of ml-100k from u.item."""
    rows = [line.split("|") for line in _latin_lines(folder / "u.item")]
    listed = [[name for name, flag in zip(GENRES_100K, row[5:], strict=True) if flag == "1"] for row in rows]
    films = {"item_id": [row[0] for row in rows], "title": [row[1] for row in rows], "genres": map("|".join, listed)}
    items = _films(pd.DataFrame(films, dtype="str"))
    items["release_ms"] = _days_ms(pd.Series([row[2] for row in rows], dtype="str"), "%d-%b-%Y")
    return items


def users_1m(folder: Path) -> pd.DataFrame:
    """Viewers of ml-1m from users.dat."""
    return users_table(read_dat(folder / "users.dat", ["user_id", "gender", "age", "occupation", "zip"], "str"), {})


def users_100k(folder: Path) -> pd.DataFrame:
    """Viewers of ml-100k from u.user."""
    rows = [line.split("|") for line in _latin_lines(folder / "u.user")]
    return users_table(pd.DataFrame(rows, columns=["user_id", "age", "gender", "occupation", "zip"], dtype="str"), {})


def _films(movies: pd.DataFrame) -> pd.DataFrame:
    """'Matrix, The (1999)' becomes the title 'The Matrix' and the year 1999; genres split at '|'."""
    titles = movies["title"].str.strip()
    years = pd.to_numeric(titles.str.extract(r"\((\d{4})\)$", expand=False)).astype(np.float64)
    plain = titles.str.replace(r"\s*\(\d{4}\)$", "", regex=True)
    plain = plain.str.replace(r"^(.+), (The|An|A)$", r"\2 \1", regex=True)
    genres = [[name for name in names.split("|") if name not in NO_GENRES] for names in movies["genres"]]
    films = {"item_id": movies["item_id"], "title": plain, "genres": genres, "year": years}
    return one_row_each(pd.DataFrame(films), "item_id")


def _extra_infos(path: Path) -> pd.DataFrame:
    rows = [line.split("::") for line in path.read_text(encoding="utf-8").splitlines()]
    if strange := [row for row in rows if len(row) != 11]:
        raise ValueError(f"{path}: a line has {len(strange[0])} fields, expected 11: {'::'.join(strange[0])[:80]}")
    columns = list(zip(*rows, strict=True))
    people = [_people(director, actors) for director, actors in zip(columns[6], columns[8], strict=True)]
    text = {name: pd.Series(columns[c], dtype="str") for name, c in {"item_id": 0, "text": 9, "maturity": 3}.items()}
    infos = pd.DataFrame({**text, "people": people})
    infos["text"] = infos["text"].where(infos["text"] != "N/A")
    infos["release_ms"] = _days_ms(pd.Series(columns[4], dtype="str"), "%d %b %Y")
    return one_row_each(infos, "item_id")


def _people(*groups: str) -> list[str]:
    names = [name.split(" (")[0].strip() for group in groups for name in group.split(",")]
    return list(dict.fromkeys(name for name in names if name not in {"", "N/A"}))


def _days_ms(days: pd.Series, pattern: str) -> pd.Series:
    dates = pd.to_datetime(days, format=pattern, errors="coerce", utc=True)
    return (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(milliseconds=1)


def _latin_lines(path: Path) -> list[str]:
    text = require_path(path, "data.path").read_text(encoding="latin-1")
    return [line for line in text.split("\n") if line.strip()]
