"""The `marquee` command: configures the command asked for, runs it, and reports its ending in words."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, NoReturn

from training.command_help import details, overview
from training.errors import Interrupted
from training.registry import Command, find

EXIT_WRONG_USE = 2
EXIT_INTERRUPTED = 130
HELP_WORDS = frozenset({"-h", "--help", "help"})
ROOMS = frozenset({"towers", "ranking", "index", "conf", "training", "serving"})
CHATTY_LIBRARIES = ("alembic", "faiss", "matplotlib", "mlflow", "onnxscript", "optuna", "pytorch_lightning", "torch")


class Words(NamedTuple):
    """What stands after the command's name."""

    overrides: tuple[str, ...]
    config_dir: Path | None
    wants_help: bool


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; exit code 2 and one line on stderr after wrong use, 130 after an interruption."""
    arguments = sys.argv[1:] if arguments is None else arguments
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch reads it when first imported: see ARCHITECTURE.md
    log_to_stderr()
    if os.environ.get("MARQUEE_DEBUG"):
        return run(arguments)
    try:
        run(arguments)
    except KeyboardInterrupt as stop:
        _end(str(stop) if isinstance(stop, Interrupted) else "interrupted", EXIT_INTERRUPTED)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        message = explain(error)
        if message is None:
            raise
        _end(message, EXIT_WRONG_USE)


def run(arguments: Sequence[str]) -> None:
    """Run the command that the arguments name, or print help; errors pass through."""
    name, *rest = arguments or ["--help"]
    if name == "--version":
        print(f"marquee {version('marquee')}")
    elif name in HELP_WORDS and not rest:
        print(overview())
    else:
        command, rest = find(rest if name in HELP_WORDS else [name, *rest])
        words = split([*rest, "--help"] if name in HELP_WORDS else rest)
        _run(command, words)


def split(arguments: Sequence[str]) -> Words:
    """Take the options apart from the KEY=VALUE words."""
    overrides: list[str] = []
    config_dir = None
    wants_help = False
    waiting = iter(arguments)
    for word in waiting:
        option, _, value = word.partition("=")
        if word in HELP_WORDS:
            wants_help = True
        elif option == "--config-dir":
            config_dir = Path(value or next(waiting, ""))
        else:
            overrides.append(word)
    return Words(tuple(overrides), config_dir, wants_help)


def collected(overrides: Sequence[str], key: str | None) -> tuple[str, ...]:
    """Bare words gathered into one list under the key, for the commands that take some."""
    bare = [word for word in overrides if "=" not in word and not word.startswith("-")]
    if key is None or not bare:
        return tuple(overrides)
    quoted = ",".join(f"'{word}'" for word in bare)
    return (*(word for word in overrides if word not in bare), f"{key}=[{quoted}]")


def explain(error: Exception) -> str | None:
    """What went wrong, for errors that the user can mend; None for the others, whose traceback is worth more."""
    match error:
        case ModuleNotFoundError(name=str(name)) if name.partition(".")[0] not in ROOMS:
            return f"{name} is not installed; run: pip install 'marquee[train]'"
        case OSError(filename=str() | Path() as path, strerror=str(reason)):
            return f"{path}: {reason}; check the path"
        case FileNotFoundError() | ValueError():
            return str(error)
        case _:
            return None


def log_to_stderr() -> None:
    """Short lines for the commands' own messages, warnings alone from the libraries."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_ShortLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for library in CHATTY_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


class _ShortLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return line if record.levelno < logging.WARNING else f"{record.levelname.lower()}: {line}"


def _run(command: Command, words: Words) -> None:
    words = words._replace(overrides=collected(words.overrides, command.bare_words))
    if words.wants_help:
        print(details(command, words.overrides, words.config_dir))
        return
    from training.compose import compose

    config_class, function = command.load()
    if command.takes_words:
        function(words.overrides, words.config_dir)
    else:
        function(compose(config_class, command.name, words.overrides, words.config_dir))


def _end(message: str, code: int) -> NoReturn:
    print(f"marquee: {message}", file=sys.stderr)
    raise SystemExit(code)
