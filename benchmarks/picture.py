"""One real anomaly on its way through the detector, as a picture: `make picture`.

The night of 2 November 2014 in New York's taxi rides: the clocks went back, so an hour was counted
twice, before the marathon. Judged as it was then, by a model of the weeks before.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from app.detection import (
    Alarms,
    Points,
    Settings,
    State,
    Verdicts,
    Watch,
    anatomy,
    fit,
    replay,
    watch,
)
from app.detection.events import ALERT_EVIDENCE
from app.detection.replay import spans

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROOT = Path(__file__).parents[1]
DATA = ROOT / "app" / "cli" / "data" / "nyc_taxi.csv"
TARGET = ROOT / "docs" / "pipeline.png"
FROM, TO = "2014-10-31T00:00", "2014-11-04T00:00"
DECADES = 6.0
REASONS_TOLD = 4
BAND, LINE, ALARMED, EVENT = "#9ecae1", "#1f3b57", "#c0392b", "#f9d9c4"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """Points with all that the pipeline made of them; trained_to: the last the model had seen."""

    points: Points
    verdicts: Verdicts
    channels: dict[str, Floats]
    alarms: Alarms
    trained_to: np.datetime64

    @property
    def times(self) -> npt.NDArray[np.datetime64]:
        return self.points.times.astype("datetime64[ns]")

    @property
    def event(self) -> npt.NDArray[np.int64]:
        """The points of the event that the scene is about, the longest; one at least."""
        numbers = self.alarms.event[self.alarms.event >= 0]
        return np.flatnonzero(self.alarms.event == np.bincount(numbers).argmax())


def rides() -> Points:
    """The taxi rides that come with the command line."""
    table = pd.read_csv(DATA, parse_dates=["timestamp"])
    times = table["timestamp"].to_numpy().astype("datetime64[ns]").astype(np.int64)
    return Points.checked(times, table["value"].to_numpy(np.float64))


def scene(points: Points, settings: Settings, first: int, end: int) -> Scene:
    """What the replay of points up to `end` says of those from `first` on, and why.

    From the last training on, if that is later than `first`.
    """
    known = points[:end]
    verdicts = replay(known, settings)
    alarms, _ = watch(Watch(), verdicts.strength, verdicts.is_anomaly)
    *_, (begin, _) = spans(known)
    model = fit(known[:begin], settings)
    channels = anatomy(model, State.after(model, known[:begin]), known[begin:])
    shown = slice(max(first, begin), end)
    return Scene(
        known[shown],
        verdicts[shown],
        {name: row[shown.start - begin :] for name, row in channels.items()},
        Alarms(alarms.alarm[shown], alarms.is_alert[shown], alarms.event[shown]),
        np.datetime64(model.trained_to_ns, "ns"),
    )


def picture(shown: Scene) -> Figure:
    """A panel for each step, one below the other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 12), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(4, 1, sharex=True, height_ratios=[3, 4, 2, 2])
    for draw, axis in zip((_values, _channels, _scores, _alarms), axes, strict=True):
        draw(axis, shown)
        axis.title.set(horizontalalignment="left", x=0.0, fontsize="medium", fontweight="bold")
    days = np.unique(shown.times.astype("datetime64[D]"))[1:]
    axes[-1].set_xticks(days.tolist(), [f"{pd.Timestamp(day):%a %d %b}" for day in days])
    axes[-1].set_xlabel(_told(shown), loc="left")
    figure.suptitle(
        "New York's taxi rides, judged as they came by a model that had seen them up to "
        + pd.Timestamp(shown.trained_to).strftime("%d %B %Y")
    )
    return figure


def _values(axis: Axes, shown: Scene) -> None:
    """What came, what was expected, and between which values a normal point lies."""
    verdicts, times = shown.verdicts, shown.times
    _shade(axis, shown)
    lower, upper = verdicts.lower[:, 0], verdicts.upper[:, 0]
    axis.fill_between(times, lower, upper, color=BAND, alpha=0.6, lw=0, label="lower to upper")
    axis.plot(times, verdicts.expected[:, 0], color=LINE, lw=0.8, ls=":", label="expected")
    axis.plot(times, shown.points.values[:, 0], color=LINE, lw=1.3, label="value")
    axis.set(title="1  The value, what was expected, and the band", ylabel="rides in 30 minutes")
    axis.legend(loc="upper left", fontsize="small")
    axis.margins(x=0)


