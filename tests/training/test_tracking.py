from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.training.evaluation.worlds import histories_of, history_of, queries_of
from training.evaluation.baselines.popularity import Popularity
from training.evaluation.figures import Curve, IndexPoint, index_curve, learning_curves
from training.evaluation.record import record
from training.evaluation.report import evaluate_all
from training.tracking import CHAMPION, Tracking, UntrackedRun, connect, default_uri, flatten, run_name

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Inner:
    lr: float = 0.001


@dataclass(frozen=True)
class Outer:
    name: str = "base"
    sizes: tuple[int, ...] = (1, 2)
    inner: Inner = field(default_factory=Inner)
    extra: Mapping[str, object] = field(default_factory=lambda: {"deep": {"er": None}})


def client_of(tracking: Tracking) -> MlflowClient:
    assert tracking.config.uri is not None
    return connect(tracking.config.uri)


def files_of(client: MlflowClient, run_id: str, folder: str | None = None) -> set[str]:
    found: set[str] = set()
    for entry in client.list_artifacts(run_id, folder):
        found |= files_of(client, run_id, entry.path) if entry.is_dir else {entry.path}
    return found


def test_a_run_keeps_parameters_tags_metrics_and_its_readable_name(tracking: Tracking) -> None:
    name = run_name("ml_1m", "base", datetime(2026, 11, 22, 21, 40, tzinfo=UTC))
    with tracking.run(name, {"data.fingerprint": "abc"}) as run:
        run.params(Outer(), "model.")
        run.tags({"split": "time"})
        for epoch, loss in enumerate([3.0, 2.0, 1.5]):
            run.metrics({"train/loss": loss, "val/ndcg@10": 0.1 * epoch}, step=epoch)
    client = client_of(tracking)
    found = client.get_run(run.id)
    assert found.info.run_name == "ml_1m base 2026-11-22 21:40"
    assert found.info.status == "FINISHED"
    assert found.data.params["model.inner.lr"] == "0.001"
    assert found.data.params["model.sizes"] == "[1, 2]"
    assert {"data.fingerprint": "abc", "split": "time"}.items() <= found.data.tags.items()
    assert found.data.metrics == {"train/loss": 1.5, "val/ndcg_at_10": 0.2}
    assert [point.value for point in client.get_metric_history(run.id, "train/loss")] == [3.0, 2.0, 1.5]


def test_all_runs_stand_in_one_experiment_with_files_beside_the_store(tracking: Tracking, tmp_path: Path) -> None:
    for name in ("first", "second"):
        with tracking.run(name):
            pass
    client = client_of(tracking)
    experiment = client.get_experiment_by_name("marquee")
    assert experiment is not None
    assert len(client.search_runs([experiment.experiment_id])) == 2
    assert experiment.artifact_location == (tmp_path / "mlartifacts").as_uri()


def test_many_and_long_values_are_all_kept(tracking: Tracking) -> None:
    with tracking.run("wide") as run:
        run.params({f"key{number}": number for number in range(230)} | {"ids": list(range(2000))})
        run.metrics({f"test/metric{number}": number for number in range(1030)})
    client = client_of(tracking)
    data = client.get_run(run.id).data
    assert len(data.params) == 230
    assert len(data.metrics) == 1030
    assert files_of(client, run.id) == {"params/long.json"}


