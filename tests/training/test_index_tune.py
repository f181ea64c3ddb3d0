"""`marquee index tune` on files of vectors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from numpy.typing import NDArray

import index
from training.cli import main
from training.vector_file import read_vectors

N, D = 1200, 8
VECTORS = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)


@pytest.fixture(autouse=True)
def store(empty_store: Path, tmp_path: Path) -> None:
    shutil.copy(empty_store, tmp_path / "mlflow.db")


def saved(folder: Path, vectors: NDArray[np.generic], name: str = "items.npy") -> str:
    np.save(folder / name, vectors)
    return str(folder / name)


def tune(folder: Path, *words: str) -> None:
    main(["index", "tune", *words, f"out={folder / 'out'}", f"tracking.uri=sqlite:///{folder / 'mlflow.db'}"])


def test_the_index_that_was_chosen_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items, queries = saved(tmp_path, VECTORS), saved(tmp_path, VECTORS[:50] + 0.1, "queries.npy")
    tune(tmp_path, f"vectors={items}", f"queries={queries}", "k=10", "exact_up_to=0", "kinds=[ivf_sq_fp16,sq_fp16]")
    held = index.load(tmp_path / "out/index")
    true = np.argsort(-(VECTORS[:5] @ VECTORS.T), axis=1)[:, :10]
    found = held.search(VECTORS[:5], 10).rows
    assert np.mean([np.isin(true[b], found[b]).mean() for b in range(5)]) > 0.9
    printed = capsys.readouterr().out
    assert "1,200 vectors, 50 queries, recall@10 at least 0.99" in printed
    assert (tmp_path / "out/report.txt").read_text() in printed + "\n"
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["chosen"]["recall"] >= 0.99
    assert report["chosen"] in report["curve"]
    assert {point["layout"] for point in report["filters"]["points"]} == {"spread", "gathered"}


def test_the_plot_and_the_figures_are_tracked(tmp_path: Path) -> None:
    tune(tmp_path, f"vectors={saved(tmp_path, VECTORS)}", "k=10")
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (run,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    assert run.data.metrics["index/recall_at_10"] == 1.0
    assert [file.path for file in client.list_artifacts(run.info.run_id, "figures")] == [
        "figures/index_recall_latency.png"
    ]


def test_lists_in_a_parquet_column_are_read(tmp_path: Path) -> None:
    for type_ in (pa.list_(pa.float64()), pa.list_(pa.float32(), D), pa.large_list(pa.float32())):
        pq.write_table(pa.table({"embedding": pa.array(VECTORS.tolist(), type_)}), tmp_path / "items.parquet")
        np.testing.assert_array_equal(read_vectors(tmp_path / "items.parquet", "embedding"), VECTORS)


def test_directions_can_be_compared(tmp_path: Path) -> None:
    vectors = read_vectors(Path(saved(tmp_path, 7 * VECTORS)), "vector", to_unit_length=True)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)


def test_nothing_is_written_below_the_floor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tune(tmp_path, f"vectors={saved(tmp_path, VECTORS)}", "exact_up_to=0", "kinds=[pq_fast_scan]", "floor=1", "k=1")
    assert "below recall_floor 1" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def spoilt(row: int, value: float) -> NDArray[np.float32]:
    vectors = VECTORS.copy()
    vectors[row] = value
    return vectors


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (spoilt(7, np.nan), "vector 7 is not finite (1 of 1200); mend the model"),
        (spoilt(9, 0), "vector 9 is zero, so nothing is near to it (1 of 1200); leave it out"),
        (VECTORS[0], r"holds float32 of shape (8,); give numbers of shape [N, D]"),
        (VECTORS.astype(str), "give numbers of shape [N, D]"),
        (VECTORS[:0], "there is nothing to search"),
    ],
)
def test_wrong_vectors_are_named(
    tmp_path: Path, vectors: NDArray[np.generic], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        tune(tmp_path, f"vectors={saved(tmp_path, vectors)}")
    assert message in capsys.readouterr().err


def test_wrong_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    pq.write_table(pa.table({"vectors": [[1.0, 2.0], [1.0]], "title": ["a", "b"], "gaps": [[1.0], None]}), path)
    for column, message in {
        "vector": "no column 'vector'; give column=vectors, one of vectors, title, gaps",
        "title": "holds string; give a list of numbers",
        "vectors": r"vector 1 does not have the 2 numbers of row 0 \(1 of 2\)",
        "gaps": r"vector 1 is missing \(1 of 2\)",
    }.items():
        with pytest.raises(ValueError, match=message):
            read_vectors(path, column)


def test_other_wrong_use_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items, narrow = saved(tmp_path, VECTORS), saved(tmp_path, VECTORS[:, 1:], "narrow.npy")
    (tmp_path / "broken.npy").write_bytes(b"no array")
    (tmp_path / "broken.parquet").write_bytes(b"no table")
    for words, message in {
        (f"vectors={items}", f"queries={narrow}"): "has 7 dimensions, the vectors 8",
        (f"vectors={items}", "floor=99"): "floor is 99.0; give a share",
        (f"vectors={tmp_path}/none.npy",): "no file",
        (f"vectors={tmp_path}/items.csv",): "no file",
        (f"vectors={tmp_path}/broken.npy",): "is no array of numbers",
        (f"vectors={tmp_path}/broken.parquet",): "is no Parquet file",
        (f"vectors={tmp_path}/mlflow.db",): "neither .npy nor .parquet",
    }.items():
        with pytest.raises(SystemExit):
            tune(tmp_path, *words)
        assert message in capsys.readouterr().err


def test_help_shows_both_words(capsys: pytest.CaptureFixture[str]) -> None:
    main(["index", "tune", "--help"])
    assert "usage: marquee index tune [KEY=VALUE ...]" in capsys.readouterr().out
    main(["help", "index", "tune"])
    assert "marquee index tune: measure indexes" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["index"])
    assert "unknown command 'index'; did you mean index tune?" in capsys.readouterr().err
