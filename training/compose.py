"""From conf/*.yaml and KEY=VALUE words to one configuration, by Hydra.

A file or word holds only what differs from the classes' defaults; `training.settings` checks every key against them.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from hydra import compose as hydra_compose
from hydra import initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

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
    options = groups(folder)
    overrides = [_override(word, options) for word in words]
    if folder is not None:
        overrides.append(f"hydra.searchpath=['file://{folder.resolve()}']")
    config_name = name if (files("conf") / f"{name}.yaml").is_file() else None
    try:
        with initialize_config_module("conf", version_base="1.3"):
            config = hydra_compose(config_name, overrides, return_hydra_config=True)
        return Composition(_plain(config), _choices(config))
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
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


def _override(word: str, options: Mapping[str, Mapping[str, str]]) -> str:
    """The word in Hydra's grammar: a group's option as it is, a key forced, so that `build` judges the key."""
    if "=" not in word or word.startswith("-"):
        raise UsageError(f"{word!r} is not understood; options are written KEY=VALUE, as in seed=1")
    override = _parse(word)
    known = options.get(override.key_or_group)
    if known is None:
        return f"++{str(override.input_line).lstrip('+')}"
    if override.value() not in known:
        wrong = str(override.value())
        raise UsageError(f"unknown option {override.key_or_group}={wrong}; {nearest(wrong, list(known))}")
    return word


def _parse(word: str) -> Override:
    """A value that Hydra's grammar refuses, or reads as a sweep, is taken as plain text: paths may hold any sign."""
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
    foreign = re.search(r"Could not override '(.+)'\. No match in the defaults list", str(error))
    if foreign:
        return f"this command takes no {foreign[1]}=; its --help lists what it takes"
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if line and not line.startswith(("To append", "See https", "Config search path"))]
    return " ".join(kept[:4])
