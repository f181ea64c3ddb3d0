"""`marquee compare RUN RUN`: how runs differ, as a table and a page of plots."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.evaluation.comparison import compare_runs, find_runs
from training.evaluation.comparison_page import as_page
from training.evaluation.comparison_table import as_text
from training.tracking import connect, default_uri


@dataclass(frozen=True)
class CompareConfig:
    """Which runs, and where the page goes.

    runs: id, beginning of an id or name of each; the first is the reference. uri: tracking store (None: `mlflow.db` in
    the current folder). seed: of the bootstrap.
    """

    runs: tuple[str, ...] = ()
    uri: str | None = None
    out: Path = Path("compare.html")
    seed: int = 0


def compare(config: CompareConfig) -> None:
    """Print the differences and write the page; a ValueError names an unknown run or a store without runs."""
    if len(config.runs) < 2:
        raise ValueError(f"{len(config.runs)} runs given; write marquee compare RUN RUN, the first being the reference")
    client = connect(_existing(config.uri or default_uri()))
    comparison = compare_runs(find_runs(client, config.runs), np.random.default_rng(config.seed))
    print(as_text(comparison))
    config.out.parent.mkdir(parents=True, exist_ok=True)
    config.out.write_text(as_page(comparison))
    print(f"page with plots: {config.out}")


def _existing(uri: str) -> str:
    """The URI, after a SQLite file was found there: comparing makes no new store."""
    path = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("sqlite:///") and not path.is_file():
        raise ValueError(f"no tracking store {path}; give uri=sqlite:///PATH or run where mlflow.db is")
    return uri
