from __future__ import annotations

import numpy as np
import pytest

from ranking.micro_genres import MicroGenres
from training.commands import genres as command
from training.commands.genres import GenresConfig, genres
from training.errors import UsageError


def test_names_are_listed_with_sizes_and_examples(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = MicroGenres.of(
        ["Dark Thrillers", "Comedies"],
        [["Dark", "Thrillers"], ["Comedies"]],
        [np.array([2, 3]), np.array([3, 4, 5])],
        [np.array([0.9, 0.8]), np.array([0.9, 0.8, 0.7])],
        6,
    )
    monkeypatch.setattr(command, "_of_bundle", lambda path: (found, ["", "", "Seven", "Fargo", "Big", "Airplane!"]))
    genres(GenresConfig(bundle="mine"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["3", "Comedies:", "Fargo,", "Big,", "Airplane!"]
    assert "2 of 2 micro-genres" in lines[-1]
    genres(GenresConfig(bundle="mine", find="dark"))
    assert "Comedies" not in capsys.readouterr().out


def test_a_wrong_wish_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="bundle=FOLDER"):
        genres(GenresConfig())
    empty = MicroGenres.of([], [], [], [], 2)
    monkeypatch.setattr(command, "_of_bundle", lambda path: (empty, ["", ""]))
    with pytest.raises(UsageError, match="'best'"):
        genres(GenresConfig(bundle="mine", order="best"))
