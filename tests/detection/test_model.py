import hashlib
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as some

from app.detection import Model, Points, Settings, advance, fit, layout, start
from app.errors import Invalid


def verdict_bytes(model: Model, points: Points) -> bytes:
    verdicts, _ = advance(model, start(model), points)
    return verdicts.score.tobytes() + verdicts.lower.tobytes() + str(verdicts.reasons).encode()


def test_the_same_data_and_settings_give_the_same_bytes(
    history: Points, small_model: Model, quick: Settings
) -> None:
    assert fit(history, quick).to_bytes() == small_model.to_bytes()


def test_another_seed_gives_another_model(history: Points, small_model: Model) -> None:
    other = Settings(n_estimators=12, max_samples=64, random_state=1)
    assert fit(history, other).to_bytes() != small_model.to_bytes()


def test_a_model_comes_back_from_its_bytes(model: Model) -> None:
    later = Points.checked(model.recent.times[-50:] + 10**17, model.recent.values[-50:] * 2)
    packed = model.to_bytes()
    again = Model.from_bytes(packed)
    assert again.to_bytes() == packed
    assert verdict_bytes(again, later) == verdict_bytes(model, later)
    assert again.settings == model.settings
    assert again.lookback_points == model.lookback_points


def test_a_model_of_one_field_stays_under_a_third_of_a_megabyte(model: Model) -> None:
    assert len(model.to_bytes()) < 333_000


def test_a_model_says_what_it_was_trained_on(model: Model, history: Points) -> None:
    assert model.fields == 1
    assert model.trained_points == len(history)
    assert (model.trained_from_ns, model.trained_to_ns) == (history.times[0], history.times[-1])
    assert model.period_points == 24
    assert model.lookback_points <= 6200


@run(max_examples=150, deadline=None)
@given(data=some.data())
def test_damaged_bytes_are_refused(small_model: Model, data: some.DataObject) -> None:
    packed = bytearray(small_model.to_bytes())
    for _ in range(data.draw(some.integers(1, 4))):
        packed[data.draw(some.integers(0, len(packed) - 1))] ^= data.draw(some.integers(1, 255))
    if bytes(packed) != small_model.to_bytes():
        with pytest.raises(Invalid):
            Model.from_bytes(bytes(packed))


@pytest.mark.parametrize("length", [0, 7, 51, 52, 60, 5000])
def test_cut_bytes_are_refused(small_model: Model, length: int) -> None:
    with pytest.raises(Invalid):
        Model.from_bytes(small_model.to_bytes()[:length])


def test_more_bytes_are_refused(small_model: Model) -> None:
    with pytest.raises(Invalid):
        Model.from_bytes(small_model.to_bytes() + b"\0")


def test_another_format_is_refused_by_its_number(small_model: Model) -> None:
    packed = bytearray(small_model.to_bytes())
    packed[8:12] = struct.pack("<I", 99)
    with pytest.raises(Invalid, match="format 99"):
        Model.from_bytes(bytes(packed))


def sealed(rest: bytes) -> bytes:
    checksum = hashlib.sha256(rest).digest()
    return layout.HEAD.pack(layout.MAGIC, layout.VERSION, len(rest), checksum) + rest


@run(max_examples=150, deadline=None)
@given(data=some.data())
def test_forged_bytes_with_a_right_checksum_neither_crash_nor_hang(
    small_model: Model, data: some.DataObject
) -> None:
    packed = small_model.to_bytes()
    rest = bytearray(packed[layout.HEAD.size :])
    for _ in range(data.draw(some.integers(1, 3))):
        rest[data.draw(some.integers(0, len(rest) - 1))] = data.draw(some.integers(0, 255))
    try:
        forged = Model.from_bytes(sealed(bytes(rest)))
    except Invalid:
        return
    later = Points.checked([2**62], np.full((1, forged.fields), 5.0))
    with np.errstate(all="ignore"):
        assert len(advance(forged, start(forged), later)[0]) == 1


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"facts":{},"arrays":[["x","<f8",[1000000000,1000000000]]]}',
        b'{"facts":{},"arrays":[["x","O",[1]]]}',
        b'{"facts":{},"arrays":[["x","<f8",[-1]]]}',
        b'{"facts":{},"arrays":[]}',
        json.dumps({"facts": {"settings": 3}, "arrays": []}).encode(),
    ],
)
def test_forged_documents_are_refused(document: bytes) -> None:
    with pytest.raises(Invalid):
        Model.from_bytes(sealed(struct.pack("<I", len(document)) + document))