def test_figures_and_files_are_kept(tracking: Tracking, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("words")
    curves = {"train/loss": Curve([0, 1], [2.0, 1.0]), "val/loss": Curve([0, 1], [2.5, 1.5])}
    points = [IndexPoint("flat", 1.0, 2.0, False), IndexPoint("ivf nprobe=8", 0.99, 0.2, True)]
    with tracking.run("drawn") as run:
        run.artifact(tmp_path / "notes.txt")
        run.figure(learning_curves(curves), "learning")
        run.figure(index_curve(points, floor=0.98), "index")
    assert files_of(client_of(tracking), run.id) == {"notes.txt", "figures/learning.png", "figures/index.png"}


def test_a_report_leaves_metrics_tables_and_ranks(tracking: Tracking) -> None:
    queries = queries_of([history_of([2]), history_of([3])], [4, 4])
    report = evaluate_all(queries, histories_of([[2, 3, 4]]), 5, {"popularity": Popularity()})
    with tracking.run("evaluated") as run:
        record(report, run)
    client = client_of(tracking)
    assert client.get_run(run.id).data.metrics["test/popularity/hit_rate_at_10"] == 1.0
    expected = {"evaluation.txt", "evaluation.json", "per_query.npz"}
    assert files_of(client, run.id) == {f"evaluation/{name}" for name in expected} | {"figures/scorers.png"}


def test_each_bundle_becomes_a_version_and_the_alias_follows(tracking: Tracking, tmp_path: Path) -> None:
    bundle = tmp_path / "2026-11-22"
    (bundle / "index").mkdir(parents=True)
    (bundle / "manifest.json").write_text("{}")
    (bundle / "index" / "vectors.bin").write_bytes(b"123")
    with tracking.run("first") as run:
        versions = [run.register(bundle)]
    with tracking.run("second") as run:
        versions.append(run.register(bundle))
    client = client_of(tracking)
    champion = client.get_model_version_by_alias("marquee", CHAMPION)
    assert versions == ["1", "2"]
    assert (str(champion.version), champion.run_id, champion.tags) == ("2", run.id, {"bundle": "2026-11-22"})
    assert files_of(client, run.id) == {"bundle/manifest.json", "bundle/index/vectors.bin"}


@pytest.mark.parametrize(("error", "status"), [(RuntimeError, "FAILED"), (KeyboardInterrupt, "KILLED")])
def test_the_status_tells_how_a_run_ended_and_it_can_be_taken_up_again(
    tracking: Tracking, error: type[BaseException], status: str
) -> None:
    with tracking.run("begun") as run:
        pass
    client = client_of(tracking)
    with pytest.raises(error), tracking.run("ignored", run_id=run.id):
        raise error
    assert client.get_run(run.id).info.status == status
    with tracking.run("ignored", run_id=run.id):
        run.metrics({"train/loss": 1.0}, step=1)
    assert client.get_run(run.id).info.status == "FINISHED"
    assert client.get_run(run.id).data.metrics == {"train/loss": 1.0}


def test_without_tracking_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Tracking(Tracking.Config(enabled=False)).run("nothing") as run:
        run.params(Outer())
        run.metrics({"train/loss": 1.0})
        assert isinstance(run, UntrackedRun)
        assert run.register(tmp_path) == run.id == ""
    assert list(tmp_path.iterdir()) == []


def test_the_store_is_a_file_in_the_current_folder_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_uri() == f"sqlite:///{tmp_path / 'mlflow.db'}"


def test_a_store_that_cannot_be_written_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "garbage.db").write_bytes(b"no database at all" * 100)
    for place in ("file/mlflow.db", "garbage.db"):
        config = Tracking.Config(uri=f"sqlite:///{tmp_path / place}")
        with (
            pytest.raises(ValueError, match=r"tracking store .* give another tracking\.uri"),
            Tracking(config).run("x"),
        ):
            pytest.fail("the work began")


def test_a_dead_server_is_refused_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ValueError, match="cannot be used"), Tracking(Tracking.Config(uri=uri)).run("x"):
        pytest.fail("the work began")


def test_tracking_opens_no_connection(tracking: Tracking, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: asked.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *place, **_: asked.append(place))
    with tracking.run("quiet") as run:
        run.metrics({"val/ndcg@10": 0.1})
        run.tags({"split": "loo"})
    assert asked == []


def test_flat_names_follow_the_nesting() -> None:
    expected = {"name": "base", "sizes": "[1, 2]", "inner.lr": "0.001", "extra.deep.er": "None"}
    assert flatten(Outer()) == expected
    assert flatten({"a": Inner()}) == {"a.lr": "0.001"}
    with pytest.raises(ValueError, match="ndarray is no configuration"):
        flatten(np.zeros(3))
