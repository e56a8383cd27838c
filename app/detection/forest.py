"""scikit-learn's IsolationForest, kept as flat arrays: quick for one row, and safe to store.

Source: Liu, Ting and Zhou, Isolation Forest, ICDM 2008. The scores are those of scikit-learn.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest

from app.detection.arithmetic import Floats, exp2, ordered_sum
from app.detection.settings import Settings
from app.errors import Invalid

FOLDS = 3
BLOCK_ROWS = 2048
ARRAYS: Mapping[str, str] = {
    "roots": "<i4",
    "feature": "<i2",
    "threshold": "<f4",
    "right": "<i4",
    "samples": "<u2",
}


@dataclass(frozen=True, eq=False)
class Forest:
    """All trees of a forest, node after node, each tree in depth-first order.

    roots: (trees,) int32, where each tree starts. For each node: feature int16, -1 in a leaf;
    threshold float32, rows with a value <= it go left, to the next node; right int32, the other
    child; samples uint16, how many training rows came here. rows: how many each tree was given.
    """

    roots: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int16]
    threshold: npt.NDArray[np.float32]
    right: npt.NDArray[np.int32]
    samples: npt.NDArray[np.uint16]
    rows: int
    _nodes: tuple[npt.NDArray[Any], ...] = field(init=False, repr=False)
    _steps: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        is_leaf = self.feature < 0
        here = np.arange(len(self.feature), dtype=np.intp)
        # A leaf is its own child on both sides, so that all rows can walk equally many steps.
        left = np.where(is_leaf, here, here + 1)
        right = np.where(is_leaf, here, self.right)
        depth = _depths(self.roots, left, right, is_leaf)
        path = np.where(is_leaf, depth + average_path(self.samples), 0.0)
        nodes = (np.maximum(self.feature, 0).astype(np.intp), self.threshold, left, right, path)
        object.__setattr__(self, "_nodes", nodes)
        object.__setattr__(self, "_steps", int(depth.max()))

    def strangeness(self, rows: Floats) -> Floats:
        """Anomaly score of each row in (0, 1], larger is more anomalous: minus `score_samples`.

        rows: (n, k) float64 without NaN; they are cast to float32 first, as scikit-learn does.
        """
        single = np.ascontiguousarray(rows, dtype=np.float32)
        parts = [self._score(single[i : i + BLOCK_ROWS]) for i in range(0, len(single), BLOCK_ROWS)]
        return np.concatenate([np.empty(0), *parts])

    def _score(self, rows: npt.NDArray[np.float32]) -> Floats:
        feature, threshold, left, right, path = self._nodes
        flat, start = rows.ravel(), (np.arange(len(rows)) * rows.shape[1])[:, None]
        node = np.broadcast_to(self.roots.astype(np.intp), (len(rows), len(self.roots)))
        for _ in range(self._steps):
            goes_left = flat[start + feature[node]] <= threshold[node]
            node = np.where(goes_left, left[node], right[node])
        length = ordered_sum(path[node])
        whole = len(self.roots) * float(average_path(np.array([self.rows]))[0])
        return exp2(-length / whole) if whole > 0 else np.ones(len(rows))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays a forest is rebuilt from."""
        return {name: getattr(self, name) for name in ARRAYS}

    @classmethod
    def rebuilt(cls, arrays: Mapping[str, npt.NDArray[Any]], rows: int, features: int) -> Forest:
        """A forest from its arrays; raises `Invalid` when walking it could go astray."""
        _refuse_unsound(arrays, rows, features)
        return cls(**{name: arrays[name] for name in ARRAYS}, rows=rows)


def fit(rows: Floats, settings: Settings) -> Forest:
    """A forest of `settings.n_estimators` trees on rows (n, k) float64 without NaN, seeded."""
    return _flattened(_fitted(rows, settings, settings.n_estimators))


