"""The homepage in the browser: static files, and what a page for looking around needs besides.

The page is HTML, CSS and JavaScript modules as they lie in `serving/web/`; nothing is built and nothing comes from
elsewhere. The policy sent with each file lets the browser run and fetch only what this server sends.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from serving.openapi import Json, responses
from serving.problems import field_error
from serving.routes import page, recommend
from serving.routes.edge import Edge, json_response, only_parameters
from serving.viewers import KnownViewer, known_viewers

FOLDER: Final = Path(__file__).parents[1] / "web"

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
}
"""Files are asked for again each time, and answered with 304 where they are the same."""

MAX_VIEWERS: Final = 100


class Viewers(Struct, frozen=True):
    """Known viewers, from the least to the most watched."""

    viewers: list[KnownViewer]


class Model(Struct, frozen=True):
    """A model that answers here: its version, and what stands before `v1/` in the paths that ask it."""

    model_version: str
    prefix: str


class Models(Struct, frozen=True):
    """The models to lay side by side, the server's own first."""

    models: list[Model]


MESSAGES = (Viewers, Models)


class PageFiles(StaticFiles):
    """Files of the page with the headers that keep it on its own."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


def routes(edge: Edge) -> list[BaseRoute]:
    """GET /, /web/FILE, /v1/viewers and /v1/models."""

    async def homepage(request: Request, request_id: str) -> Response:
        return FileResponse(FOLDER / "index.html", headers=HEADERS)

    async def viewers(request: Request, request_id: str) -> Response:
        only_parameters(request, "k")
        k = _k(request.query_params.get("k", "12"))
        return json_response(Viewers(await edge.work(lambda: known_viewers(edge.service.current().recommender, k))))

    async def models(request: Request, request_id: str) -> Response:
        only_parameters(request)
        versions = [service.model_version for service in (edge.service, *edge.service.others)]
        return json_response(Models([Model(version, _prefix(place)) for place, version in enumerate(versions)]))

    return [
        edge.route("/", homepage, "GET"),
        edge.route("/v1/viewers", viewers, "GET"),
        edge.route("/v1/models", models, "GET"),
        Mount("/web", PageFiles(directory=FOLDER)),
        *_others(edge),
    ]


def _prefix(place: int) -> str:
    """What stands before `v1/` for the model at `place`: nothing for the server's own."""
    return f"models/{place}/" if place else ""


def paths() -> Json:
    """Their part of the OpenAPI document."""
    k = {"name": "k", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": MAX_VIEWERS, "default": 12}}
    viewers = {
        "summary": "Known viewers to look at the page as",
        "operationId": "viewers",
        "parameters": [k],
        "responses": responses(Viewers, 422),
    }
    models = {"summary": "Models to lay side by side", "operationId": "models", "responses": responses(Models, 422)}
    return {"/v1/viewers": {"get": viewers}, "/v1/models": {"get": models}}


def _others(edge: Edge) -> list[BaseRoute]:
    """The same features of the services beside this one, each under its prefix."""
    edges = [edge.beside(service) for service in edge.service.others]
    return [
        Mount(f"/{_prefix(place)}", routes=[*recommend.routes(beside), *page.routes(beside)])
        for place, beside in enumerate(edges, start=1)
    ]


def _k(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= MAX_VIEWERS:
        raise field_error("k", f"{text!r} is not a whole number from 1 to {MAX_VIEWERS}")
    return int(text)
