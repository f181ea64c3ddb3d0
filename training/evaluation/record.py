"""A report into a tracked run: figures as metrics, the table, the plot and the ranks of every query as artefacts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from training.evaluation.artefacts import save_report
from training.evaluation.figures import scorer_bars
from training.evaluation.report import Report
from training.tracking import Run

FOLDER: Final = "evaluation"


def record(report: Report, run: Run, cut: str = "test") -> None:
    """Metrics under `cut`, files under `evaluation/`."""
    run.metrics(report.metrics(cut))
    with tempfile.TemporaryDirectory() as folder:
        save_report(report, Path(folder))
        run.artifact(Path(folder), FOLDER)
    if report.results:
        run.figure(scorer_bars(report), "scorers")
