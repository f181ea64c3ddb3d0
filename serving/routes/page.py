"""The homepage, onboarding, and what a viewer sets and sees of oneself."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from serving.assembly import now_ms
from serving.messages import MAX_ID_LENGTH, Id
from serving.openapi import Json, body_of, deadline_parameter, path_parameter, responses
from serving.page.messages import (
    Controls,
    ControlsResponse,
    Grid,
    OnboardingRequest,
    OnboardingResponse,
    PageRequest,
    PageResponse,
    ProfileResponse,
)
from serving.problems import decode_error, field_error
from serving.routes.edge import Edge, Handler, json_response, only_parameters

MESSAGES = (
    PageRequest,
    PageResponse,
    Controls,
    ControlsResponse,
    OnboardingRequest,
    OnboardingResponse,
    ProfileResponse,
)

_PAGE = msgspec.json.Decoder(PageRequest)
_CONTROLS = msgspec.json.Decoder(Controls)
_ANSWERS = msgspec.json.Decoder(OnboardingRequest)


class Asked(msgspec.Struct, frozen=True):
    """The parameters of GET /v1/onboarding."""

    user_id: Id | None = None
    k: Annotated[int, msgspec.Meta(ge=1, le=100)] = 12
    grid: Grid = "adaptive"


def routes(edge: Edge) -> list[BaseRoute]:
    """POST /v1/page, onboarding, and of a viewer the controls and the profile."""

    async def controls(request: Request, request_id: str) -> Response:
        user_id = _user(request)
        return json_response(await edge.work(lambda: edge.service.pages().controls(user_id)))

    async def set_controls(request: Request, request_id: str) -> Response:
        message = await edge.message(request, _CONTROLS)
        user_id = _user(request)
        return json_response(await edge.write(lambda: edge.service.pages().set_controls(user_id, message)))

    async def questions(request: Request, request_id: str) -> Response:
        only_parameters(request, "user_id", "k", "grid")
        asked = convert(dict(request.query_params))
        return json_response(
            await edge.work(lambda: edge.service.pages().questions(asked.user_id, asked.grid, asked.k))
        )

    async def answer(request: Request, request_id: str) -> Response:
        message, ts_ms = await edge.message(request, _ANSWERS), now_ms()
        events = await edge.work(lambda: edge.service.pages().answers(message, ts_ms))
        if edge.service.store is None:
            await edge.work(lambda: edge.service.pages().record(events))
        else:
            await edge.write(edge.service.store.events.append, events, ts_ms)
        return json_response(
            await edge.work(lambda: edge.service.pages().questions(message.user_id, message.grid, message.k))
        )

    async def profile(request: Request, request_id: str) -> Response:
        user_id = _user(request)
        return json_response(await edge.work(lambda: edge.service.pages().profile(user_id)))

    return [
        edge.route("/v1/onboarding", questions, "GET"),
        edge.route("/v1/onboarding", answer, "POST"),
        edge.route("/v1/users/{user_id:any}/profile", profile, "GET"),
        edge.route("/v1/page", _page(edge), "POST"),
        edge.route("/v1/users/{user_id:any}/controls", controls, "GET"),
        edge.route("/v1/users/{user_id:any}/controls", set_controls, "PUT"),
    ]


def _page(edge: Edge) -> Handler:
    """The homepage, in time."""

    async def page(request: Request, request_id: str) -> Response:
        message, service = await edge.message(request, _PAGE), edge.service
        deadline = edge.deadline(request)
        if deadline is None:
            return json_response(await edge.at_once(service.page_quickly, message, request_id))
        return json_response(await edge.work(service.page, message, request_id, deadline))

    return page


def paths() -> Json:
    """Their part of the OpenAPI document."""
    page = {
        "summary": "The homepage of a viewer in a moment",
        "operationId": "page",
        "parameters": [deadline_parameter()],
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
    questions = {
        "summary": "Titles to ask a viewer about",
        "operationId": "questions",
        "parameters": [
            {"name": "user_id", "in": "query", "schema": {"type": "string", "maxLength": MAX_ID_LENGTH}},
            {"name": "k", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 12}},
            {"name": "grid", "in": "query", "schema": {"enum": ["adaptive", "diverse", "popular"]}},
        ],
        "responses": responses(OnboardingResponse, 422),
    }
    answer = {
        "summary": "Answers of a viewer, and the next titles to ask about",
        "operationId": "answer",
        "requestBody": body_of(OnboardingRequest),
        "responses": responses(OnboardingResponse, 400, 413, 422, 503),
    }
    profile = {
        "summary": "How the viewer watches, in figures and words",
        "operationId": "profile",
        "parameters": [path_parameter("user_id")],
        "responses": responses(ProfileResponse, 422),
    }
    return {
        "/v1/onboarding": {"get": questions, "post": answer},
        "/v1/users/{user_id}/profile": {"get": profile},
        "/v1/page": {"post": page},
        "/v1/users/{user_id}/controls": {"get": controls, "put": set_controls},
    }


def convert(parameters: dict[str, str]) -> Asked:
    """The query's parameters; 422 names one that cannot be used."""
    try:
        return msgspec.convert(parameters, Asked, strict=False)
    except msgspec.ValidationError as error:
        raise decode_error(error) from error


def _user(request: Request) -> str:
    user_id: str = request.path_params["user_id"]
    if len(user_id) > MAX_ID_LENGTH:
        raise field_error("user_id", f"longer than {MAX_ID_LENGTH} characters")
    return user_id
