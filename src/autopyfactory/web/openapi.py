"""The description of the API, with the documents that routes refer to by name alone."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from autopyfactory.web.problems import ProblemDocument
from autopyfactory.web.reports.shapes import Reports


def described(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        _, named = models_json_schema(
            [(ProblemDocument, "serialization"), (Reports, "validation")],
            ref_template="#/components/schemas/{model}",
        )
        document["components"]["schemas"] |= named["$defs"]
        app.openapi_schema = document
    return app.openapi_schema
