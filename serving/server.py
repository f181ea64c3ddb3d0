"""`marquee-serve`: loads a bundle and answers over HTTP until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final, get_type_hints

if TYPE_CHECKING:
    from serving.recommender import Recommender
    from serving.service import Service

USAGE: Final = """usage: marquee-serve bundle=DIR [store=URL] [port=8000] [host=127.0.0.1] [OPTION=VALUE ...]

  bundle     the `out` folder of a training run, or one bundle inside it
  store      where events, settings and new items are kept: sqlite:///FILE or postgresql://USER@HOST/NAME, or none;
             MARQUEE_STORE in the environment does the same unseen; the default is live.sqlite in the bundle= folder
  keep_days  events older than this are deleted; 0 keeps all
  port       TCP port to listen on; 0 takes any free one
  host       address to listen on; 0.0.0.0 for all
  threads    requests worked on at the same time; one a core is enough
  log_level  debug, info, warning or error; info logs each request

Stops on Ctrl-C or SIGTERM after finishing what it has begun. On SIGHUP it loads the folder's current bundle and swaps
it in; a broken bundle is reported and the old one keeps answering.
"""

_LOG = logging.getLogger("marquee.serving")


class UsageError(ValueError):
    """The command line asks for something that does not exist; the message names the remedy."""


@dataclass(frozen=True)
class Config:
    """Options of the command line."""

    bundle: Path
    store: str = field(default_factory=lambda: os.environ.get("MARQUEE_STORE", ""))
    keep_days: int = 730
    port: int = 8000
    host: str = "127.0.0.1"
    threads: int = 1
    log_level: str = "warning"

    def __post_init__(self) -> None:
        if not self.bundle.is_dir():
            raise UsageError(f"no folder {self.bundle}; bundle= names the out folder of a training run")
        if not 0 <= self.port <= 65_535:
            raise UsageError(f"port is {self.port}; give a number from 0 to 65535")
        if self.keep_days < 0:
            raise UsageError(f"keep_days is {self.keep_days}; give a number of days, or 0 to keep all")
        if self.threads < 1:
            raise UsageError(f"threads is {self.threads}; give 1 or more")
        if self.log_level not in {"debug", "info", "warning", "error"}:
            raise UsageError(f"log_level is {self.log_level!r}; choose debug, info, warning or error")

    @property
    def store_url(self) -> str | None:
        """Where things are kept; None for nowhere."""
        if self.store:
            return None if self.store == "none" else self.store
        return f"sqlite:///{self.bundle.absolute() / 'live.sqlite'}"


def main(words: Sequence[str] | None = None) -> None:
    """Entry point; a wrong option or bundle is one line on stderr and exit code 2."""
    words = sys.argv[1:] if words is None else words
    if {"-h", "--help", "help"} & set(words):
        print(USAGE, end="")
        return
    one_thread_each()
    from serving.bundle import BundleError
    from serving.store.database import StoreError

    try:
        config = parse(words)
        with bound_socket(config) as bound:
            serve(load_service(config), config, bound)
    except (UsageError, BundleError, StoreError) as error:
        print(f"marquee-serve: {error}", file=sys.stderr)
        raise SystemExit(2) from error


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
            raise UsageError(f"{key} is {value!r}; give a whole number") from error
    needed = [each.name for each in fields(Config) if each.default is each.default_factory is MISSING]
    missing = [name for name in needed if name not in values]
    if missing:
        raise UsageError(f"{missing[0]}= is missing; marquee-serve --help lists the options")
    return Config(**values)  # type: ignore[arg-type]


def one_thread_each() -> None:
    """Keep BLAS and FAISS from starting a thread a core for each request; to be called before they are imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def bound_socket(config: Config) -> socket.socket:
    """Socket of the address, taken before the bundle is loaded; a UsageError when it is not to be had."""
    bound = socket.socket(socket.AF_INET6 if ":" in config.host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((config.host, config.port))
    except OSError as error:
        bound.close()
        message = f"cannot listen on {config.host} port {config.port} ({error.strerror}); choose another port= or host="
        raise UsageError(message) from error
    return bound


def load_service(config: Config) -> Service:
    """Service of the bundle and the store; a BundleError or StoreError names what is wrong."""
    from serving.metrics import Metrics
    from serving.service import Service
    from serving.store.store import Store

    store = None if config.store_url is None else Store.open(config.store_url)
    return Service(load_recommender(config.bundle), Metrics(), store)


def load_recommender(path: Path) -> Recommender:
    """The recommender of the bundle at `path`, with fresh state; a BundleError names what is wrong with it."""
    from serving.assembly import assemble
    from serving.bundle import Bundle

    return assemble(Bundle.load(path))


def serve(service: Service, config: Config, bound: socket.socket) -> None:
    """Listen until a signal; prints the URL."""
    import uvicorn

    from serving.app import Config as AppConfig
    from serving.app import create_app

    logging.basicConfig(level=config.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    app = create_app(service, AppConfig(threads=config.threads))
    settings = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=config.log_level in {"debug", "info"},
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    handle_signals(service, config.bundle)
    host = f"[{config.host}]" if ":" in config.host else config.host
    print(f"model {service.model_version} on http://{host}:{bound.getsockname()[1]}/docs", flush=True)
    uvicorn.Server(settings).run([bound])


def handle_signals(service: Service, path: Path) -> None:
    """Reload on SIGHUP; SIGINT and SIGTERM stop uvicorn, which raises them again at its end, to no effect."""
    signal.signal(signal.SIGHUP, lambda *_: Thread(target=reload, args=(service, path)).start())
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: None)


def reload(service: Service, path: Path) -> None:
    """Swap in the current bundle at `path`; a broken one is logged and the old one keeps answering."""
    try:
        service.swap(load_recommender(path))
    except (ValueError, OSError) as error:
        _LOG.error("the bundle was not replaced: %s", error)
    else:
        _LOG.warning("the bundle is now %s", service.model_version)
