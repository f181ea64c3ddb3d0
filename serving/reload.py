"""Takes the bundle that CURRENT names: on a signal, and whenever it names another one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock, Thread

from ranking.arrangement import BEST_FIRST, Arrangement
from serving.assembly import assemble
from serving.bundle import Bundle, locate
from serving.manifest import BundleError
from serving.recommender import Recommender
from serving.service import Service
from serving.store.database import StoreError
from serving.vector_cache import VectorCache

_LOG = logging.getLogger("marquee.serving")


def load_recommender(path: Path, arrangement: Arrangement = BEST_FIRST) -> Recommender:
    """A server's recommender of the bundle at `path`, with fresh state; a BundleError names what is wrong with it."""
    return assemble(Bundle.load(path), config=Recommender.Config(vectors=VectorCache.Config(), arrangement=arrangement))


class Reloader:
    """Swaps bundles one at a time; one that cannot answer is reported once and the old one keeps answering."""

    def __init__(self, service: Service, path: Path, load: Callable[[Path], Recommender] = load_recommender) -> None:
        self._service = service
        self._path = path
        self._load = load
        self._lock = Lock()
        self._stop = Event()
        self._tried = service.live.recommender.bundle.folder

    def reload(self) -> None:
        """Take the current bundle, whether it changed or not."""
        with self._lock:
            try:
                self._tried = locate(self._path)
                self._service.swap(self._load(self._tried))
            except (ValueError, OSError, StoreError) as error:
                _LOG.error("the bundle was not replaced: %s", error)
            except Exception:
                _LOG.exception("the bundle was not replaced: it cannot answer")
            else:
                _LOG.warning("the bundle is now %s", self._service.model_version)

    def watch(self, every_s: float) -> None:
        """Look in a thread of its own until `stop`."""
        Thread(target=self._watch, args=(every_s,), name="reload", daemon=True).start()

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()

    def _watch(self, every_s: float) -> None:
        while not self._stop.wait(every_s):
            if self._has_changed():
                self.reload()

    def _has_changed(self) -> bool:
        """Whether another bundle is named; a pointer that cannot be read names none."""
        try:
            return locate(self._path) != self._tried
        except (BundleError, OSError):
            return False
