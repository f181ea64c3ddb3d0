"""Items for a viewer, and items near an item."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from serving.messages import MAX_ID_LENGTH, MAX_K, RecommendRequest, RecommendResponse, SimilarResponse
from serving.openapi import Json, body_of, deadline_parameter, item_id_parameter, responses
from serving.problems import field_error
from serving.routes.edge import Edge, json_response, only_parameters

MESSAGES = (RecommendRequest, RecommendResponse, SimilarResponse)

_DECODER = msgspec.json.Decoder(RecommendRequest)


def routes(edge: Edge) -> list[BaseRoute]:
    """POST /v1/recommend and GET /v1/similar/ITEM."""

    async def recommend(request: Request, request_id: str) -> Response:
        message = await edge.message(request, _DECODER)
        deadline = edge.deadline(request)
        if deadline is None:
            return json_response(edge.service.recommend_quickly(message, request_id))
        return json_response(await edge.work(edge.service.recommend, message, request_id, deadline))

    async def similar(request: Request, request_id: str) -> Response:
        item_id, k = request.path_params["item_id"], _k(request.query_params.get("k", "10"))
        only_parameters(request, "k")
        if len(item_id) > MAX_ID_LENGTH:
            raise field_error("item_id", f"longer than {MAX_ID_LENGTH} characters")
        return json_response(await edge.work(edge.service.similar, item_id, k))

    return [
        edge.route("/v1/recommend", recommend, "POST"),
        edge.route("/v1/similar/{item_id:any}", similar, "GET"),
    ]


def paths() -> Json:
    """Their part of the OpenAPI document."""
    recommend = {
        "summary": "The best items for a viewer in a moment",
        "operationId": "recommend",
        "parameters": [deadline_parameter()],
        "requestBody": body_of(RecommendRequest),
        "responses": responses(RecommendResponse, 400, 413, 422),
    }
    k = {"name": "k", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": MAX_K, "default": 10}}
    similar = {
        "summary": "The items nearest to an item",
        "operationId": "similar",
        "parameters": [item_id_parameter(), k],
        "responses": responses(SimilarResponse, 404, 422),
    }
    return {"/v1/recommend": {"post": recommend}, "/v1/similar/{item_id}": {"get": similar}}


def _k(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= MAX_K:
        raise field_error("k", f"{text!r} is not a whole number from 1 to {MAX_K}")
    return int(text)
