"""The HTTP server: routes, limits and problem documents around a `Service`.

Requests are worked on in a small thread pool: ONNX Runtime and FAISS release the interpreter lock, so health checks
and metrics are answered while a request is computed, and requests queue in the order in which they came.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from serving import docs, problems
from serving.errors import RequestError
from serving.messages import MAX_ID_LENGTH, MAX_K, Health, RecommendRequest
from serving.metrics import MEDIA_TYPE as METRICS_MEDIA_TYPE
from serving.openapi import document
from serving.problems import ProblemError, decode_error, field_error
from serving.service import Service, UnknownItemError

JSON: Final = "application/json"

Handler = Callable[[Request, str], Awaitable[Response]]

_LOG = logging.getLogger("marquee.serving")
_REQUEST_ID = re.compile(r"[\w.:-]{1,128}")
_DECODER = msgspec.json.Decoder(RecommendRequest)


@dataclass(frozen=True)
class Config:
    """`threads` work on requests; bodies above `max_body_bytes` are refused."""

    threads: int = 1
    max_body_bytes: int = 2_000_000


def create_app(service: Service, config: Config | None = None) -> Starlette:
    """The server's ASGI application; it is ready as long as its lifespan runs."""
    api = _Api(service, config or Config())
    return Starlette(
        routes=api.routes(),
        lifespan=api.lifespan,
        exception_handlers={HTTPException: api.refuse},
    )


class _Api:
    """Handlers of the routes."""

    def __init__(self, service: Service, config: Config) -> None:
        self._service = service
        self._config = config
        self._pool = ThreadPoolExecutor(config.threads, thread_name_prefix="recommend")
        self._is_ready = False
        self._document = msgspec.json.encode(document())

    def routes(self) -> list[BaseRoute]:
        return [
            self._route("/v1/recommend", self._recommend, "POST"),
            self._route("/v1/similar/{item_id:path}", self._similar, "GET"),
            self._route("/health/live", self._live, "GET"),
            self._route("/health/ready", self._ready, "GET"),
            self._route("/metrics", self._metrics, "GET"),
            self._route("/openapi.json", self._openapi, "GET"),
            self._route("/docs", self._docs, "GET"),
            Mount("/docs/static", docs.static_files()),
        ]

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Ready in between; requests under way are finished on the way out."""
        self._is_ready = True
        yield
        self._is_ready = False
        self._pool.shutdown()

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Unknown routes and wrong methods."""
        assert isinstance(error, HTTPException)
        self._service.metrics.observe_request("other", error.status_code, 0.0)
        status = HTTPStatus(error.status_code)
        path = request.url.path
        detail = {
            HTTPStatus.NOT_FOUND: f"no route {path}; /docs lists them",
            HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible on {path}; /docs says what is",
        }.get(status, str(error.detail))
        return problems.response(ProblemError(status, detail), _request_id(request), dict(error.headers or {}))

    def _route(self, path: str, handler: Handler, method: str) -> Route:
        """A route that counts, times and turns every failure into a problem document."""

        async def endpoint(request: Request) -> Response:
            started, request_id = time.perf_counter(), _request_id(request)
            response = await _answer(handler, request, request_id)
            self._service.metrics.observe_request(path, response.status_code, time.perf_counter() - started)
            return response

        return Route(path, endpoint, methods=[method])

    async def _recommend(self, request: Request, request_id: str) -> Response:
        body = await _body(request, self._config.max_body_bytes)
        try:
            message = _DECODER.decode(body)
        except msgspec.DecodeError as error:
            raise decode_error(error) from error
        work = asyncio.get_running_loop().run_in_executor
        return Response(await work(self._pool, self._service.recommend, message, request_id), media_type=JSON)

    async def _similar(self, request: Request, request_id: str) -> Response:
        item_id, k = request.path_params["item_id"], _k(request.query_params.get("k", "10"))
        for name in request.query_params.keys() - {"k"}:
            raise field_error(name, "unknown parameter; this route takes `k`")
        if len(item_id) > MAX_ID_LENGTH:
            raise field_error("item_id", f"longer than {MAX_ID_LENGTH} characters")
        work = asyncio.get_running_loop().run_in_executor
        return Response(await work(self._pool, self._service.similar, item_id, k), media_type=JSON)

    async def _live(self, request: Request, request_id: str) -> Response:
        return self._health("live", HTTPStatus.OK)

    async def _ready(self, request: Request, request_id: str) -> Response:
        if self._is_ready:
            return self._health("ready", HTTPStatus.OK)
        return self._health("starting or stopping", HTTPStatus.SERVICE_UNAVAILABLE)

    async def _metrics(self, request: Request, request_id: str) -> Response:
        return Response(self._service.metrics.exposition(), media_type=METRICS_MEDIA_TYPE)

    async def _openapi(self, request: Request, request_id: str) -> Response:
        return Response(self._document, media_type=JSON)

    async def _docs(self, request: Request, request_id: str) -> Response:
        return Response(docs.PAGE, media_type="text/html")

    def _health(self, status: str, code: HTTPStatus) -> Response:
        return Response(msgspec.json.encode(Health(status, self._service.model_version)), code, media_type=JSON)


async def _answer(handler: Handler, request: Request, request_id: str) -> Response:
    try:
        return await handler(request, request_id)
    except ProblemError as error:
        return problems.response(error, request_id)
    except RequestError as error:
        return problems.response(field_error(error.field, error.message), request_id)
    except UnknownItemError as error:
        return problems.response(ProblemError(HTTPStatus.NOT_FOUND, str(error)), request_id)
    except ClientDisconnect:
        return problems.response(ProblemError(HTTPStatus.BAD_REQUEST, "the body ended early"), request_id)
    except Exception:
        _LOG.exception("request %s to %s failed", request_id, request.url.path)
        detail = "the server failed on this request; its log has the cause under the request_id"
        return problems.response(ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, detail), request_id)


async def _body(request: Request, max_bytes: int) -> bytes:
    """The request's body; 413 as soon as it is known to be too large."""
    too_large = ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {max_bytes:,} bytes")
    if int(request.headers.get("content-length", 0)) > max_bytes:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise too_large
    return bytes(body)


def _k(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= MAX_K:
        raise field_error("k", f"{text!r} is not a whole number from 1 to {MAX_K}")
    return int(text)


def _request_id(request: Request) -> str:
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else os.urandom(8).hex()
