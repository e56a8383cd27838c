"""What `/metrics` answers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString

from app.metrics import folder, notes, numbers

Family = Metric
Labelled = Mapping[Any, float]  # by the values of the labels, a tuple


class _Whole:
    """The numbers of all processes, and those that were read for this answer."""

    def __init__(self, read: Sequence[Family]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        shared = folder.shared()
        yield from folder.collected(shared) if shared else numbers.REGISTRY.collect()
        yield from self._read


def exposition(read: Sequence[Family] = ()) -> tuple[bytes, str]:
    """-> the numbers, and the media type. read: what is not a process's own, but everybody's."""
    notes.add_up()
    notes.sample()
    registry = CollectorRegistry()
    registry.register(_Whole(read))
    return generate_latest(registry), CONTENT_TYPE_LATEST


def gauge(name: str, meaning: str, labels: Sequence[str], values: Labelled) -> Family:
    family = GaugeMetricFamily(f"tocsin_{name}", meaning, labels=labels)
    for of, value in values.items():
        family.add_metric(of, value)
    return family


def counter(name: str, meaning: str, labels: Sequence[str], values: Labelled) -> Family:
    family = CounterMetricFamily(f"tocsin_{name}", meaning, labels=labels)
    for of, value in values.items():
        family.add_metric(of, value)
    return family


def histogram(
    name: str,
    meaning: str,
    labels: Sequence[str],
    counts: Mapping[Any, Sequence[tuple[float, float]]],
    sums: Labelled,
) -> Family:
    """counts: how many lay up to each bound and above the one before; the last bound is +Inf."""
    family = HistogramMetricFamily(f"tocsin_{name}", meaning, labels=labels)
    for of, buckets in counts.items():
        total, summed = 0.0, []
        for bound, count in buckets:
            total += count
            summed.append((floatToGoString(bound), total))  # type: ignore[no-untyped-call]
        family.add_metric(of, summed, sums[of])
    return family
