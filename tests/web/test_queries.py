"""A parameter behind the `?` that is wrong is named as it was sent."""

import httpx
import pytest

Clients = dict[str, httpx.Client]


@pytest.mark.parametrize("name", ["on_conflict[]", "list", "a.b", "a[0]"])
def test_a_parameter_that_there_is_none_of_is_named_as_it_was_sent(
    clients: Clients, name: str
) -> None:
    answer = clients["admin"].get("/v1/series", params={name: "x"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": name, "message": "there is no such field"}]


def test_a_parameter_that_is_there_twice_is_refused_as_such(clients: Clients) -> None:
    answer = clients["admin"].get("/v1/series?limit=1&limit=2")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "limit", "message": "is there twice"}]


def test_a_name_that_is_left_out_is_said_to_be_missing(clients: Clients) -> None:
    answer = clients["admin"].post("/v1/series//score", json={"timestamp": 1, "value": 1})
    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no series without a name"
