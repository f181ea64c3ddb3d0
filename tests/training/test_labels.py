from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training.labels import outcomes


def test_the_watched_share_and_time_say_what_became_of_a_choice() -> None:
    watch_s, duration_s = [60.0, 1200.0, 7000.0, 9000.0, np.nan], [1200.0, 1200.0, 9000.0, 9000.0, 1200.0]
    told = outcomes(pd.DataFrame({"watch_s": watch_s, "duration_s": duration_s}))
    assert told["abandon"][:4].tolist() == [1, 0, 0, 0]
    assert told["complete"][:4].tolist() == [0, 1, 0, 1]
    assert told["take"][:4].tolist() == [0, 1, 1, 1]
    assert told["time"][:4] == pytest.approx([60 / 7200, 1 / 6, 7000 / 7200, 1])
    assert told["watch"][0] < told["watch"][1]
    assert all(np.isnan(values[4]) for values in told.values())


def test_a_log_without_watch_times_tells_of_none() -> None:
    assert list(outcomes(pd.DataFrame({"liked": [1.0, np.nan]}))) == ["liked"]
