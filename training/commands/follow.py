"""`marquee follow`: keeps a folder at the bundle that an alias of the model registry names, for servers to take."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from training.errors import UsageError
from training.follow import Follower
from training.settings import REQUIRED
from training.tracking import CHAMPION, Tracking

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FollowConfig:
    """Publishes in the folder `out` what the alias names, keeps `keep` bundles there, and looks again after `every_s`;
    with `once`, only now.

    A version that is no sound bundle is reported once, and what was published before stays.
    """

    out: str = REQUIRED
    alias: str = CHAMPION
    every_s: float = 10.0
    once: bool = False
    keep: int = 3
    tracking: Tracking.Config = field(default_factory=Tracking.Config)


def follow(config: FollowConfig) -> None:
    """Runs until it is interrupted."""
    if config.every_s <= 0:
        raise UsageError(f"every_s is {config.every_s}; give more than 0 seconds")
    follower = Follower(Path(config.out).expanduser(), config.alias, config.keep, config.tracking)
    if config.once:
        tell(follower.look(), follower)
        return
    said = ""
    while True:
        said = look(follower, said)
        time.sleep(config.every_s)


def look(follower: Follower, said: str) -> str:
    """Look once; what went wrong is said and returned, so that it is not said again."""
    try:
        tell(follower.look(), follower)
    except ValueError as error:
        if str(error) != said:
            logger.warning("nothing new is published: %s", error)
        return str(error)
    return ""


def tell(folder: Path | None, follower: Follower) -> None:
    """What is served from now on."""
    if folder is not None:
        logger.info("published %s, version %s", folder.name, follower.tried)
