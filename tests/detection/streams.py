"""Made-up series of real life, judged as they stream in. All are made here, from seeds."""

from dataclasses import dataclass

import numpy as np

from app.detection import Points, Settings, Verdicts, Watch, replay, watch

SECOND_NS = 1_000_000_000
MINUTE_NS, HOUR_NS, DAY_NS = 60 * SECOND_NS, 3600 * SECOND_NS, 86_400 * SECOND_NS
QUICK = Settings(n_estimators=30)
WARMUP = 0.15


@dataclass(frozen=True, eq=False)
class Stream:
    """A judged series. alerts: the points that opened an event after the warm-up."""

    points: Points
    verdicts: Verdicts
    first: int
    alerts: list[int]

    def anomalies(self, span: slice) -> int:
        """How many points of a span are called anomalous."""
        return int(np.count_nonzero(self.verdicts.is_anomaly[span]))

    def share(self, *left_out: slice) -> float:
        """Share of points called anomalous after the warm-up, some spans left out."""
        counted = np.arange(len(self.points)) >= self.first
        for span in left_out:
            counted[span] = False
        return float(np.mean(self.verdicts.is_anomaly[counted]))

    def inside(self) -> float:
        """Share of the values in the band after the warm-up."""
        values = self.points.values
        within = (values >= self.verdicts.lower) & (values <= self.verdicts.upper)
        return float(np.mean(within[self.first :][~np.isnan(values[self.first :])]))


def stream(times: np.ndarray, values: np.ndarray, warmup: float = WARMUP) -> Stream:
    """Judge a whole series as if it had arrived point by point."""
    points = Points.checked(times, values)
    verdicts = replay(points, QUICK, warmup)
    alarms, _ = watch(Watch(), verdicts.strength, verdicts.is_anomaly)
    first = warmup if isinstance(warmup, int) else min(750, int(warmup * len(points)))
    alerts = np.flatnonzero(alarms.is_alert)
    return Stream(points, verdicts, first, alerts[alerts >= first].tolist())


def noise(n: int, seed: int = 0) -> np.ndarray:
    """Normal noise, (n,)."""
    return np.random.default_rng(seed).normal(size=n)


def wave(n: int, period: int, seed: int = 0) -> np.ndarray:
    """A sine around 10 from 7 to 13 with a noise of 0.3, (n,)."""
    return 10 + 3 * np.sin(2 * np.pi * np.arange(n) / period) + 0.3 * noise(n, seed)


def hours(n: int) -> np.ndarray:
    """Times an hour apart, (n,)."""
    return np.arange(n) * HOUR_NS
