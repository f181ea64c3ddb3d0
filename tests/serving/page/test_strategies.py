from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.page.attention import MODELS
from serving.page.candidates import RowCandidate, table_of
from serving.page.strategies import Rules, choose

STRATEGIES = ("template", "independent", "stagewise", "whole")
TEMPLATES = ("continue_watching", "top_picks", "because_you_watched", "micro_genre", "popular")


def candidates(rng: np.random.Generator, num_rows: int, num_titles: int) -> list[RowCandidate]:
    rows = []
    for c in range(num_rows):
        places = rng.permutation(num_titles)[: rng.integers(1, num_titles)]
        worth = np.sort(rng.random(len(places)))[::-1]
        template = TEMPLATES[c % len(TEMPLATES)]
        rows.append(RowCandidate(f"{template}:{c}", template, "", "", places.astype(np.int64), worth))
    return rows


def unit(rng: np.random.Generator, count: int) -> np.ndarray:
    vectors = rng.normal(size=(count, 4)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), strategy=st.sampled_from(STRATEGIES), attention=st.sampled_from(sorted(MODELS)))
def test_no_title_twice_and_every_limit_is_kept(seed: int, strategy: str, attention: str) -> None:
    rng = np.random.default_rng(seed)
    titles = int(rng.integers(5, 60))
    rows = candidates(rng, int(rng.integers(1, 12)), titles)
    rules = Rules(rows=5, row_length=6, min_row_length=3, most={"micro_genre": 2})
    used = rng.random(titles) < 0.1
    chosen = choose(strategy, rows, table_of(rows, unit(rng, titles)), MODELS[attention].weights(5, 6), rules, used)
    shown = np.concatenate([np.flatnonzero(used), *(each.places for each in chosen)])
    assert len(shown) == len(set(shown.tolist()))
    assert len(chosen) <= 5
    assert all(3 <= len(each.places) <= 6 for each in chosen)
    templates = [rows[each.candidate].template for each in chosen]
    assert all(templates.count(name) <= rules.cap(name) for name in TEMPLATES)
    if "continue_watching" in templates:
        assert templates.index("continue_watching") == 0
    for each in chosen:
        assert set(each.places.tolist()) <= set(rows[each.candidate].places.tolist())


def test_rows_above_change_what_a_row_is_worth() -> None:
    """The second best row repeats the best one, so the stage-wise page takes the third instead."""
    best, echo, other = np.arange(4), np.arange(4), np.arange(4, 8)
    worth = np.array([1.0, 0.9, 0.8, 0.7])
    rows = [
        RowCandidate("a", "top_picks", "", "", best, worth),
        RowCandidate("b", "popular", "", "", np.concatenate([echo, np.arange(8, 10)]), np.r_[worth * 0.99, 0.1, 0.1]),
        RowCandidate("c", "micro_genre", "", "", other, worth * 0.5),
    ]
    rules = Rules(rows=2, row_length=4, min_row_length=2, diversity=0.0)
    table, attention = table_of(rows, unit(np.random.default_rng(0), 10)), MODELS["geometric"].weights(2, 4)
    nothing = np.zeros(10, dtype=np.bool_)
    assert [each.candidate for each in choose("stagewise", rows, table, attention, rules, nothing)] == [0, 2]
    assert [each.candidate for each in choose("independent", rows, table, attention, rules, nothing)] == [0, 1]


def test_the_whole_page_is_never_worth_less_than_the_stagewise_one() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = candidates(rng, 8, 40)
        rules = Rules(rows=4, row_length=5, min_row_length=2, diversity=0.0)
        table, attention = table_of(rows, unit(rng, 40)), MODELS["grid"].weights(4, 5)
        worth = {
            name: sum(each.worth for each in choose(name, rows, table, attention, rules, np.zeros(40, dtype=np.bool_)))
            for name in STRATEGIES
        }
        assert worth["whole"] >= worth["stagewise"] - 1e-9


def test_an_unknown_strategy_is_named() -> None:
    rng = np.random.default_rng(0)
    rows = candidates(rng, 2, 9)
    with pytest.raises(ValueError, match="'best'"):
        choose("best", rows, table_of(rows, unit(rng, 9)), MODELS["grid"].weights(2, 2), Rules(), np.zeros(9, np.bool_))
