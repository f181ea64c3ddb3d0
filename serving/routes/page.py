"""The homepage, onboarding, and what a viewer sets and sees of oneself."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from serving.messages import MAX_ID_LENGTH
from serving.openapi import Json, body_of, path_parameter, responses
from serving.page.messages import Controls, ControlsResponse, PageRequest, PageResponse
from serving.problems import field_error
from serving.routes.edge import Edge, json_response

MESSAGES = (PageRequest, PageResponse, Controls, ControlsResponse)

_PAGE = msgspec.json.Decoder(PageRequest)
_CONTROLS = msgspec.json.Decoder(Controls)


def routes(edge: Edge) -> list[BaseRoute]:
    """POST /v1/page and the viewer's controls."""

    async def page(request: Request, request_id: str) -> Response:
        message = await edge.message(request, _PAGE)
        return json_response(await edge.work(lambda: edge.service.pages().page(message, request_id)))

    async def controls(request: Request, request_id: str) -> Response:
        user_id = _user(request)
        return json_response(await edge.work(lambda: edge.service.pages().controls(user_id)))

    async def set_controls(request: Request, request_id: str) -> Response:
        message = await edge.message(request, _CONTROLS)
        user_id = _user(request)
        return json_response(await edge.write(lambda: edge.service.pages().set_controls(user_id, message)))

    return [
        edge.route("/v1/page", page, "POST"),
        edge.route("/v1/users/{user_id:path}/controls", controls, "GET"),
        edge.route("/v1/users/{user_id:path}/controls", set_controls, "PUT"),
    ]


def paths() -> Json:
    """Their part of the OpenAPI document."""
    page = {
        "summary": "The homepage of a viewer in a moment",
        "operationId": "page",
        "requestBody": body_of(PageRequest),
        "responses": responses(PageResponse, 400, 413, 422),
    }
    controls = {
        "summary": "What the viewer has set",
        "operationId": "controls",
        "parameters": [path_parameter("user_id")],
        "responses": responses(ControlsResponse, 422),
    }
    set_controls = {
        "summary": "Replace what the viewer has set",
        "operationId": "setControls",
        "parameters": [path_parameter("user_id")],
        "requestBody": body_of(Controls),
        "responses": responses(ControlsResponse, 400, 413, 422),
    }
    return {
        "/v1/page": {"post": page},
        "/v1/users/{user_id}/controls": {"get": controls, "put": set_controls},
    }


def _user(request: Request) -> str:
    user_id: str = request.path_params["user_id"]
    if len(user_id) > MAX_ID_LENGTH:
        raise field_error("user_id", f"longer than {MAX_ID_LENGTH} characters")
    return user_id
