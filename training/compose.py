"""From conf/*.yaml and KEY=VALUE words to one configuration, by Hydra.

A file or word holds only what differs from the classes' defaults; `training.settings` checks every key against them.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from training.errors import UsageError
from training.settings import Tree, build, nearest

C = TypeVar("C")

SCHEMAS: Final = {"data": "training.data"}
"""Config groups whose options have a class each: the module's CONFIGS maps option to class."""

FALLBACK_OPTION: Final = "files"
"""Whose class an option takes that CONFIGS does not know: a YAML file of the user's own describes files."""


class Composition(NamedTuple):
    """What files and words say before the classes' defaults, and the option taken in each config group."""

    tree: Tree
    choices: Mapping[str, str]


def compose(config_class: type[C], name: str, words: Sequence[str] = (), folder: Path | None = None) -> C:
    """Configuration of the class from conf/`name`.yaml with the words KEY=VALUE laid over it.

    `folder` may add files laid out as conf/ is: `data/mine.yaml` there becomes `data=mine`. A UsageError names an
    unknown key or option with the nearest valid one, a value of a wrong type, or a required key that is missing.
    """
    tree, choices = composition(name, words, folder)
    return build(config_class, tree, schemas(choices))


def composition(name: str, words: Sequence[str] = (), folder: Path | None = None) -> Composition:
    """Let Hydra choose options and lay words over files; a `name` without a file in conf/ starts empty."""
    file = files("conf") / f"{name}.yaml"
    asked = _sorted_out([_parse(word) for word in words], _groups_of(file), groups(folder))
    search = [f"hydra.searchpath=['file://{folder.resolve()}']"] if folder else []
    try:
        with initialize_config_module("conf", version_base="1.3"):
            config_name = name if file.is_file() else None
            config = hydra_compose(config_name, [*asked.overrides, *search], return_hydra_config=True)
        return Composition(_plain(config) | asked.values, _choices(config))
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        raise UsageError(_one_line(error)) from error


def groups(folder: Path | None = None) -> dict[str, dict[str, str]]:
    """Options of each config group with the first comment of their file, from conf/ and from `folder`."""
    if folder is not None and not folder.is_dir():
        raise UsageError(f"no folder {folder}; --config-dir takes a folder laid out as conf/ is (DIR/data/mine.yaml)")
    found: dict[str, dict[str, str]] = {}
    for root in (files("conf"), *([folder] if folder else [])):
        for group in (entry for entry in root.iterdir() if entry.is_dir()):
            options = {entry.name.removesuffix(".yaml"): entry for entry in group.iterdir() if _is_yaml(entry)}
            found.setdefault(group.name, {}).update({name: _comment(options[name]) for name in sorted(options)})
    return {group: found[group] for group in sorted(found) if found[group]}


def schemas(choices: Mapping[str, str]) -> dict[str, type]:
    """Class of each option taken, for the groups whose options have one."""
    chosen: dict[str, type] = {}
    for group in SCHEMAS.keys() & choices.keys():
        classes: Mapping[str, type] = importlib.import_module(SCHEMAS[group]).CONFIGS
        chosen[group] = classes.get(choices[group]) or classes[FALLBACK_OPTION]
    return chosen


def _is_yaml(entry: Traversable) -> bool:
    return entry.is_file() and entry.name.endswith(".yaml")


def _comment(file: Traversable) -> str:
    """First line of the file that is a comment for people and not a directive for Hydra."""
    lines = (line.removeprefix("#").strip() for line in file.read_text("utf-8").splitlines() if line.startswith("#"))
    return next((line for line in lines if line and not line.startswith("@package")), "")


class _Asked(NamedTuple):
    """Words in Hydra's grammar, and values of keys that share their name with a group this command does not use."""

    overrides: list[str]
    values: dict[str, Any]


def _groups_of(file: Traversable) -> frozenset[str]:
    """Groups in the defaults list of a command's file."""
    config = yaml.safe_load(file.read_text("utf-8")) if file.is_file() else None
    return frozenset(group for entry in (config or {}).get("defaults", []) if entry != "_self_" for group in entry)


def _sorted_out(words: Sequence[Override], own: frozenset[str], options: Mapping[str, Mapping[str, str]]) -> _Asked:
    """Options of the command's groups are checked here; keys are forced upon Hydra, so that `build` judges them."""
    asked = _Asked([], {})
    for word in words:
        key, line = word.key_or_group, str(word.input_line)
        if key in own and word.value() not in options[key]:
            wrong = str(word.value())
            raise UsageError(f"unknown option {key}={wrong}; {nearest(wrong, list(options[key]))}")
        if key in options and key not in own:
            asked.values[key] = word.value()
        else:
            asked.overrides.append(line if key in own else f"++{line.lstrip('+')}")
    return asked


def _parse(word: str) -> Override:
    """A value that Hydra's grammar refuses, or reads as a sweep, is taken as plain text: paths may hold any sign."""
    if "=" not in word or word.startswith("-"):
        raise UsageError(f"{word!r} is not understood; options are written KEY=VALUE, as in seed=1")
    parser = OverridesParser.create()
    try:
        override = parser.parse_override(word)
    except HydraException:
        override = None
    if override is not None and not override.is_sweep_override():
        return override
    key, _, value = word.partition("=")
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    try:
        return parser.parse_override(f"{key}='{quoted}'")
    except HydraException as error:
        raise UsageError(f"{word!r} is not understood; options are written KEY=VALUE, as in seed=1") from error


def _plain(config: DictConfig) -> dict[str, Any]:
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return dict[str, Any](OmegaConf.to_container(own, resolve=True))  # type: ignore[arg-type]


def _choices(config: DictConfig) -> dict[str, str]:
    taken = config.hydra.runtime.choices.items()
    return {group: option for group, option in taken if option and not group.startswith("hydra/")}


def _one_line(error: Exception) -> str:
    """Hydra's message without its advice on syntax that this command line does not use."""
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if line and not line.startswith(("To append", "See https", "Config search path"))]
    return " ".join(kept[:4])
