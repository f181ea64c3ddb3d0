"""One table from Parquet, CSV, TSV or JSONL, from one file or a folder of parts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

import pandas as pd

from training.data.columns import EVENT_NAMES, recognise

SUFFIXES: Final = (".parquet", ".csv", ".tsv", ".txt", ".jsonl", ".ndjson")
"""What is read; all but Parquet also with .gz behind."""

RATINGS: Final = ("user_id", "item_id", "rating", "timestamp")
"""Columns of a table of ratings that comes without a header."""


def read_table(path: str | Path, what: str) -> pd.DataFrame:
    """The rows of a file, or of all parts in a folder in the order of their names.

    `what` is the option that gave the path. Values of text files stay as written, so that 007 remains 007. A
    ValueError names a path that is not there, that has another suffix or that cannot be parsed.
    """
    files = _files(Path(path).expanduser(), what)
    try:
        frames = [_read_file(file) for file in files]
    except (OSError, ValueError) as error:
        raise ValueError(f"{what}={path} cannot be read: {' '.join(str(error).split())}") from error
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def require_path(path: Path, what: str) -> Path:
    """The path; a ValueError names it and the option it came from when nothing is there."""
    if not path.exists():
        raise ValueError(f"{path.absolute()} does not exist; give the right path with {what}=PATH")
    return path


def _files(path: Path, what: str) -> list[Path]:
    require_path(path, what)
    if path.is_file():
        _suffix(path)
        return [path]
    parts = sorted(part for part in path.rglob("*") if part.is_file() and part.name[0] not in "._")
    parts = [part for part in parts if part.name.removesuffix(".gz").endswith(SUFFIXES)]
    if not parts:
        raise ValueError(f"{what}={path}: the folder holds no {', '.join(SUFFIXES)} file")
    if len({_suffix(part) for part in parts}) > 1:
        raise ValueError(f"{what}={path}: the folder mixes kinds of files; name one file or a folder of one kind")
    return parts


def _suffix(path: Path) -> str:
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix not in SUFFIXES:
        raise ValueError(f"{path} ends in {suffix or 'nothing'}; give a file that ends in {', '.join(SUFFIXES)}")
    return suffix


def _read_file(path: Path) -> pd.DataFrame:
    suffix = _suffix(path)
    if suffix == ".parquet":
        return pd.read_parquet(path, dtype_backend="pyarrow")
    if suffix in {".jsonl", ".ndjson"}:
        return pd.DataFrame(list(_records(path)), dtype=object)
    if suffix == ".csv":
        return _read_csv(path, ",")
    with _opened(path) as lines:
        first = lines.readline()
    return _read_pairs(path, first) if len(first.split()) == 2 else _read_csv(path, "\t")


def _read_csv(path: Path, separator: str) -> pd.DataFrame:
    """All values as written; only an empty one is missing, since NA is a country."""
    with _opened(path) as lines:
        names = None if has_header(lines.readline().strip().split(separator)) else list(RATINGS)
    return pd.read_csv(path, sep=separator, dtype="str", keep_default_na=False, na_values=[""], names=names)


def has_header(first: Sequence[str]) -> bool:
    """False for a line that begins a table of `RATINGS` without names, since no column is named by a number."""
    return len(first) != len(RATINGS) or not all(_is_number(value) for value in first[2:])


def _is_number(value: str) -> bool:
    return value.strip('"').replace(".", "", 1).isdigit()


def _read_pairs(path: Path, first: str) -> pd.DataFrame:
    """Lines of "user item" in time order; the position among the user's lines stands for the time."""
    has_header = {"user_id", "item_id"} == set(recognise(first.split(), EVENT_NAMES, {}, "columns"))
    names = ["user_id", "item_id"]
    pairs = pd.read_csv(
        path, sep=r"\s+", header=None, names=names, skiprows=int(has_header), dtype="str", keep_default_na=False
    )
    return pairs.assign(timestamp=pairs.groupby("user_id").cumcount())


def _records(path: Path) -> Iterator[dict[str, object]]:
    with _opened(path) as lines:
        for number, line in enumerate(lines, start=1):
            try:
                record = json.loads(line) if line.strip() else {}
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number} is no JSON ({error.msg})") from error
            match record:
                case dict() if record:
                    yield record
                case dict():
                    continue
                case _:
                    raise ValueError(f"line {number} is no JSON object: {line.strip()[:60]}")


def _opened(path: Path) -> TextIO:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix.lower() == ".gz" else path.open(encoding="utf-8")
