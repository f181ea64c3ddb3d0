"""The server as a Ray Serve application, for those who outgrow one machine; needs `pip install 'marquee[ray]'`.

    serve run serving.ray_deployment:application bundle=/srv/marquee store=postgresql://marquee@db/marquee replicas=4

Each replica answers as one worker of `marquee-serve` does, from the bundle on its node's disk and the store of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from starlette.applications import Starlette

from serving.options import Config, UsageError, parse

NAME: Final = "Marquee"
ELSEWHERE: Final = {"host", "port", "workers"}
"""Options that Ray Serve has of its own."""
QUEUE: Final = 256
"""Requests that Ray hands a replica at once; beyond what its deadline allows, our own admission answers simply."""


def application(options: Mapping[str, Any]) -> Any:
    """What `serve run` deploys: the options of `marquee-serve` without host, port and workers, and `replicas`."""
    given = dict(options)
    replicas = str(given.pop("replicas", 1))
    for name in ELSEWHERE & given.keys():
        raise UsageError(f"{name} is Ray Serve's own; set it there (http_options, replicas)")
    if not replicas.isdigit() or int(replicas) < 1:
        raise UsageError(f"replicas is {replicas!r}; give a whole number from 1 on")
    config = parse([f"{name}={value}" for name, value in given.items()])
    config = replace(config, bundle=config.bundle.absolute())
    from ray import serve

    deployed = serve.deployment(name=NAME, num_replicas=int(replicas), max_ongoing_requests=QUEUE)
    return deployed(serve.ingress(replica(config))()).bind()


def replica(config: Config) -> Callable[[], Starlette]:
    """A function that makes one replica's application, in the process where it will answer."""

    def make() -> Starlette:
        from serving.server import equipped, load_service, one_thread_each

        one_thread_each()
        return equipped(load_service(config), config).app

    return make
