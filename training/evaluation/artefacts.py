"""The report as files: `evaluation.txt` to read, `evaluation.json` to compute with, `per_query.npz` to compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from training.evaluation.evaluator import Result
from training.evaluation.metrics import Interval
from training.evaluation.per_query import FILE_NAME, PerQuery
from training.evaluation.report import Report
from training.evaluation.table import as_text


def save_report(report: Report, folder: Path) -> None:
    """Write the three files; the folder is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.txt").write_text(as_text(report))
    (folder / "evaluation.json").write_text(json.dumps(as_json(report), indent=1) + "\n")
    per_query(report).save(folder / FILE_NAME)


def per_query(report: Report) -> PerQuery:
    """Ranks of every scorer."""
    names = tuple(result.name for result in report.results)
    ranks = np.array([result.ranks for result in report.results], dtype=np.float32)
    return PerQuery(report.digest, names, ranks)


def as_json(report: Report) -> dict[str, object]:
    """Figures as [mean, low, high]; null where no query defines them."""
    return {
        "num_queries": report.num_queries,
        "num_unknown_targets": report.num_unknown_targets,
        "queries": report.digest,
        "skipped": dict(report.skipped),
        "loss_split": report.loss_metrics(),
        "slices": {name: int(mask.sum()) for name, mask in report.slices},
        "scorers": {result.name: _scorer(report, result) for result in report.results},
    }


def _scorer(report: Report, result: Result) -> dict[str, object]:
    single = {"coverage@10": report.coverage(result), "novelty@10": report.novelty(result)}
    return {
        **_plain(report.figures(result)),
        **{name: value if np.isfinite(value) else None for name, value in single.items()},
        "duration_s": round(result.duration_s, 3),
        "slices": {name: _plain(report.figures(result, mask)) for name, mask in report.slices},
    }


def _plain(figures: Mapping[str, Interval]) -> dict[str, list[float] | None]:
    return {name: list(interval) if np.isfinite(interval.mean) else None for name, interval in figures.items()}
