"""How runs differ: their parameters, and their metrics with paired intervals where they answered the same queries."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.evaluation.figures import Curve
from training.evaluation.metrics import Interval, gains, hits, paired_difference, reciprocal_ranks
from training.evaluation.per_query import FILE_NAME, PerQuery
from training.evaluation.record import FOLDER
from training.evaluation.report import metric_part
from training.tracking import shown_name

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

NEWEST: Final = 1000
NUM_SUGGESTED: Final = 5


class RunRecord(NamedTuple):
    """What one run left in the store. curves: metrics with more than one step. per_query: where it was evaluated."""

    id: str
    name: str
    started: datetime
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    curves: Mapping[str, Curve]
    per_query: PerQuery | None


class MetricRow(NamedTuple):
    """A metric in every run, None where a run lacks it, and each further run's difference to the first.

    A difference is None where either value is missing; its bounds are NaN where no paired interval can be had.
    """

    name: str
    values: tuple[float | None, ...]
    differences: tuple[Interval | None, ...]


class Comparison(NamedTuple):
    """Only what differs; `num_equal` metrics are the same in all runs."""

    runs: tuple[RunRecord, ...]
    params: Mapping[str, tuple[str, ...]]
    metrics: tuple[MetricRow, ...]
    num_equal: int


def find_runs(client: MlflowClient, wanted: Sequence[str]) -> list[RunRecord]:
    """Runs by id, unique beginning of an id, or name; a ValueError lists the newest runs when one is unknown."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    known = client.search_runs(experiments, order_by=["attributes.start_time DESC"], max_results=NEWEST)
    return [_record(client, _find(word, known)) for word in wanted]


def _find(word: str, known: Sequence[Run]) -> Run:
    named = [run for run in known if run.info.run_name == word]
    found = [run for run in known if run.info.run_id == word] or named
    found = found or [run for run in known if run.info.run_id.startswith(word)]
    if len(found) == 1:
        return found[0]
    some = found or known
    listed = ", ".join(f"{run.info.run_name} ({run.info.run_id[:8]})" for run in some[:NUM_SUGGESTED])
    if found:
        raise ValueError(f"{word!r} means several runs: {listed}; give more of the id")
    raise ValueError(f"no run {word!r}; the newest runs are {listed or 'none: the store is empty'}")


def _record(client: MlflowClient, run: Run) -> RunRecord:
    info, data = run.info, run.data
    metrics = {shown_name(name): value for name, value in data.metrics.items()}
    tags = {name: value for name, value in data.tags.items() if not name.startswith("mlflow.")}
    started = datetime.fromtimestamp(info.start_time / 1000, tz=UTC)
    learnt = [name for name in data.metrics if not name.startswith("test/")]
    curves = {shown_name(name): _curve(client, info.run_id, name) for name in sorted(learnt)}
    curves = {name: curve for name, curve in curves.items() if len(curve.steps) > 1}
    ranks = _per_query(client, info.run_id)
    return RunRecord(info.run_id, info.run_name, started, data.params, metrics, tags, curves, ranks)


def _curve(client: MlflowClient, run_id: str, metric: str) -> Curve:
    """The last value of each step, as a resumed run writes some steps twice."""
    points = {point.step: point.value for point in client.get_metric_history(run_id, metric)}
    return Curve(sorted(points), [points[step] for step in sorted(points)])


def _per_query(client: MlflowClient, run_id: str) -> PerQuery | None:
    path = f"{FOLDER}/{FILE_NAME}"
    if path not in {entry.path for entry in client.list_artifacts(run_id, FOLDER)}:
        return None
    with tempfile.TemporaryDirectory() as folder:
        return PerQuery.load(Path(client.download_artifacts(run_id, path, folder)))


def compare_runs(runs: Sequence[RunRecord], rng: np.random.Generator) -> Comparison:
    """What differs between the first run and each further one; a ValueError asks for at least two."""
    if len(runs) < 2:
        raise ValueError(f"{len(runs)} runs given; comparing takes at least two, the first being the reference")
    names = dict.fromkeys(name for run in runs for name in run.params)
    params = {name: tuple(run.params.get(name, "-") for run in runs) for name in names}
    metrics = sorted({name for run in runs for name in run.metrics}, key=_importance)
    rows = [_metric_row(name, runs, rng) for name in metrics]
    differing = tuple(row for row in rows if len(set(row.values)) > 1)
    changed = {name: values for name, values in params.items() if len(set(values)) > 1}
    return Comparison(tuple(runs), changed, differing, len(rows) - len(differing))


def _importance(name: str) -> tuple[int, int, str, int]:
    """Figures of the served list first, then of validation and training, then of other scorers and slices."""
    cut = {"test": 0, "val": 1, "train": 2}.get(name.partition("/")[0], 3)
    kind, _, k = name.partition("@")
    return (name.count("/"), cut, kind, int(k) if k.isdecimal() else 0)


def _metric_row(name: str, runs: Sequence[RunRecord], rng: np.random.Generator) -> MetricRow:
    values = tuple(run.metrics.get(name) for run in runs)
    differences = tuple(_difference(name, runs[0], run, rng) for run in runs[1:])
    return MetricRow(name, values, differences)


def _difference(name: str, first: RunRecord, other: RunRecord, rng: np.random.Generator) -> Interval | None:
    a, b = first.metrics.get(name), other.metrics.get(name)
    if a is None or b is None:
        return None
    pair = _paired_values(name, first, other)
    if pair is None:
        return Interval(b - a, float("nan"), float("nan"))
    return paired_difference(pair[1], pair[0], rng)


def _paired_values(
    name: str, first: RunRecord, other: RunRecord
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Values [Q] of a metric of the whole test cut in both runs; None where the queries are not the same."""
    if first.per_query is None or other.per_query is None or first.per_query.digest != other.per_query.digest:
        return None
    a, b = _values(name, first.per_query), _values(name, other.per_query)
    return None if a is None or b is None else (a, b)


def _values(name: str, per_query: PerQuery) -> NDArray[np.float64] | None:
    """`test/METRIC` is of the last scorer, `test/SCORER/METRIC` of the one named."""
    cut, *scorers, metric = name.split("/")
    parts = [metric_part(scorer) for scorer in per_query.names]
    scorer = "/".join(scorers) if scorers else parts[-1]
    kind = re.fullmatch(r"(hit_rate|ndcg)@(\d+)|mrr", metric)
    if cut != "test" or scorer not in parts or kind is None:
        return None
    ranks = per_query.ranks[parts.index(scorer)].astype(np.float64)
    if metric == "mrr":
        return reciprocal_ranks(ranks)
    return (hits if kind[1] == "hit_rate" else gains)(ranks, int(kind[2]))
