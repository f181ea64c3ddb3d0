"""Readers: original layouts and any Parquet, CSV or JSONL become one checked event table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from training.data.dataset import Dataset
from training.data.files import FilesConfig, read_files
from training.data.movielens import MovieLensConfig, read_movielens

__all__ = ["CONFIGS", "Dataset", "FilesConfig", "MovieLensConfig", "load"]

CONFIGS: Final[Mapping[str, type[FilesConfig | MovieLensConfig]]] = {
    "files": FilesConfig,
    "ml_100k": MovieLensConfig,
    "ml_1m": MovieLensConfig,
    "ml_latest_small": MovieLensConfig,
    "ml_20m": MovieLensConfig,
    "ml_25m": MovieLensConfig,
    "ml_32m": MovieLensConfig,
}
"""The Config class behind each file of conf/data."""


def load(config: FilesConfig | MovieLensConfig, quarantine_folder: Path, *, now_ms: int | None = None) -> Dataset:
    """Read and check a data set; refused rows go to a file in `quarantine_folder`.

    Events later than `now_ms` (the clock's time when not given) and a day are refused. A ValueError, one line, names
    what is wrong and the option that mends it.
    """
    moment = int(time.time() * 1000) if now_ms is None else now_ms
    if isinstance(config, FilesConfig):
        return read_files(config, quarantine_folder, moment)
    return read_movielens(config, quarantine_folder, moment)
