"""What webhooks are told, by its type: declared for the OpenAPI document."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

Message = TypeVar("Message", bound=type[BaseModel])

DECLARED: dict[str, type[BaseModel]] = {}


def message(type_: str) -> Callable[[Message], Message]:
    """Its docstring says when it is told."""

    def declare(model: Message) -> Message:
        DECLARED[type_] = model
        return model

    return declare
