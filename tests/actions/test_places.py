"""Places to wait in, and who may take them."""

from contextlib import ExitStack
from uuid import uuid4

from app.actions.places import Places


def test_a_tenant_that_waits_a_lot_leaves_places_to_others() -> None:
    places, greedy, other = Places(4), uuid4(), uuid4()
    with ExitStack() as stack:
        taken = [stack.enter_context(places.held(greedy)) for _ in range(3)]
        assert taken == [True, True, False]
        assert [stack.enter_context(places.held(other)) for _ in range(3)] == [True, True, False]
        assert not stack.enter_context(places.held(uuid4()))
        assert places.taken() == 4
    assert places.taken() == 0
    with places.held(greedy) as is_held:
        assert is_held


def test_where_there_is_one_place_anybody_may_have_it() -> None:
    places = Places(1)
    with places.held(uuid4()) as is_held:
        assert is_held
        with places.held(uuid4()) as is_another:
            assert not is_another
