"""scikit-learn's IsolationForest, kept as flat arrays: quick for one row, and safe to store.

A tree cuts at random until a row is alone: what is strange is alone soon. With h the depth at which
a row ends, and c(m) the mean depth of a search among the m rows that a tree was grown on,

    strangeness = 2^(-mean h / c(m)),   in (0, 1]; .5 and less is usual.

Source: Liu, Ting and Zhou, Isolation Forest, ICDM 2008. The scores are those of scikit-learn.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from app.detection.arithmetic import Floats, Ints
from app.detection.grove import Grove
from app.detection.settings import SAMPLES_MAX, Settings
from app.errors import Invalid

if TYPE_CHECKING:
    from sklearn.ensemble import IsolationForest

FOLDS = 3
ARRAYS = ("feature", "cuts", "samples")


@dataclass(frozen=True, eq=False)
class Forest:
    """All trees of a forest, node after node, each tree in depth-first order: so where a node's
    children stand need not be said.

    feature: (nodes,) uint8, uint16 where there are many; `width`, how many there are, in a leaf.
    cuts: float32, of each inner node: rows with a value <= it go left. samples: uint16, of each
    leaf, how many training rows ended there. rows: how many each tree was given.
    """

    feature: npt.NDArray[np.unsignedinteger[Any]]
    cuts: npt.NDArray[np.float32]
    samples: npt.NDArray[np.uint16]
    rows: int
    width: int

    def strangeness(self, rows: Floats) -> Floats:
        """Anomaly score of each row in (0, 1], larger is more anomalous: minus `score_samples`.

        rows: (n, width) float64 without NaN; they are cast to float32 first, as scikit-learn does.
        """
        return np.asarray(Grove.of([self], [np.arange(self.width)]).strangeness(rows)[0])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays a forest is rebuilt from."""
        return {name: getattr(self, name) for name in ARRAYS}

    @classmethod
    def rebuilt(cls, arrays: Mapping[str, npt.NDArray[Any]], rows: int, width: int) -> Forest:
        """A forest from its arrays; raises `Invalid` for what cannot be one. Whether its trees are
        whole shows when a grove is made of them."""
        feature, cuts, samples = (arrays[name] for name in ARRAYS)
        is_sound = feature.dtype == _kind(width) and cuts.dtype == np.dtype(np.float32)
        is_sound &= samples.dtype == np.dtype(np.uint16) and 1 <= rows <= SAMPLES_MAX
        if not is_sound or not np.all(np.isfinite(cuts)):
            raise Invalid("The model's trees are damaged")
        return cls(feature, cuts, samples, rows, width)

    @classmethod
    def taken(cls, grove: Grove, place: int, columns: Ints) -> Forest:
        """The forest that a grove was made of."""
        feature, cuts, samples = grove.trees(place, columns)
        width = len(columns)
        rows = int(grove.rows[place])
        return cls(feature.astype(_kind(width)), cuts, samples, rows, width)


def _kind(width: int) -> np.dtype[Any]:
    """Of numbers up to the width itself."""
    return np.dtype(np.uint8 if width <= np.iinfo(np.uint8).max else np.uint16)


def fit(rows: Floats, settings: Settings) -> Forest:
    """A forest of `settings.n_estimators` trees on rows (n, k) float64 without NaN, seeded."""
    return _flattened(_fitted(rows, settings, settings.n_estimators))


def held_out(rows: Floats, settings: Settings, whole: Forest) -> Floats:
    """Strangeness (n,) of each row to forests that did not see its part of the history.

    Contiguous folds: neighbours in time are alike, so a row whose neighbours were seen would look
    too normal. These forests have half the trees: they only serve for calibration. A forest of rows
    that are all alike has no cuts and cannot tell; then the `whole` one, which saw all, does.
    """
    edges = np.linspace(0, len(rows), FOLDS + 1).astype(int)
    scores = np.empty(len(rows))
    for start, stop in itertools.pairwise(edges):
        others = np.concatenate([rows[:start], rows[stop:]])
        model = _flattened(_fitted(others, settings, max(1, settings.n_estimators // 2)))
        judge = model if len(model.cuts) else whole
        scores[start:stop] = judge.strangeness(rows[start:stop])
    return scores


def _fitted(rows: Floats, settings: Settings, trees: int) -> IsolationForest:
    # Here and not above: a server that only judges does without its fifty megabytes.
    from sklearn.ensemble import IsolationForest

    model = IsolationForest(
        n_estimators=trees,
        max_samples=min(settings.max_samples, len(rows)),
        random_state=settings.random_state,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(np.ascontiguousarray(rows, dtype=np.float32))


def _flattened(model: IsolationForest) -> Forest:
    trees = [estimator.tree_ for estimator in model.estimators_]
    width = int(model.n_features_in_)
    is_leaf = np.concatenate([tree.children_left for tree in trees]) < 0
    feature = np.where(is_leaf, width, np.concatenate([tree.feature for tree in trees]))
    cuts = np.concatenate([tree.threshold for tree in trees])[~is_leaf]
    samples = np.concatenate([tree.n_node_samples for tree in trees])[is_leaf]
    return Forest(
        feature=feature.astype(_kind(width)),
        cuts=_rounded_down(cuts),
        samples=samples.astype(np.uint16),
        rows=int(model.max_samples_),
        width=width,
    )


def _rounded_down(thresholds: Floats) -> npt.NDArray[np.float32]:
    """The largest float32 not above each threshold: float32 rows compare to both alike."""
    single = thresholds.astype(np.float32)
    return np.where(single > thresholds, np.nextafter(single, np.float32(-np.inf)), single)
