"""What operators ask: health, metrics, documentation."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from serving import docs
from serving.messages import Health
from serving.metrics import MEDIA_TYPE as METRICS_MEDIA_TYPE
from serving.openapi import JSON, Json, content, responses
from serving.routes.edge import Edge, json_response

MESSAGES = (Health,)


def routes(edge: Edge) -> list[BaseRoute]:
    """GET /health/live, /health/ready, /metrics and /docs."""

    def health(status: str, code: HTTPStatus) -> Response:
        return json_response(Health(status, edge.service.model_version), code)

    async def live(request: Request, request_id: str) -> Response:
        return health("live", HTTPStatus.OK)

    async def ready(request: Request, request_id: str) -> Response:
        if edge.is_ready:
            return health("ready", HTTPStatus.OK)
        return health("starting or stopping", HTTPStatus.SERVICE_UNAVAILABLE)

    async def metrics(request: Request, request_id: str) -> Response:
        return Response(edge.service.metrics.exposition(), media_type=METRICS_MEDIA_TYPE)

    async def page(request: Request, request_id: str) -> Response:
        return Response(docs.PAGE, media_type="text/html")

    return [
        edge.route("/health/live", live, "GET"),
        edge.route("/health/ready", ready, "GET"),
        edge.route("/metrics", metrics, "GET"),
        edge.route("/docs", page, "GET"),
        Mount("/docs/static", docs.static_files()),
    ]


def paths() -> Json:
    """Their part of the OpenAPI document."""
    live = {"summary": "Does the process run?", "operationId": "live", "responses": responses(Health)}
    ready = {"summary": "Does it take requests?", "operationId": "ready", "responses": responses(Health)}
    ready["responses"] |= {"503": content("It starts or stops.", JSON, Health)}  # type: ignore[operator]
    text = {"200": {"description": "Prometheus text format", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    metrics = {"summary": "Counts and times", "operationId": "metrics", "responses": text}
    return {"/health/live": {"get": live}, "/health/ready": {"get": ready}, "/metrics": {"get": metrics}}
