"""The commands of `marquee` by name; nothing heavy is imported before one is loaded."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from training.errors import UsageError


@dataclass(frozen=True)
class Command:
    """One command: `training/commands/NAME.py` holds the function NAME and its configuration class NameConfig.

    A name of two words, `index tune`, becomes `index_tune` and IndexTuneConfig.
    `bare_words` names the key that collects words without a `=`, for commands that take several of a kind. The function
    of a command that `takes_words` gets the words and the folder of --config-dir, since it composes several times.
    """

    name: str
    does: str
    examples: tuple[str, ...]
    bare_words: str | None = None
    takes_words: bool = False

    def load(self) -> tuple[type[Any], Callable[..., None]]:
        """Configuration class and function."""
        name = self.name.replace(" ", "_")
        module = importlib.import_module(f"training.commands.{name}")
        return getattr(module, f"{self.name.title().replace(' ', '')}Config"), getattr(module, name)


COMMANDS = (
    Command(
        "train",
        "learn from a behaviour log and publish a bundle that answers requests",
        (
            "data=files data.events=events.parquet out=runs/mine",
            "data=files data.events=events.csv data.items=titles.csv out=runs/mine preset=nano",
            "data=ml_1m out=runs/ml-1m",
        ),
    ),
    Command(
        "evaluate",
        "compare a bundle with simple baselines on later events",
        ("bundle=runs/mine data=files data.events=events.parquet", "bundle=runs/ml-1m data=ml_1m"),
    ),
    Command(
        "recommend",
        "answer a file of queries from a bundle",
        ("bundle=runs/mine queries=queries.parquet k=100 out=topk.parquet",),
    ),
    Command(
        "sweep",
        "search for better towers: many trainings with other values, judged on the validation part",
        (
            "data=ml_1m out=runs/sweep trials=20 'learning.fit.optimiser.lr=tag(log,interval(1e-3,1e-2))'",
            "data=files data.events=events.parquet out=runs/sweep minutes=60 space=towers learning.towers.dim=64",
        ),
        takes_words=True,
    ),
    Command(
        "index tune",
        "measure indexes over any file of vectors and write the fastest that finds enough",
        (
            "vectors=items.npy k=100 floor=.99 out=runs/index",
            "vectors=items.parquet column=embedding queries=users.npy",
        ),
    ),
    Command(
        "follow",
        "publish whatever an alias of MLflow's model registry names, for servers that watch the folder",
        ("out=/srv/marquee tracking.uri=http://tracker:5000", "out=/srv/marquee alias=canary once=true"),
    ),
    Command("compare", "show how runs differ, as a table and a page of plots", ("RUN RUN",), "runs"),
    Command(
        "simulate",
        "make a streaming service with known tastes: write its log, or judge policies by its viewers",
        ("preset=small out=runs/world", "world=runs/world policy=all bundle=runs/mine", "calibrate=true"),
    ),
    Command(
        "genres",
        "list the micro-genres of a bundle or a data set, with sizes and examples, or report what they are worth",
        (
            "bundle=runs/mine",
            "bundle=runs/mine find=revenge",
            "data=ml_1m order=tags most=100",
            "data=ml_1m report=true",
        ),
    ),
    Command(
        "limit",
        "find the smallest homepage that loses little",
        ("bundle=runs/mine", "bundle=runs/mine rows=[2,4,8,16] attention=grid viewers=200"),
    ),
    Command("demo", "simulate a service, learn from it, judge, publish and serve", ("port=8000", "data=events.csv")),
)


def find(words: Sequence[str]) -> tuple[Command, list[str]]:
    """The command that the first words name, and the rest of them; a UsageError names the nearest command."""
    by_name = {command.name: command for command in COMMANDS}
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in by_name:
            return by_name[name], list(words[length:])
    close = difflib.get_close_matches(words[0], by_name, n=1)
    remedy = f"did you mean {close[0]}?" if close else "marquee --help lists the commands"
    raise UsageError(f"unknown command {words[0]!r}; {remedy}")
