"""The OpenAPI description that `/docs.json` shows: the contract, with every status."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from service.endpoints import TIMEOUT_HEADER, TIMEOUT_PATTERN
from service.faults import FAULTS, INTERNAL, ClientGoneError, Fault, UnauthorisedError
from service.schema import DEFAULT_TOP_K, PROBLEM_JSON, REQUEST_ID_HEADER, Problem
from service.upload import CLIP_PART, EXPLAIN_PART, TOP_K_PART
from signwrite.answer import ExplainedAnswer, PredictionAnswer

_SCHEMAS = "#/components/schemas/{model}"
_RETRY_STATUSES = frozenset({429, 503})
_READ_FAULTS = [fault for kind, fault in FAULTS.items() if kind is not ClientGoneError]
_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def described(spec: Mapping[str, Any], *, version: str) -> dict[str, Any]:
    """Complete BentoML's description with the endpoints it does not know.

    Args:
        spec: BentoML's, of a service whose endpoints are a mounted application.
        version: of the service.
    """
    kept = {path: entry for path, entry in spec["paths"].items() if path != "/healthz"}
    return {
        "openapi": spec["openapi"],
        "info": {
            "title": "SignWrite",
            "version": version,
            "description": "A clip of one sign of American Sign Language in, ranked signs out.",
        },
        "servers": spec["servers"],
        "tags": spec["tags"],
        "paths": {"/predict": {"post": _predict()}, "/model": {"get": _model()}, **kept},
        "components": {
            "schemas": _schemas(PredictionAnswer, ExplainedAnswer, Problem),
            "securitySchemes": _KEYS,
        },
        "security": [{}, *({name: []} for name in _KEYS)],  # keys are asked for where there are any
    }


def _predict() -> dict[str, Any]:
    return {
        "summary": "Rank the signs that a clip may show",
        "operationId": "predict",
        "parameters": [_REQUEST_ID, _TIMEOUT],
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": _form()}},
        },
        "responses": {
            "200": _json("The ranking", PredictionAnswer, ExplainedAnswer),
            **_problems([*_READ_FAULTS, INTERNAL]),
        },
    }


def _model() -> dict[str, Any]:
    return {
        "summary": "What the model is: recipe, vocabulary and model card",
        "operationId": "model",
        "parameters": [_REQUEST_ID],
        "responses": {
            "200": {
                "description": "The bundle's manifest, without the digests of its files",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            **_problems([FAULTS[UnauthorisedError], INTERNAL]),
        },
    }


def _form() -> dict[str, Any]:
    return {
        "type": "object",
        "required": [CLIP_PART],
        "additionalProperties": False,
        "properties": {
            CLIP_PART: {
                "type": "string",
                "format": "binary",
                "description": "A video file of one sign.",
            },
            TOP_K_PART: {
                "type": "integer",
                "minimum": 1,
                "default": DEFAULT_TOP_K,
                "description": "How many predictions; at most the number of signs.",
            },
            EXPLAIN_PART: {
                "type": "boolean",
                "default": False,
                "description": "Whether to add what the model looked at in each frame it saw.",
            },
        },
    }


def _problems(faults: list[Fault]) -> dict[str, Any]:
    titles: dict[int, list[str]] = {}
    for fault in faults:
        if fault.title not in titles.setdefault(fault.status, []):
            titles[fault.status].append(fault.title)
    return {
        str(status): _json("; or: ".join(titles[status]), Problem, retry=status in _RETRY_STATUSES)
        for status in sorted(titles)
    }


def _json(description: str, *models: type[BaseModel], retry: bool = False) -> dict[str, Any]:
    headers = {REQUEST_ID_HEADER: {"schema": {"type": "string"}}}
    if retry:
        headers["Retry-After"] = {"schema": {"type": "integer"}}
    schemas = [{"$ref": _SCHEMAS.format(model=model.__name__)} for model in models]
    return {
        "description": description,
        "headers": headers,
        "content": {
            PROBLEM_JSON if Problem in models else "application/json": {
                "schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
            }
        },
    }


def _header(name: str, description: str, **schema: str) -> dict[str, Any]:
    """Describe a header that a client may send."""
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string", **schema},
    }


def _schemas(*models: type[BaseModel]) -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template=_SCHEMAS)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    return schemas


_REQUEST_ID = _header(
    REQUEST_ID_HEADER, "Kept when it is 1 to 128 letters, digits and ._:/+=@-; else replaced."
)
_TIMEOUT = _header(
    TIMEOUT_HEADER,
    "Seconds from the whole body to the answer, fewer than the service allows.",
    pattern=TIMEOUT_PATTERN,
)