def held_out(rows: Floats, settings: Settings) -> Floats:
    """Strangeness (n,) of each row to forests that did not see its part of the history.

    Contiguous folds: neighbours in time are alike, so a row whose neighbours were seen would look
    too normal. These forests have half the trees: they only serve for calibration.
    """
    single = np.ascontiguousarray(rows, dtype=np.float32)
    edges = np.linspace(0, len(rows), FOLDS + 1).astype(int)
    scores = np.empty(len(rows))
    for start, stop in itertools.pairwise(edges):
        others = np.concatenate([rows[:start], rows[stop:]])
        model = _fitted(others, settings, max(1, settings.n_estimators // 2))
        scores[start:stop] = -model.score_samples(single[start:stop])
    return scores


def average_path(samples: npt.NDArray[Any]) -> Floats:
    """Mean depth at which a search among so many samples ends, c(n) of the paper."""
    n = np.asarray(samples, dtype=np.float64)
    inner = np.maximum(n, 3.0)
    long = 2.0 * (np.log(inner - 1.0) + np.euler_gamma) - 2.0 * (inner - 1.0) / inner
    return np.where(n > 2, long, np.where(n == 2, 1.0, 0.0))


def _fitted(rows: Floats, settings: Settings, trees: int) -> IsolationForest:
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
    sizes = np.array([tree.node_count for tree in trees])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    right = [
        np.where(t.children_right < 0, 0, t.children_right + r)
        for t, r in zip(trees, roots, strict=True)
    ]
    is_leaf = np.concatenate([tree.children_left for tree in trees]) < 0
    feature = np.where(is_leaf, -1, np.concatenate([tree.feature for tree in trees]))
    return Forest(
        roots=roots,
        feature=feature.astype(np.int16),
        threshold=_rounded_down(np.concatenate([tree.threshold for tree in trees])),
        right=np.concatenate(right).astype(np.int32),
        samples=np.concatenate([tree.n_node_samples for tree in trees]).astype(np.uint16),
        rows=int(model.max_samples_),
    )


def _rounded_down(thresholds: Floats) -> npt.NDArray[np.float32]:
    """The largest float32 not above each threshold: float32 rows compare to both alike."""
    single = thresholds.astype(np.float32)
    return np.where(single > thresholds, np.nextafter(single, np.float32(-np.inf)), single)


def _depths(
    roots: npt.NDArray[np.int32],
    left: npt.NDArray[np.intp],
    right: npt.NDArray[np.intp],
    is_leaf: npt.NDArray[np.bool_],
) -> Floats:
    depth = np.zeros(len(left))
    level, nodes = 0, roots.astype(np.intp)
    while len(nodes):
        depth[nodes] = level
        inner = nodes[~is_leaf[nodes]]
        nodes = np.concatenate([left[inner], right[inner]])
        level += 1
    return depth


def _refuse_unsound(arrays: Mapping[str, npt.NDArray[Any]], rows: int, features: int) -> None:
    roots, feature, right = arrays["roots"], arrays["feature"], arrays["right"]
    nodes = len(feature)
    ends = np.append(roots[1:], nodes).astype(np.int64)
    if not len(roots) or roots[0] != 0 or np.any(ends <= roots) or rows < 1:
        raise Invalid("The model's trees are damaged")
    if any(len(arrays[name]) != nodes for name in ("threshold", "right", "samples")):
        raise Invalid("The model's trees are damaged")
    here = np.arange(nodes)
    end = np.repeat(ends, ends - roots)
    inner = feature >= 0
    # Exactly one parent for each node but the roots: no loops, and the walk stays in its tree.
    children = np.concatenate([roots, here[inner] + 1, right[inner]])
    is_inside = (right > here + 1) & (right < end)
    is_once = len(children) == nodes and np.all(
        np.bincount(children.clip(0, nodes), minlength=nodes + 1)[:nodes] == 1
    )
    if np.any(inner & ~is_inside) or not is_once or np.any(feature >= features):
        raise Invalid("The model's trees are damaged")
    if np.any(feature < -1) or not np.all(np.isfinite(arrays["threshold"])):
        raise Invalid("The model's trees are damaged")
