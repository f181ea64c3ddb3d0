"""`marquee-serve`: loads a bundle and answers over HTTP until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from serving.options import USAGE, Config, UsageError, parse
from serving.workers import Workers, end_with_parent, inherited_socket, is_worker, worker_command

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.types import ASGIApp

    from serving.reload import Reloader
    from serving.service import Service


def main(words: Sequence[str] | None = None) -> None:
    """Entry point; a wrong option or bundle is one line on stderr and exit code 2."""
    words = sys.argv[1:] if words is None else words
    if {"-h", "--help", "help"} & set(words):
        print(USAGE, end="")
        return
    one_thread_each()
    try:
        config = parse(words)
        log_as_json(config.log_level)
        with inherited_socket() or bound_socket(config) as bound:
            run(config, words, bound)
    except UsageError as error:
        _stop(error)


def run(config: Config, words: Sequence[str], bound: socket.socket) -> None:
    """Serve in this process, or in several below it."""
    from serving.bundle import BundleError, locate
    from serving.store.database import StoreError

    try:
        if config.workers > 1 and not is_worker():
            print(f"{config.workers} workers with {locate(config.bundle).name} on {address(config, bound)}", flush=True)
            raise SystemExit(Workers(worker_command(words), config.workers, bound).run())
        serve(load_service(config), config, bound)
    except (BundleError, StoreError) as error:
        _stop(error)


def one_thread_each() -> None:
    """Keep BLAS and FAISS from starting a thread a core for each request; to be called before they are imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def log_as_json(level: str) -> None:
    """One JSON object a line on stderr."""
    from serving.logs import JsonLines

    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler])


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


def address(config: Config, bound: socket.socket) -> str:
    """URL of the homepage; /docs describes the interface."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"http://{host}:{bound.getsockname()[1]}/"


def load_service(config: Config) -> Service:
    """Service of the bundle and the store; a BundleError or StoreError names what is wrong."""
    from serving.metrics import Metrics
    from serving.reload import load_recommender
    from serving.service import Service
    from serving.store.store import Store

    store = None if config.store_url is None else Store.open(config.store_url)
    compared = [Path(config.compare)] if config.compare else []
    others = [
        Service(load_recommender(path, config.arrangement), Metrics("marquee_compared"), store) for path in compared
    ]
    return Service(load_recommender(config.bundle, config.arrangement), Metrics(), store, others)


class Equipped(NamedTuple):
    """An application and what renews its bundle."""

    app: Starlette
    reloader: Reloader


def equipped(service: Service, config: Config) -> Equipped:
    """The service behind HTTP, traced, looking for new bundles and forgetting old events as the options say."""
    from serving.app import Config as AppConfig
    from serving.app import create_app
    from serving.reload import Reloader, load_recommender
    from serving.retention import prune_daily
    from serving.tracing import Tracing

    service.tracing = Tracing.from_environment()
    reloader = Reloader(service, config.bundle, lambda path: load_recommender(path, config.arrangement))
    if config.watch_s:
        reloader.watch(config.watch_s)
    if service.store is not None and config.keep_days:
        prune_daily(service.store, config.keep_days)
    api_key = os.environ.get("MARQUEE_API_KEY", "")
    return Equipped(create_app(service, AppConfig(config.threads, config.deadline_ms, api_key=api_key)), reloader)


def serve(service: Service, config: Config, bound: socket.socket) -> None:
    """Listen until a signal; prints the URL."""
    import uvicorn

    app, reloader = equipped(service, config)
    handle_signals(reloader)
    settings = http_settings(app)
    if is_worker():
        end_with_parent()
    else:
        print(f"model {service.model_version} on {address(config, bound)}", flush=True)
    uvicorn.Server(settings).run([bound])
    reloader.stop()
    service.close()


def http_settings(app: ASGIApp) -> uvicorn.Config:
    """How HTTP is spoken; addresses of callers are of no interest, so no header of a proxy is read."""
    import uvicorn

    from serving.joined_writes import Protocol

    return uvicorn.Config(
        app,
        loop="uvloop",
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )


def handle_signals(reloader: Reloader) -> None:
    """Reload on SIGHUP; SIGINT and SIGTERM stop uvicorn, which raises them again at its end, to no effect."""
    signal.signal(signal.SIGHUP, lambda *_: Thread(target=reloader.reload).start())
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: None)


def _stop(error: Exception) -> None:
    print(f"marquee-serve: {error}", file=sys.stderr)
    raise SystemExit(2) from error
