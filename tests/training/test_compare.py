from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tests.training.evaluation.worlds import histories_of, history_of, queries_of
from training.commands.compare import CompareConfig, compare
from training.evaluation.baselines.popularity import Popularity
from training.evaluation.record import record
from training.evaluation.report import Pipeline, evaluate_all
from training.tracking import Tracking

NUM_QUERIES = 300


def trained(tracking: Tracking, name: str, lr: float, share: float, user: str = "u") -> str:
    """A run whose pipeline hits the target of about `share` of the queries; returns its id."""
    rng = np.random.default_rng(0)
    histories = [history_of([2 + int(row)]) for row in rng.integers(40, size=NUM_QUERIES)]
    queries = queries_of(histories, [50] * NUM_QUERIES)
    queries = type(queries)(**{**vars(queries), "user_ids": [f"{user}{q}" for q in range(NUM_QUERIES)]})
    hit = rng.random(NUM_QUERIES) < share
    pipeline = Pipeline(lambda q: np.array([50, 51] if hit[q] else [51, 52]))
    report = evaluate_all(queries, histories_of([list(range(2, 60))]), 60, {"popularity": Popularity()}, pipeline)
    with tracking.run(name, {"split": "loo", "data.fingerprint": "abc" * 20}) as run:
        run.params({"learning": {"lr": lr}, "seed": 1})
        for epoch in range(4):
            run.metrics({"train/loss": 3 - lr * epoch, "val/ndcg@10": share * epoch / 4}, step=epoch)
        record(report, run)
    return run.id


def compared(tracking: Tracking, runs: Sequence[str], page: Path) -> str:
    compare(CompareConfig(tuple(runs), tracking.config.uri, page))
    return page.read_text()


class Resources(HTMLParser):
    """Whatever a browser would fetch for the page."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        named = [found.get("src"), found.get("href"), found.get("xlink:href")]
        self.fetched += [name for name in named if name and not name.startswith(("#", "data:"))]
        if tag in {"script", "link", "iframe"}:
            self.fetched.append(tag)


def test_the_table_shows_what_differs_with_paired_intervals(
    tracking: Tracking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = trained(tracking, "small", 0.1, 0.3), trained(tracking, "large", 0.2, 0.6)
    compared(tracking, [first, second], tmp_path / "compare.html")
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 120
    assert any(line.split() == ["learning.lr", "0.1", "0.2"] for line in lines)
    assert not any(line.startswith(("seed", "test/popularity")) for line in lines)
    hit_rate = next(line for line in lines if line.startswith("test/hit_rate@10 "))
    assert hit_rate.rstrip().endswith("] *")
    assert "[" not in next(line for line in lines if line.startswith("train/loss"))


def test_runs_on_other_queries_get_a_difference_without_an_interval(
    tracking: Tracking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(tracking, "ours", 0.1, 0.3)
    trained(tracking, "theirs", 0.1, 0.6, user="other")
    page = compared(tracking, ["ours", "theirs"], tmp_path / "compare.html")
    out = capsys.readouterr().out
    hit_rate = next(line for line in out.splitlines() if line.startswith("test/hit_rate@10 "))
    assert "[" not in hit_rate
    assert "No parameter differs." in out
    assert "No two runs answered the same queries" in page


def test_the_page_needs_no_network_and_escapes_names(tracking: Tracking, tmp_path: Path) -> None:
    ids = [trained(tracking, "<script>alert(1)</script>", 0.1, 0.3), trained(tracking, "b", 0.2, 0.5)]
    ids.append(trained(tracking, "c", 0.3, 0.6))
    page = compared(tracking, ids, tmp_path / "new folder" / "compare.html")
    resources = Resources()
    resources.feed(page)
    assert resources.fetched == []
    assert page.count("<svg") == 2
    assert "&lt;script&gt;alert(1)" in page
    assert "3 runs compared" in page
    assert "C - A" in page


def test_runs_are_found_by_id_beginning_and_name(
    tracking: Tracking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = trained(tracking, "one", 0.1, 0.3), trained(tracking, "two", 0.2, 0.5)
    compared(tracking, [first[:12], "two"], tmp_path / "compare.html")
    assert capsys.readouterr().out.startswith(f"A  one  {first[:8]}\nB  two  ")


def test_unknown_and_ambiguous_runs_are_named_with_what_there_is(tracking: Tracking, tmp_path: Path) -> None:
    first = trained(tracking, "twin", 0.1, 0.3)
    trained(tracking, "twin", 0.1, 0.3)
    with pytest.raises(ValueError, match=rf"no run 'nope'; the newest runs are twin \(\w+\), twin \({first[:8]}\)"):
        compared(tracking, [first, "nope"], tmp_path / "compare.html")
    with pytest.raises(ValueError, match=r"'twin' means several runs.*give more of the id"):
        compared(tracking, [first, "twin"], tmp_path / "compare.html")


def test_a_single_run_and_a_missing_store_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 runs given; write marquee compare RUN RUN"):
        compare(CompareConfig(("one",)))
    with pytest.raises(ValueError, match=r"no tracking store .*none\.db"):
        compare(CompareConfig(("one", "two"), f"sqlite:///{tmp_path / 'none.db'}"))
    assert list(tmp_path.iterdir()) == []
