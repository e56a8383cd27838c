"""Bodies that would fill the server's memory: each is refused, and costs little before that."""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.service import Service

MB = 1_000_000
CSV, JSON, NDJSON = "text/csv", "application/json", "application/x-ndjson"
HEADER = b"timestamp,value\n"
UPLOAD, SCORE, DETECT = "/v1/series/rides/points", "/v1/series/rides/score", "/v1/detect"
RESET_PEAK = "5"  # proc(5): /proc/PID/clear_refs

Body = Callable[[], bytes]


def repeated(head: bytes, part: bytes, size: int, tail: bytes = b"") -> Body:
    """So many bytes of a part, made when they are sent."""
    return lambda: head + part * (size // len(part)) + tail


def bomb(head: bytes, part: bytes) -> Body:
    """Gzip that becomes 1 GB: a hundred members of 10 MB."""
    return lambda: gzip.compress(head) + gzip.compress(part * (10 * MB // len(part))) * 100


def points(point: bytes, then: bytes = b"1") -> Body:
    return repeated(b'{"points":[', point + b",", 7_900_000, then + b"]}")


def members(n: int, tail: bytes) -> Body:
    return lambda: json.dumps({f"k{i}": 1 for i in range(n)}).encode()[:-1] + tail


def wide() -> bytes:
    """A header and a row of 500,000 columns."""
    names = b"".join(b",f%d" % i for i in range(500_000))
    return b"timestamp" + names + b"\n1" + b",2" * 500_000 + b"\n"


Sent = tuple[str, str, Body, int]  # path, type, body, and the status that is right

STREAMS: dict[str, Sent] = {
    "a header of 500,000 columns": (UPLOAD, CSV, wide, 422),
    "a row of 500,000 cells": (UPLOAD, CSV, repeated(HEADER + b"1", b",2", MB), 422),
    "a line of 40 MB": (UPLOAD, CSV, repeated(HEADER, b"x", 40 * MB), 422),
    "a quote that never ends": (UPLOAD, CSV, repeated(HEADER + b'"', b"x\n", 40 * MB), 422),
    "bad rows": (UPLOAD, CSV, repeated(HEADER, b"x,y\n", 40 * MB), 422),
    "NUL": (UPLOAD, CSV, repeated(HEADER, b"\0", 40 * MB), 422),
    "UTF-16": (UPLOAD, CSV, lambda: (HEADER.decode() * MB).encode("utf-16"), 422),
    "Latin-1": (UPLOAD, CSV, repeated(HEADER, b"1,\xe9\n", 40 * MB), 422),
    "NaN": (UPLOAD, CSV, repeated(HEADER, b"1,NaN\n", 40 * MB), 422),
    "1e400": (UPLOAD, CSV, repeated(HEADER, b"1,1e400\n", 40 * MB), 422),
    "NDJSON, a line of 40 MB": (UPLOAD, NDJSON, repeated(b'{"a":"', b"x", 40 * MB), 422),
    "NDJSON, bad lines": (UPLOAD, NDJSON, repeated(b"", b"{}\n", 40 * MB), 422),
}
BOMBS: dict[str, Sent] = {
    "CSV": (UPLOAD, CSV, bomb(HEADER, b"1,2" + b" " * 1000 + b"\n"), 413),
    "blank lines": (UPLOAD, CSV, bomb(HEADER, b"\n"), 413),
    "NDJSON": (UPLOAD, NDJSON, bomb(b"", b"\n"), 413),
    "JSON": (DETECT, JSON, bomb(b"", b" "), 413),
}
# Read as a whole: what 8 MB of JSON are in Python is some twenty times that, whatever is in them.
WHOLE: dict[str, Sent] = {
    "points that are none": (UPLOAD, JSON, points(b"1"), 422),
    "empty points": (UPLOAD, JSON, points(b"{}"), 422),
    "empty points, to be skipped": (UPLOAD + "?on_error=skip", JSON, points(b"{}"), 422),
    "bad points, skipped": (UPLOAD + "?on_error=skip", JSON, points(b'{"timestamp":12345}'), 200),
    "points to score": (SCORE, JSON, points(b"1"), 422),
    "points to detect": (DETECT, JSON, points(b"{}"), 422),
    "points of unknown fields": (UPLOAD, JSON, points(b'{"unknown_field":1}'), 422),
    "brackets": (DETECT, JSON, repeated(b"", b"[", 8 * MB), 400),
    "NaN": (DETECT, JSON, repeated(b"[", b"NaN,", 8 * MB - 1), 400),
    "an integer": (DETECT, JSON, repeated(b"", b"9", 8 * MB), 400),
    "a number beyond doubles": (DETECT, JSON, repeated(b"1e", b"9", 7_900_000), 400),
    "a key twice, at last": (DETECT, JSON, members(1_000, b',"k0":1}'), 400),
    "unknown fields": (DETECT, JSON, members(1_000, b"}"), 422),
    "more of them than any object has": (DETECT, JSON, members(500_000, b"}"), 400),
}


class Server:
    """One of its own, whose memory nothing else has grown."""

    def __init__(self, service: Service, name: str) -> None:
        self.service = replace(service, processes={})
        parent = psutil.Process(self.service.start_server(name).pid)
        self.tenant = self.service.new_tenant()
        self.tenant.make_series("rides")
        assert self.tenant.upload("rides", "timestamp,value\n1,1\n").is_success
        self.pids = [parent.pid, *(child.pid for child in parent.children(recursive=True))]
        self.before_bytes = self.peak_bytes()

    def forget_peak(self) -> None:
        for pid in self.pids:
            Path(f"/proc/{pid}/clear_refs").write_text(RESET_PEAK)

    def peak_bytes(self) -> int:
        found = [Path(f"/proc/{pid}/status").read_text() for pid in self.pids]
        peaks = [re.search(r"VmHWM:\s+(\d+) kB", status) for status in found]
        return sum(int(peak[1]) * 1024 for peak in peaks if peak)


@pytest.fixture(scope="module")
def streaming(service: Service) -> Iterator[Server]:
    yield from served(service, "streaming")


@pytest.fixture(scope="module")
def reading(service: Service) -> Iterator[Server]:
    yield from served(service, "reading")


def served(service: Service, name: str) -> Iterator[Server]:
    made = Server(service, name)
    yield made
    made.service.stop_all()


def refused(server: Server, sent: Sent, encoding: str = "identity") -> int:
    """-> how much memory it took, more than the server had at first."""
    path, form, body, status = sent
    content = body()
    server.forget_peak()
    answer = server.tenant.http.post(
        path, content=content, headers={"Content-Type": form, "Content-Encoding": encoding}
    )
    assert answer.status_code == status, answer.text
    assert len(answer.content) < 100_000
    return server.peak_bytes() - server.before_bytes


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_is_refused_and_takes_less_than_100_mb(streaming: Server, kind: str) -> None:
    assert refused(streaming, STREAMS[kind]) < 100 * MB


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_and_takes_less_than_100_mb(streaming: Server, kind: str) -> None:
    assert refused(streaming, BOMBS[kind], "gzip") < 100 * MB


@pytest.mark.parametrize("kind", WHOLE)
def test_json_of_8_mb_is_refused_and_takes_less_than_350_mb(reading: Server, kind: str) -> None:
    assert refused(reading, WHOLE[kind]) < 350 * MB
