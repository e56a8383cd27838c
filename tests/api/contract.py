"""Every answer is held against the OpenAPI document: its status, its media type and its schema."""

import json
import re
from dataclasses import dataclass
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from app.web import failures

Document = dict[str, Any]


@dataclass(frozen=True)
class Contract:
    document: Document

    def watch(self, client: httpx.Client) -> httpx.Client:
        """From now on an answer that is not as described fails the test."""
        client.event_hooks = {"response": [self.check]}
        return client

    def operation(self, method: str, path: str) -> Document | None:
        for template, operations in self.document["paths"].items():
            pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path) and method.lower() in operations:
                found: Document = operations[method.lower()]
                return found
        return None

    def check(self, response: httpx.Response) -> None:
        response.read()
        request = response.request
        asked = f"{request.method} {request.url} answered {response.status_code}: {response.text}"
        assert response.status_code < 500 or response.status_code == 503, asked
        operation = self.operation(request.method, request.url.path)
        if operation is None:
            self._check_content(response, self._error(request.url.path), asked)
            return
        described = operation["responses"].get(str(response.status_code))
        assert described is not None, f"a status that is not described: {asked}"
        self._check_content(response, described.get("content"), asked)

    def _error(self, path: str) -> Document:
        if failures.is_asked(path):
            return {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}
        return {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

    def _check_content(
        self, response: httpx.Response, content: Document | None, asked: str
    ) -> None:
        if content is None:
            assert not response.content, f"a body that is not described: {asked}"
            return
        media_type = response.headers["Content-Type"].partition(";")[0]
        assert media_type in content, f"{media_type}, which is not described: {asked}"
        if media_type.endswith("json"):
            schema = {**content[media_type]["schema"], "components": self.document["components"]}
            errors = list(Draft202012Validator(schema).iter_errors(json.loads(response.content)))
            assert not errors, f"{[error.message for error in errors]}: {asked}"
