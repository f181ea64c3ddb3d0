"""What `marquee --help` and `marquee COMMAND --help` say."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from training.registry import COMMANDS, Command

ALL_COMMANDS = """\
marquee turns a behaviour log and a catalogue into personal recommendations.

usage: marquee COMMAND [KEY=VALUE ...]
       marquee COMMAND --help      the command's keys with their defaults

{commands}

marquee-serve bundle=DIR port=8000 answers over HTTP.
MARQUEE_DATA names the folder of data sets, MARQUEE_DEBUG=1 shows tracebacks.
"""

ONE_COMMAND = """\
marquee {name}: {does}

usage: marquee {name} [KEY=VALUE ...] [--config-dir DIR]

{groups}{keys}
examples:
{examples}
"""


def overview() -> str:
    """One line a command."""
    width = max(len(command.name) for command in COMMANDS)
    return ALL_COMMANDS.format(commands="\n".join(f"  {c.name:{width}}  {c.does}" for c in COMMANDS))


def details(command: Command, words: tuple[str, ...], config_dir: Path | None) -> str:
    """Config groups and every key of one command, with the values that the words given so far lead to."""
    from training.compose import composition, groups, schemas
    from training.settings import settings

    tree, choices = composition(command.name, words, config_dir)
    config_class, _ = command.load()
    found = list(settings(config_class, tree, schemas(choices)))
    width = max((len(setting.key) for setting in found), default=0)
    sections: dict[str, list[str]] = {"": [*_documentation(config_class), ""]}
    for key, value, owner in found:
        prefix = key.rpartition(".")[0]
        heading = ["", f"{prefix}:", *_documentation(owner), ""]
        sections.setdefault(prefix, heading).append(f"  {key:{width}}  {shown(value)}")
    return ONE_COMMAND.format(
        name=command.name,
        does=command.does,
        groups=_groups({group: groups(config_dir)[group] for group in sorted(choices)}, choices),
        keys="\n".join(["keys and their values:", *(line for lines in sections.values() for line in lines), ""]),
        examples="\n".join(f"  marquee {command.name} {example}" for example in command.examples),
    )


def shown(value: object) -> str:
    """A value as one would write it on the command line."""
    match value:
        case "???":
            return "required"
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case Enum():
            return str(value.value)
        case tuple() | list():
            return f"[{','.join(map(shown, value))}]"
        case _:
            return str(value)


def _groups(options: Mapping[str, Mapping[str, str]], choices: Mapping[str, str]) -> str:
    if not options:
        return ""
    taken = ", ".join(f"{group}={choices[group]}" for group in options)
    lines = [f"  {f'{group}={name}':24}  {text}" for group, names in options.items() for name, text in names.items()]
    return "\n".join([f"config groups, one option each (now {taken}):", *lines, "", ""])


def _documentation(config_class: type) -> list[str]:
    """Lines of the class's docstring; dataclasses without one have a made-up signature instead."""
    documentation = config_class.__doc__ or ""
    made_up = documentation.startswith(f"{config_class.__name__}(")
    return [] if made_up else [f"  {line}".rstrip() for line in inspect.cleandoc(documentation).splitlines()]
