"""Configuration: files and words become checked dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest

from training.compose import compose, composition, groups, schemas
from training.errors import UsageError
from training.registry import COMMANDS, Command
from training.settings import REQUIRED, build, settings


class Split(StrEnum):
    TIME = "time"
    LAST = "last"


@dataclass(frozen=True)
class TowerConfig:
    width: int = 64
    lr: float = 0.001


@dataclass(frozen=True)
class ReaderConfig:
    events: Path
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialConfig:
    source: Any = REQUIRED
    tower: TowerConfig = field(default_factory=lambda: TowerConfig(width=32))
    head: TowerConfig | None = None
    split: Split = Split.TIME
    loss: Literal["full", "sampled"] = "full"
    cuts: tuple[int, ...] = (10, 20)
    title: str | None = None
    seed: int = 1


def trial(*words: str) -> TrialConfig:
    return compose(TrialConfig, "no_such_file", ("source=1", *words))


def test_without_words_the_defaults_of_the_classes_hold() -> None:
    assert trial() == TrialConfig(source=1)


def test_a_word_changes_one_key_and_keeps_the_defaults_beside_it() -> None:
    assert trial("tower.lr=1").tower == TowerConfig(width=32, lr=1.0)


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("split=last", "split", Split.LAST),
        ("loss=sampled", "loss", "sampled"),
        ("cuts=[5,50]", "cuts", (5, 50)),
        ("title=2024", "title", "2024"),
        ("title=null", "title", None),
        ("title=a (1), b=c", "title", "a (1), b=c"),
        ("title=it's", "title", "it's"),
        ("+seed=3", "seed", 3),
        ("head.width=8", "head", TowerConfig(width=8)),
    ],
)
def test_a_word_becomes_a_value_of_the_declared_type(word: str, name: str, value: object) -> None:
    assert getattr(trial(word), name) == value


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("sed=3", "unknown key sed; did you mean seed?"),
        ("tower.widht=3", "unknown key tower.widht; did you mean tower.width?"),
        ("lr=3", "unknown key lr; did you mean tower.lr?"),
        ("seed=many", "seed=many does not fit: Expected `int`, got `str`"),
        ("cuts=7", "cuts=7 does not fit: Expected `array`, got `int`; a list is written [a,b]"),
        ("tower=7", "tower=7 does not fit"),
        ("loss=fast", "loss=fast does not fit: Invalid enum value 'fast'"),
        ("seed", "'seed' is not understood; options are written KEY=VALUE"),
        ("--seed=3", "'--seed=3' is not understood; options are written KEY=VALUE"),
    ],
)
def test_a_wrong_word_is_named_with_the_remedy(word: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        compose(TrialConfig, "no_such_file", (word,))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_option_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown option data=fles; did you mean files\?"):
        composition("train", ("data=fles",))


def test_a_missing_required_key_is_named() -> None:
    with pytest.raises(UsageError, match=r"source is required; give source=VALUE"):
        compose(TrialConfig, "no_such_file")
    with pytest.raises(UsageError, match=r"source\.events is required; give source\.events=VALUE"):
        build(TrialConfig, {}, {"source": ReaderConfig})


def test_a_wrong_value_is_told_before_a_missing_one() -> None:
    with pytest.raises(UsageError, match="seed=many does not fit"):
        build(TrialConfig, {"source": {}, "seed": "many"}, {"source": ReaderConfig})


def test_the_class_of_a_group_follows_the_option_taken() -> None:
    tree = {"source": {"events": "log.csv", "columns": {"user_id": "viewer"}}}
    config = build(TrialConfig, tree, {"source": ReaderConfig})
    assert config.source == ReaderConfig(Path("log.csv"), {"user_id": "viewer"})


def test_a_key_that_no_class_knows_is_refused_in_files_as_well() -> None:
    with pytest.raises(UsageError, match=r"unknown key source\.evnts; did you mean source\.events\?"):
        build(TrialConfig, {"source": {"evnts": 1}}, {"source": ReaderConfig})


def test_settings_show_each_key_with_the_value_it_will_have() -> None:
    shown = {one.key: one.value for one in settings(TrialConfig, {"tower": {"lr": 3}}, {"source": ReaderConfig})}
    assert shown["source.events"] == REQUIRED
    assert (shown["tower.width"], shown["tower.lr"], shown["seed"]) == (32, 3, 1)


def test_a_folder_of_the_users_own_adds_options(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.yaml").write_text("events: log.csv\n")
    assert "mine" in groups(tmp_path)["data"]
    assert "mine" not in groups()["data"]
    tree, choices = composition("train", ("data=mine",), tmp_path)
    assert tree["data"]["events"] == "log.csv"
    assert choices["data"] == "mine"
    assert schemas(choices)["data"] is schemas({"data": "files"})["data"]


def test_a_key_may_share_its_name_with_a_group_that_the_command_does_not_use() -> None:
    assert composition("no_such_file", ("data=ml_1m",)).tree == {"data": "ml_1m"}
    with pytest.raises(UsageError, match="unknown key data; known are"):
        compose(TrialConfig, "no_such_file", ("source=1", "data=ml_1m"))


def test_a_broken_file_gives_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.yaml").write_text("events: [\n")
    with pytest.raises(UsageError, match=r"mine\.yaml") as caught:
        composition("train", ("data=mine",), tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_file_composes_and_builds_its_classes(command: Command) -> None:
    config_class, function = command.load()
    chosen = [f"{group}={option}" for group in composition(command.name).choices for option in groups()[group]]
    for words in [[], *([word] for word in chosen)]:
        assert isinstance(compose(config_class, command.name, words + missing(command, words)), config_class)
    assert callable(function)


def test_every_file_belongs_to_a_command_or_to_a_group_of_one(repository: Path) -> None:
    assert {path.stem for path in (repository / "conf").glob("*.yaml")} <= {command.name for command in COMMANDS}
    assert set(groups()) == {group for command in COMMANDS for group in composition(command.name).choices}


def missing(command: Command, words: list[str]) -> list[str]:
    """A value for each required key."""
    tree, choices = composition(command.name, words)
    config_class, _ = command.load()
    required = [one for one in settings(config_class, tree, schemas(choices)) if one.value == REQUIRED]
    return [f"{one.key}=[a]" if one.key == command.bare_words else f"{one.key}=a.parquet" for one in required]
