"""The HTTP server: the features' routes in one ASGI application around a `Service`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.convertors import register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from serving import problems
from serving.openapi import Json, document
from serving.problems import ProblemError
from serving.routes import events, items, operations, page, recommend, web
from serving.routes.edge import Config, Edge, Feature, json_response, request_id_of
from serving.routes.ids import AnyText
from serving.service import Service

__all__ = ["FEATURES", "Config", "create_app"]

FEATURES: Final[tuple[Feature, ...]] = (recommend, page, events, items, operations, web)


class Straight(Starlette):
    """Goes straight to the handler of a fixed path; a third of the cost of an answer was finding it.

    What its endpoint raises is none of Starlette's business: `Edge.route` answers every failure.
    """

    def __init__(self, routes: Sequence[BaseRoute], **settings: Any) -> None:
        super().__init__(routes=routes, **settings)
        self._endpoints = {
            (method, route.path): route.endpoint
            for route in reversed(routes)
            if isinstance(route, Route) and "{" not in route.path
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection of the server."""
        endpoint = self._endpoints.get((scope.get("method", ""), scope.get("path", "")))
        if endpoint is None or scope["type"] != "http" or scope.get("root_path"):
            await super().__call__(scope, receive, send)
            return
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


def create_app(service: Service, config: Config | None = None) -> Starlette:
    """The server's ASGI application; it is ready as long as its lifespan runs."""
    edge = Edge(service, config or Config())
    register_url_convertor("any", AnyText())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        """Ready in between; requests under way are finished on the way out."""
        edge.is_ready = True
        yield
        edge.is_ready = False
        edge.close()

    routes = [_document_route(edge), *(route for feature in FEATURES for route in feature.routes(edge))]
    return Straight(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _refuse(service)})


def openapi() -> Json:
    """The OpenAPI document of all features."""
    messages = tuple(message for feature in FEATURES for message in feature.MESSAGES)
    paths = {path: operation for feature in FEATURES for path, operation in feature.paths().items()}
    return document(messages, paths)


def _document_route(edge: Edge) -> BaseRoute:
    encoded = msgspec.json.encode(openapi())

    async def answer(request: Request, request_id: str) -> Response:
        return json_response(encoded)

    return edge.route("/openapi.json", answer, "GET")


def _refuse(service: Service) -> Callable[[Request, Exception], Awaitable[Response]]:
    """A handler for unknown routes and wrong methods."""

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        service.metrics.observe_request("other", error.status_code, 0.0)
        status, path = HTTPStatus(error.status_code), request.url.path
        detail = {
            HTTPStatus.NOT_FOUND: f"no route {path}; /docs lists them",
            HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible on {path}; /docs says what is",
        }.get(status, str(error.detail))
        return problems.response(ProblemError(status, detail), request_id_of(request), dict(error.headers or {}))

    return refuse
