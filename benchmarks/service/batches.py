"""A thousand points scored a request, of one series and of many, beside scikit-learn alone.

One client that asks one request after the other, and one process that calls `score_samples`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median

import httpx

from benchmarks.installation import Installation
from benchmarks.references import forests
from benchmarks.service import seeding
from benchmarks.service.figures import Figure, Reach, Reference
from benchmarks.service.scene import Scene
from benchmarks.service.timing import quantile_ms

POINTS = 1_000
ROUNDS = 20
ROUNDS_OF_EACH = 3  # a call for each model and forest takes seconds
JSON = {"Content-Type": "application/json"}


def figures(scene: Scene) -> Iterator[Figure]:
    series = min(scene.scale.series, POINTS)
    seeding.seeded(scene, series)
    of_one = Reference("score_samples", POINTS / median(forests.score_s(POINTS, ROUNDS)))
    yield _figure(scene, [series - 1], of_one)
    many = _figure(scene, range(series), _of_each(series))
    yield many
    # What it would be if the points of all of them were one series': no reach is set for that.
    yield replace(many, name="the same, beside one model for all", reference=of_one, reach=None)


def _figure(scene: Scene, places: Sequence[int], reference: Reference) -> Figure:
    points = POINTS // len(places) * len(places)
    took = _took(scene.installation, places)
    return Figure(
        f"score {points:,} points a request, of {len(places):,} series",
        points / median(took),
        "points/s",
        reference,
        Reach(least=0.3),
        quantile_ms(took, 0.5),
        quantile_ms(took, 0.99),
        scene.server_memory_mb(),
    )


def _of_each(series: int) -> Reference:
    """Each model on the points of its series: where there are many, a few of each."""
    points = POINTS // series * series
    took = median(forests.score_s(points, ROUNDS_OF_EACH, models=series))
    return Reference("score_samples, each", points / took)


def scored_once(installation: Installation, places: Sequence[int]) -> None:
    """The next point of each of these series."""
    starts = seeding.next_s(installation, max(places) + 1)
    for first in range(0, len(places), POINTS):
        some = places[first : first + POINTS]
        _score(installation, [_points(place, 1, "once", starts[place]) for place in some])


def _took(installation: Installation, places: Sequence[int]) -> list[float]:
    """Seconds of each request; the first one does not count."""
    took, each = [], POINTS // len(places)
    for round_ in range(ROUNDS + 1):
        starts = seeding.next_s(installation, max(places) + 1)
        points = [_points(place, each, (place, round_), starts[place]) for place in places]
        took.append(_score(installation, points))
    return took[1:]


def _points(place: int, number: int, seed: object, start_s: int) -> list[dict[str, object]]:
    return [{"series": f"s-{place}", **one} for one in seeding.history(number, seed, start_s)]


def _score(installation: Installation, by_series: Sequence[list[dict[str, object]]]) -> float:
    """The seconds that the request took."""
    points = [point for own in by_series for point in own]
    body = json.dumps({"points": points})
    begun = time.perf_counter()
    answer = installation.http.post("/v1/score", content=body, headers=JSON)
    took = time.perf_counter() - begun
    _refuse_errors(answer, len(points))
    return took


def _refuse_errors(answer: httpx.Response, points: int) -> None:
    found = answer.raise_for_status().json()
    if found["errors"] or len(found["data"]) != points:
        raise RuntimeError(f"{found['errors'][:3]} in place of {points} scores")
