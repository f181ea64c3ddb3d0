"""What every route shares: bodies with a limit, work in turns, failures as problem documents.

With one thread and a store in this machine's memory, requests are worked on in the event loop's own thread, in the
order in which they came: handing them to a second thread cost more than it won. More threads, or a store behind the
network, which may keep one waiting, work in a pool.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import hmac
import logging
import math
import os
import re
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, ParamSpec, Protocol, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from serving import problems
from serving.admission import Admission
from serving.deadline import Deadline
from serving.errors import RequestError
from serving.openapi import Json
from serving.problems import ProblemError, decode_error, field_error
from serving.service import Service, UnknownItemError
from serving.store.database import StoreError
from serving.store.store import Store
from serving.turns import Turns

JSON: Final = "application/json"

P = ParamSpec("P")
T = TypeVar("T")
Handler = Callable[[Request, str], Awaitable[Response]]
"""Takes a request and its id."""

_LOG = logging.getLogger("marquee.serving")
_REQUEST_ID = re.compile(r"[\w.:-]{1,128}")


class Feature(Protocol):
    """A module of routes: MESSAGES are the bodies that `paths`, its part of the OpenAPI document, refers to."""

    @property
    def MESSAGES(self) -> tuple[type[msgspec.Struct], ...]: ...  # noqa: N802 (a constant of the module)

    def routes(self, edge: Edge) -> list[BaseRoute]: ...

    def paths(self) -> Json: ...


@dataclass(frozen=True)
class Config:
    """`threads` work on requests; bodies above `max_body_bytes` are refused; `api_key`, when set, guards /v1.

    A recommendation that cannot be expected within `deadline_ms` is made more simply; 0 waits for ever.
    """

    threads: int = 1
    deadline_ms: float = 0.0
    max_body_bytes: int = 2_000_000
    api_key: str = ""


class Edge:
    """Between HTTP and the handlers of all features."""

    def __init__(self, service: Service, config: Config) -> None:
        self.service = service
        self.is_ready = False
        self._config = config
        self._pool = ThreadPoolExecutor(config.threads, thread_name_prefix="recommend")
        self._turns = Turns() if config.threads == 1 and not service.waits_for_store else None
        self._admission = Admission(config.threads)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="write")

    def route(self, path: str, handler: Handler, method: str) -> Route:
        """A route that counts, times, logs and turns every failure into a problem document."""
        guarded = self._guarded(handler) if self._config.api_key and path.startswith("/v1/") else handler

        async def endpoint(request: Request) -> Response:
            started, request_id = time.perf_counter(), request_id_of(request)
            with self.service.tracing.request(path, request_id) as status:
                response = await _answer(guarded, request, request_id)
                status.append(response.status_code)
            elapsed_s = time.perf_counter() - started
            self.service.metrics.observe_request(path, response.status_code, elapsed_s)
            if _LOG.isEnabledFor(logging.INFO):
                _log(path, response.status_code, elapsed_s, request_id)
            return response

        return Route(path, endpoint, methods=[method])

    def _guarded(self, handler: Handler) -> Handler:
        """401 without the API key."""
        wanted = f"Bearer {self._config.api_key}".encode()

        async def guarded(request: Request, request_id: str) -> Response:
            if not hmac.compare_digest(request.headers.get("authorization", "").encode(), wanted):
                raise ProblemError(HTTPStatus.UNAUTHORIZED, "give the API key as `Authorization: Bearer KEY`")
            return await handler(request, request_id)

        return guarded

    def beside(self, service: Service) -> Edge:
        """An edge of another service on the same threads."""
        other = copy.copy(self)
        other.service = service
        return other

    async def message(self, request: Request, decoder: msgspec.json.Decoder[T]) -> T:
        """The request's body as a message; 413, 400 or 422 tell what is wrong with it."""
        body = await _body(request, self._config.max_body_bytes)
        try:
            return decoder.decode(body)
        except msgspec.DecodeError as error:
            raise decode_error(error) from error

    async def work(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns, called when it is its turn."""

        def timed() -> tuple[T, float]:
            started = time.perf_counter()
            return function(*args, **kwargs), time.perf_counter() - started

        self._admission.enter()
        service_s = 0.0
        try:
            if self._turns is None:
                context = contextvars.copy_context()
                result, service_s = await asyncio.get_running_loop().run_in_executor(self._pool, context.run, timed)
            else:
                await self._turns.wait()
                result, service_s = timed()
        finally:
            self._admission.leave(service_s)
        return result

    async def at_once(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns, ahead of all that waits; it may read the store where that is near."""
        if self._turns is not None:
            return function(*args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(None, lambda: function(*args, **kwargs))

    def deadline(self, request: Request) -> Deadline | None:
        """By when a request that came just now must be answered; None when it cannot be."""
        budget_s = min(self._config.deadline_ms / 1000 or math.inf, _wanted_s(request))
        if not self._admission.admits(budget_s):
            return None
        return Deadline(time.perf_counter() + budget_s, self.service.costs)

    async def write(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns, called apart from the pool, which does not wait for disks."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, lambda: function(*args, **kwargs))

    def store(self) -> Store:
        """The store; 503 where the server keeps none."""
        if self.service.store is None:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "this server keeps nothing; start it with store=")
        return self.service.store

    def close(self) -> None:
        """Finish what has begun."""
        self._writer.shutdown()
        self._pool.shutdown()


def json_response(message: bytes | msgspec.Struct, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A message, encoded already or not, as JSON."""
    body = message if isinstance(message, bytes) else msgspec.json.encode(message)
    return Response(body, status, media_type=JSON)


def request_id_of(request: Request) -> str:
    """The caller's id, or a new one where it is missing or strange."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else os.urandom(8).hex()


def _wanted_s(request: Request) -> float:
    """The caller's own limit."""
    given = request.headers.get("x-deadline-ms")
    if given is None:
        return math.inf
    if not given.isascii() or not given.isdigit() or not 1 <= len(given) <= 9:
        raise field_error("x-deadline-ms", f"{given[:20]!r} is not a whole number of milliseconds")
    return int(given) / 1000


def only_parameters(request: Request, *known: str) -> None:
    """422 for a query parameter that the route does not take."""
    for name in request.query_params.keys() - set(known):
        raise field_error(name, f"unknown parameter; this route takes {', '.join(known) or 'none'}")


def _log(route: str, status: int, elapsed_s: float, request_id: str) -> None:
    fields = {"route": route, "status": status, "ms": round(1000 * elapsed_s, 3), "request_id": request_id}
    _LOG.info("answered", extra=fields)


async def _answer(handler: Handler, request: Request, request_id: str) -> Response:
    try:
        return await handler(request, request_id)
    except (ProblemError, RequestError, UnknownItemError, ClientDisconnect) as error:
        return problems.response(_problem(error), request_id)
    except StoreError as error:
        _LOG.error("request %s to %s: %s", request_id, request.url.path, error)
        detail = "the store does not answer; nothing was taken, send it again later"
        return problems.response(ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail), request_id, {"retry-after": "1"})
    except Exception:
        _LOG.exception("request %s to %s failed", request_id, request.url.path)
        detail = "the server failed on this request; its log has the cause under the request_id"
        return problems.response(ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, detail), request_id)


def _problem(error: Exception) -> ProblemError:
    """What the caller did wrong."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, RequestError):
        return field_error(error.field, error.message)
    if isinstance(error, UnknownItemError):
        return ProblemError(HTTPStatus.NOT_FOUND, str(error))
    return ProblemError(HTTPStatus.BAD_REQUEST, "the body ended early")


async def _body(request: Request, max_bytes: int) -> bytes:
    """The request's body; 413 as soon as it is known to be too large."""
    too_large = ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {max_bytes:,} bytes")
    if int(request.headers.get("content-length", 0)) > max_bytes:
        raise too_large
    body, is_more = b"", True
    while is_more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
        if len(body) > max_bytes:
            raise too_large
    return body
