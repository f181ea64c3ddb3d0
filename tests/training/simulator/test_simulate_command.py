from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.commands.simulate import SimulateConfig, simulate, world_config
from training.errors import UsageError
from training.simulator.calibration import calibration, gini, marginals_as_text, taste_concentration, top_share
from training.simulator.log import Simulated
from training.tracking import Tracking

UNTRACKED = Tracking.Config(enabled=False)


def test_without_a_policy_a_world_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulate(SimulateConfig(preset="tiny", out=str(tmp_path), days=2, posters=True))
    assert "marquee train data=files" in capsys.readouterr().out
    assert {"events.parquet", "items.parquet", "users.parquet", "world.json", "posters"} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert len(list((tmp_path / "posters").iterdir())) == 400


def test_every_policy_is_judged_under_every_kernel(
    folder: Path, tracking: Tracking, capsys: pytest.CaptureFixture[str]
) -> None:
    simulate(SimulateConfig(world=str(folder), policy="all", kernel="all", loop_days=2, tracking=tracking.config))
    shown = capsys.readouterr().out
    assert all(shown.count(f"\n{policy} ") == 3 for policy in ("random", "popularity", "oracle"))
    assert all(f"attention: {kernel}" in shown for kernel in ("geometric", "grid", "l_pattern"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy": "bundle"}, "give bundle=FOLDER"),
        ({"policy": "magic"}, "unknown policy 'magic'"),
        ({"policy": "random", "kernel": "spiral"}, "unknown attention kernel"),
        ({"policy": "random", "world": "/nowhere"}, "holds no simulated service"),
        ({"preset": "tinny"}, "did you mean tiny"),
        ({"preset": "tiny", "titles": 30}, "titles for 24 slots"),
        ({"preset": "tiny", "context_scale": -1.0}, "are 0 or more"),
    ],
)
def test_wrong_words_are_named_with_the_remedy(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    given: dict[str, object] = {"out": str(tmp_path), "tracking": UNTRACKED}
    with pytest.raises(UsageError, match=message):
        simulate(SimulateConfig(**(given | changes)))  # type: ignore[arg-type]


def test_sizes_and_scales_change_the_preset() -> None:
    config = world_config(SimulateConfig(preset="tiny", viewers=7, days=3, context_scale=0.0))
    assert (config.num_viewers, config.num_days, config.num_titles, config.context_scale) == (7, 3, 100, 0.0)


def test_concentration_is_measured() -> None:

    assert gini(np.array([3, 3, 3])) == pytest.approx(0)
    assert gini(np.array([0] * 99 + [1])) == pytest.approx(0.99)
    assert top_share(np.arange(10)) == pytest.approx(0.2)
    users, faithful = pd.Series(np.repeat([0, 1], 50)), pd.Series(np.repeat(["a", "b"], 50))
    assert taste_concentration(users, faithful) == pytest.approx(2)
    assert taste_concentration(users, pd.Series(list("ab") * 50)) == pytest.approx(1, abs=0.05)


def test_the_world_is_compared_with_real_data(tiny: Simulated, marquee_data: Path) -> None:
    marginals = calibration(tiny, marquee_data)
    text = marginals_as_text(marginals)
    assert all(marginal.name in text for marginal in marginals)


def test_without_real_data_calibration_says_where_to_put_it(tiny: Simulated, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="set MARQUEE_DATA"):
        calibration(tiny, tmp_path)
