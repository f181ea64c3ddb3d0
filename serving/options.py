"""Options of `marquee-serve` as KEY=VALUE words."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Final, get_type_hints

from ranking.arrangement import Arrangement

USAGE: Final = """usage: marquee-serve bundle=DIR [store=URL] [port=8000] [host=127.0.0.1] [OPTION=VALUE ...]

  bundle     the `out` folder of a training run, or one bundle inside it
  store      where events, settings and new items are kept: sqlite:///FILE or postgresql://USER@HOST/NAME, or none;
             MARQUEE_STORE in the environment does the same unseen; the default is live.sqlite in the bundle= folder
  compare    another bundle, or `out` folder: its recommendations and pages are answered under /models/1/
  keep_days  events older than this are deleted; 0 keeps all
  port       TCP port to listen on; 0 takes any free one
  host       address to listen on; 0.0.0.0 for all
  workers    processes that share the port and the bundle's memory; one a core; one that dies is replaced
  threads    requests worked on at the same time; one a core is enough
  deadline_ms  a request gets a simpler answer in time rather than the full one late; 0 waits for ever
  watch_s    how often CURRENT is looked at: a newly published bundle is swapped in between two requests, a broken one
             is reported and the old one keeps answering; 0 looks only on SIGHUP
  diversity, taste_match, max_per_person, exploration
             what happens after the score, where a request does not say: price of likeness to a title above, price of
             the distance from the viewer's mix of genres, titles a person (0: any number), how much is left to chance
  log_level  debug, info, warning or error; info logs each request, as JSON and without personal data

MARQUEE_API_KEY in the environment makes /v1 ask for it (Authorization: Bearer KEY).
Stops on Ctrl-C or SIGTERM after finishing what it has begun.
"""


class UsageError(ValueError):
    """The command line asks for something that does not exist; the message names the remedy."""


@dataclass(frozen=True)
class Config:
    """Options of the command line."""

    bundle: Path
    store: str = field(default_factory=lambda: os.environ.get("MARQUEE_STORE", ""))
    compare: str = ""
    keep_days: int = 730
    port: int = 8000
    host: str = "127.0.0.1"
    workers: int = 1
    threads: int = 1
    deadline_ms: float = 250.0
    watch_s: float = 1.0
    log_level: str = "warning"
    diversity: float = 0.0
    taste_match: float = 0.0
    max_per_person: int = 0
    exploration: float = 0.0

    def __post_init__(self) -> None:
        if not self.bundle.is_dir():
            raise UsageError(f"no folder {self.bundle}; bundle= names the out folder of a training run")
        if self.compare and not Path(self.compare).is_dir():
            raise UsageError(f"no folder {self.compare}; compare= names the out folder of another training run")
        if not 0 <= self.port <= 65_535:
            raise UsageError(f"port is {self.port}; give a number from 0 to 65535")
        if self.log_level not in {"debug", "info", "warning", "error"}:
            raise UsageError(f"log_level is {self.log_level!r}; choose debug, info, warning or error")
        self._check_sizes()
        try:
            _ = self.arrangement
        except ValueError as error:
            raise UsageError(str(error)) from error

    @property
    def arrangement(self) -> Arrangement:
        """What happens after the score."""
        return Arrangement(self.diversity, self.taste_match, self.max_per_person, self.exploration)

    def _check_sizes(self) -> None:
        if self.keep_days < 0:
            raise UsageError(f"keep_days is {self.keep_days}; give a number of days, or 0 to keep all")
        for name, number in (("threads", self.threads), ("workers", self.workers)):
            if number < 1:
                raise UsageError(f"{name} is {number}; give 1 or more")
        for name, length in (("deadline_ms", self.deadline_ms), ("watch_s", self.watch_s)):
            if not 0 <= length < math.inf:
                raise UsageError(f"{name} is {length}; give 0 or more")

    @property
    def store_url(self) -> str | None:
        """Where things are kept; None for nowhere."""
        if self.store:
            return None if self.store == "none" else self.store
        return f"sqlite:///{self.bundle.absolute() / 'live.sqlite'}"


def parse(words: Sequence[str]) -> Config:
    """Configuration of KEY=VALUE words; a UsageError names the word that cannot be used."""
    kinds = get_type_hints(Config)
    values: dict[str, object] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or key not in kinds:
            raise UsageError(f"unknown option {word!r}; options are {', '.join(f'{name}=' for name in kinds)}")
        try:
            values[key] = kinds[key](value)
        except ValueError as error:
            raise UsageError(f"{key} is {value!r}; give a {'whole ' * (kinds[key] is int)}number") from error
    needed = [each.name for each in fields(Config) if each.default is each.default_factory is MISSING]
    missing = [name for name in needed if name not in values]
    if missing:
        raise UsageError(f"{missing[0]}= is missing; marquee-serve --help lists the options")
    return Config(**values)  # type: ignore[arg-type]
