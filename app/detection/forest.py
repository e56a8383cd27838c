"""scikit-learn's IsolationForest, kept as flat arrays: quick for one row, and safe to store.

A tree cuts at random until a row is alone: what is strange is alone soon. With h the depth at which
a row ends, and c(m) the mean depth of a search among the m rows that a tree was grown on,

    strangeness = 2^(-mean h / c(m)),   in (0, 1]; .5 and less is usual.

Source: Liu, Ting and Zhou, Isolation Forest, ICDM 2008. The scores are those of scikit-learn.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from app.detection.arithmetic import Floats, Ints
from app.detection.compiled import compiled
from app.detection.settings import Settings
from app.errors import Invalid

if TYPE_CHECKING:
    from sklearn.ensemble import IsolationForest

FOLDS = 3
ARRAYS: Mapping[str, str] = {
    "roots": "<i4",
    "feature": "<i2",
    "threshold": "<f4",
    "right": "<i4",
    "samples": "<u2",
}
NODE = np.dtype(
    [
        ("threshold", np.float32),
        ("right", np.uint32),
        ("feature", np.uint16),
        ("length", np.uint16),
    ]
)


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

    def strangeness(self, rows: Floats) -> Floats:
        """Anomaly score of each row in (0, 1], larger is more anomalous: minus `score_samples`.

        rows: (n, k) float64 without NaN; they are cast to float32 first, as scikit-learn does.
        """
        return np.asarray(Grove.of([self], [np.arange(rows.shape[1])]).strangeness(rows)[0])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays a forest is rebuilt from."""
        return {name: getattr(self, name) for name in ARRAYS}

    @classmethod
    def rebuilt(cls, arrays: Mapping[str, npt.NDArray[Any]], rows: int, features: int) -> Forest:
        """A forest from its arrays; raises `Invalid` when walking it could go astray."""
        _refuse_unsound(arrays, rows, features)
        return cls(**{name: arrays[name] for name in ARRAYS}, rows=rows)


@dataclass(frozen=True, eq=False)
class Grove:
    """All forests of a model as one table of nodes, walked in one go.

    starts: (forests + 1,) where the trees of each begin in roots; nodes: NODE, what a step needs
    side by side, `right` counted from the root; a leaf leads to itself, and its `length` is the
    place in lengths of how far it is to it, with what the rows left there would need further;
    whole: (forests,) by what the sum of lengths is
    divided; steps: (forests,) to the deepest leaf.
    """

    starts: Ints
    roots: npt.NDArray[np.uint32]
    nodes: npt.NDArray[np.void]
    lengths: Floats
    whole: Floats
    steps: Ints

    @classmethod
    def of(cls, forests: Sequence[Forest], columns: Sequence[Ints]) -> Grove:
        """Forests over the columns that each of them looks at, in the order it knows them."""
        sizes = [len(forest.feature) for forest in forests]
        shifts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        trees = [len(forest.roots) for forest in forests]
        depths = [_depths(forest) for forest in forests]
        paths = np.concatenate([_paths(f, d) for f, d in zip(forests, depths, strict=True)])
        nodes = np.concatenate([_nodes(f, c) for f, c in zip(forests, columns, strict=True)])
        lengths, nodes["length"] = np.unique(paths, return_inverse=True)
        return cls(
            starts=np.concatenate([[0], np.cumsum(trees)]).astype(np.int64),
            roots=np.concatenate(
                [f.roots + s for f, s in zip(forests, shifts, strict=False)]
            ).astype(np.uint32),
            nodes=nodes,
            lengths=lengths,
            whole=np.array([len(f.roots) * average_path(np.array([f.rows]))[0] for f in forests]),
            steps=np.array([depth.max() for depth in depths], dtype=np.int64),
        )

    def strangeness(self, rows: npt.NDArray[np.floating[Any]]) -> Floats:
        """Anomaly score of each row to each forest, (forests, n), as `Forest.strangeness`."""
        answer = np.empty((len(self.whole), len(rows)))
        single = np.ascontiguousarray(rows, dtype=np.float32)
        trees = (self.starts, self.roots, self.nodes, self.lengths)
        _walk(single, *trees, self.whole, self.steps, answer)
        return answer


@compiled
def _walk(
    rows: npt.NDArray[np.float32],
    starts: Ints,
    roots: npt.NDArray[np.uint32],
    nodes: npt.NDArray[np.void],
    lengths: Floats,
    whole: Floats,
    steps: Ints,
    answer: Floats,
) -> None:
    """All trees of a forest go down a step at a time: they do not wait for each other's nodes."""
    at = np.empty(np.max(starts[1:] - starts[:-1]), np.uint32)  # from the root on
    for i in range(len(rows)):
        row = rows[i]
        for forest in range(len(whole)):
            first, trees = starts[forest], starts[forest + 1] - starts[forest]
            at[:trees] = 0
            for _ in range(steps[forest]):
                for tree in range(trees):
                    node = nodes[roots[first + tree] + at[tree]]
                    is_left = row[node["feature"]] <= node["threshold"]
                    at[tree] = at[tree] + np.uint32(1) if is_left else node["right"]
            length = 0.0
            for tree in range(trees):
                length += lengths[nodes[roots[first + tree] + at[tree]]["length"]]
            answer[forest, i] = 2.0 ** (-length / whole[forest]) if whole[forest] > 0 else 1.0


def _nodes(forest: Forest, columns: Ints) -> npt.NDArray[np.void]:
    """The nodes as the walk needs them."""
    nodes, is_leaf = np.empty(len(forest.feature), NODE), forest.feature < 0
    trees = np.diff(forest.roots, append=len(nodes))
    nodes["feature"] = columns[np.maximum(forest.feature, 0)]
    nodes["threshold"] = np.where(is_leaf, np.nan, forest.threshold)  # nothing is <= NaN
    right = np.where(is_leaf, np.arange(len(nodes)), forest.right)
    nodes["right"] = right - np.repeat(forest.roots, trees)
    return nodes


def _paths(forest: Forest, depth: Floats) -> Floats:
    return np.where(forest.feature < 0, depth + average_path(forest.samples), 0.0)


def _depths(forest: Forest) -> Floats:
    depth = np.zeros(len(forest.feature))
    _mark_depths(forest.feature, forest.right, depth)
    return depth


@compiled
def _mark_depths(
    feature: npt.NDArray[np.int16],
    right: npt.NDArray[np.int32],
    depth: Floats,
) -> None:
    """Children stand after their parents, so one pass is enough."""
    for node in range(len(feature)):
        if feature[node] >= 0:
            depth[node + 1] = depth[right[node]] = depth[node] + 1.0


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
        judge = model if np.any(model.feature >= 0) else whole
        scores[start:stop] = judge.strangeness(rows[start:stop])
    return scores


def average_path(samples: npt.NDArray[Any]) -> Floats:
    """Mean depth at which a search among so many samples ends, c(n) of the paper."""
    n = np.asarray(samples, dtype=np.float64)
    inner = np.maximum(n, 3.0)
    long = 2.0 * (np.log(inner - 1.0) + np.euler_gamma) - 2.0 * (inner - 1.0) / inner
    return np.where(n > 2, long, np.where(n == 2, 1.0, 0.0))


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
