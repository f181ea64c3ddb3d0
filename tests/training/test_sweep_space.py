"""Words that vary: Hydra's grammar becomes what Optuna draws from."""

from __future__ import annotations

import math

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from training.errors import UsageError
from training.sweep_space import take_apart


@pytest.mark.parametrize(
    ("written", "distribution"),
    [
        ("choice(32,64)", CategoricalDistribution(("32", "64"))),
        ("32,64", CategoricalDistribution(("32", "64"))),
        ("choice([1,2],[3])", CategoricalDistribution(("[1,2]", "[3]"))),
        ("range(1,4)", IntDistribution(1, 3)),
        ("range(9,1,-4)", IntDistribution(5, 9, step=4)),
        ("range(0,1,0.25)", FloatDistribution(0, 0.75, step=0.25)),
        ("interval(0.1, 0.5)", FloatDistribution(0.1, 0.5)),
        ("int(interval(8,64))", IntDistribution(8, 64)),
        ("tag(log, interval(1e-3, 1e-2))", FloatDistribution(1e-3, 1e-2, log=True)),
        ("tag(log,int(interval(8,64)))", IntDistribution(8, 64, log=True)),
    ],
)
def test_each_form_of_the_grammar_is_read(written: str, distribution: BaseDistribution) -> None:
    [one] = take_apart([f"learning.x={written}"]).space.varied
    assert (one.key, one.written, one.distribution) == ("learning.x", written, distribution)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("learning.towers.dim=choice(32", "is not understood; write choice(32,64)"),
        ("learning.towers.dim=chioce(32,64)", "is not understood; write choice(32,64)"),
        ("learning.towers.dim=tag(lgo,interval(1,2))", "unknown tag lgo"),
        ("learning.towers.dim=tag(log,choice(1,2))", "log goes with an interval alone"),
        ("learning.towers.dim=tag(log,interval(0,2))", "is no sweep"),
        ("learning.towers.dim=interval(3,2)", "is no sweep"),
        ("learning.towers.dim=range(3,3)", "is no sweep"),
        ("learning.towers.dim=glob(*)", "this kind cannot be drawn from"),
        ("ranker.max_epochs=choice(1,2)", "ranker.max_epochs cannot vary: only keys under learning. may"),
        ("preset=choice(nano,base)", "preset cannot vary"),
        ("learning.batch.max_queries=choice(1,2)", "it changes the validation questions"),
    ],
)
def test_a_sweep_that_cannot_be_is_named_in_one_line(word: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        take_apart([word])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_words_stay_as_they_are_and_the_last_for_a_key_counts() -> None:
    first = ["data.events=a,b (1).csv", "learning.x=choice(1,2)", "learning.y=3", "learning.z=choice(1,2)"]
    apart = take_apart([*first, "learning.x=5", "learning.y=range(1,3)"])
    assert apart.fixed == ("data.events=a,b (1).csv", "learning.x=5")
    assert apart.space.written == {"learning.z": "choice(1,2)", "learning.y": "range(1,3)"}


def test_drawn_values_become_short_words() -> None:
    space = take_apart(["learning.lr=interval(0,1)", "learning.share=range(0,1,0.1)", "learning.n=range(1,4)"]).space
    params = {"learning.lr": 0.123456789, "learning.share": 0.1 + 0.2, "learning.n": 3}
    assert space.words(params) == ["learning.lr=0.1235", "learning.share=0.3", "learning.n=3"]


def test_a_grid_holds_every_combination_once() -> None:
    space = take_apart(["learning.a=choice(x,y)", "learning.b=range(0,1,0.5)", "learning.c=range(1,4)"]).space
    words = {tuple(space.words(params)) for params in space.grid()}
    assert len(words) == space.size == 12


def test_a_continuum_has_no_grid() -> None:
    space = take_apart(["learning.a=choice(x,y)", "learning.b=interval(0,1)"]).space
    assert space.size == math.inf
    with pytest.raises(UsageError, match=r"no grid: learning\.b=interval\(0,1\) is continuous"):
        list(space.grid())