def _channels(axis: Axes, shown: Scene) -> None:
    """The evidence of each channel as a strip, the darker the rarer."""
    figure, rows = axis.get_figure(root=True), np.arange(len(shown.channels))
    assert figure is not None
    table = np.stack(list(shown.channels.values()))
    strips = axis.pcolormesh(
        shown.times, rows, table, shading="nearest", cmap="Reds", vmin=0, vmax=DECADES
    )
    for between in rows[1:] - 0.5:
        axis.axhline(between, color="white", lw=1.5)
    axis.set_yticks(rows, list(shown.channels), fontsize="small")
    axis.invert_yaxis()
    axis.set_title("2  The evidence of each channel: -log10 of how rare it is")
    figure.colorbar(strips, ax=axis, pad=0.01, label="decades")


def _scores(axis: Axes, shown: Scene) -> None:
    """All channels as one number."""
    verdicts, flags = shown.verdicts, shown.verdicts.is_anomaly
    evidence = _decades(verdicts.score)
    _shade(axis, shown)
    axis.plot(shown.times, evidence, color=LINE, lw=1.0, label="S; score = 1 - 10^-S")
    axis.plot(shown.times[flags], evidence[flags], "o", color=ALARMED, ms=3.5, label="is_anomaly")
    axis.plot(shown.times, _decades(verdicts.threshold), color=ALARMED, lw=0.8, ls="--",
              label=f"threshold, score {verdicts.threshold[0]:.4f}")  # fmt: skip
    axis.set(title="3  One score from all channels", ylabel="decades", ylim=(0, DECADES))
    axis.legend(loc="upper left", fontsize="small")


def _alarms(axis: Axes, shown: Scene) -> None:
    """Which of it is news."""
    alarm = _decades(shown.alarms.alarm)
    _shade(axis, shown)
    axis.plot(shown.times, shown.verdicts.strength, color=LINE, lw=1.0, label="strength")
    axis.vlines(shown.times[alarm > 0], 0, alarm[alarm > 0], color=ALARMED, lw=1.5, label="alarm")
    axis.set(title="4  One alert for one event: only what is stranger than lately is news",
             ylabel="decades", ylim=(0, DECADES))  # fmt: skip
    axis.axhline(ALERT_EVIDENCE, color=ALARMED, lw=0.8, ls="--", label="opens an event")
    for at in np.flatnonzero(shown.alarms.is_alert):
        axis.annotate("alert ", (shown.times[at], alarm[at]), ha="right", color=ALARMED)
    axis.legend(loc="upper left", fontsize="small")


def _shade(axis: Axes, shown: Scene) -> None:
    """The event from its first to its last point."""
    first, last = shown.times[shown.event[[0, -1]]]
    axis.axvspan(first, last, color=EVENT, lw=0)


def _told(shown: Scene) -> str:
    """The reasons of the event's first points."""
    told = shown.event[:REASONS_TOLD]
    lines = [f"{str(shown.times[i])[11:16]}  {shown.verdicts.reasons[i]}" for i in told]
    return "\n".join(["5  The reasons", *lines])


def _decades(probability: Any) -> Floats:
    return np.asarray(-np.log10(1.0 - probability))


def main() -> None:
    points = rides()
    times = points.times.astype("datetime64[ns]")
    first, end = np.searchsorted(times, np.array([FROM, TO], "datetime64[ns]")).tolist()
    figure = picture(scene(points, Settings(), first, end))
    TARGET.parent.mkdir(exist_ok=True)
    figure.savefig(TARGET, dpi=90, metadata={"Software": None})
    print(f"{TARGET.relative_to(ROOT)} is drawn")


if __name__ == "__main__":
    main()
