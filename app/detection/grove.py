"""The forests of a model as one table of nodes, walked in one go.

A row goes down all trees a step at a time: so they do not wait for each other's nodes. A node is
two words, which is what a process keeps of a model and what a step has to fetch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from app.detection.arithmetic import Floats, Ints, log
from app.detection.compiled import compiled
from app.errors import Invalid

if TYPE_CHECKING:
    from app.detection.forest import Forest

NODE = np.dtype([("threshold", np.float32), ("link", np.uint32)])
COLUMN_BITS = 11  # of a link; in the others stands the right child
COLUMNS = (1 << COLUMN_BITS) - 1
TREE_NODES_MAX = 1 << (32 - COLUMN_BITS)
DEPTH_MAX = 32  # trees of 65,535 rows end at 16


@dataclass(frozen=True, eq=False)
class Grove:
    """Made of forests, of which it keeps all there is.

    starts: (forests + 1,) where the trees of each begin in roots; roots: where each begins in
    nodes. nodes: NODE, in which a link is the right child, counted from the root, and the column to
    look at; the left child is the next node. A leaf looks at the column `width`, where there is
    nothing, and leads to itself; its threshold is a place in lengths: how far it is to it, and what
    the rows left there, samples, would need further. rows: (forests,) that each tree was given;
    whole: (forests,) by what the sum of lengths is divided; steps: to the deepest leaf of all.
    """

    starts: Ints
    roots: npt.NDArray[np.uint32]
    nodes: npt.NDArray[np.void]
    lengths: Floats
    samples: npt.NDArray[np.uint16]
    rows: Ints
    whole: Floats
    steps: int
    width: int

    @classmethod
    def of(cls, forests: Sequence[Forest], columns: Sequence[Ints]) -> Grove:
        """Forests over the columns that each of them looks at, in the order it knows them.

        Raises `Invalid` where they are no whole trees, so that walking them could go astray.
        """
        width = 1 + max(int(own.max()) for own in columns)
        begins = np.cumsum([0, *(len(forest.feature) for forest in forests)]).tolist()
        nodes, known, roots, ends = np.empty(begins[-1], NODE), 0, [], []
        for forest, own, span in zip(forests, columns, pairwise(begins), strict=True):
            grown = _grown(forest, np.append(own, width), known, nodes[slice(*span)])
            roots.append(grown[0] + span[0])
            ends.append(grown[1])
            known += grown[1].shape[1]
        depths, samples = np.concatenate(ends, axis=1)
        rows, trees = np.array([forest.rows for forest in forests]), [len(own) for own in roots]
        return cls(
            starts=np.cumsum([0, *trees]),
            roots=np.concatenate(roots).astype(np.uint32),
            nodes=nodes,
            lengths=depths + average_path(samples),
            samples=samples.astype(np.uint16),
            rows=rows,
            whole=average_path(rows) * trees,
            steps=int(depths.max()),
            width=width,
        )

    def trees(
        self, forest: int, columns: Ints
    ) -> tuple[Ints, npt.NDArray[np.float32], npt.NDArray[np.uint16]]:
        """Of one of the forests what it was made of, as `Forest` says: feature, cuts, samples."""
        begin, end = (self._first_node(self.starts[at]) for at in (forest, forest + 1))
        nodes = self.nodes[begin:end]
        column = (nodes["link"] & COLUMNS).astype(np.int64)
        is_leaf = column == self.width
        place = np.zeros(self.width + 1, np.int64)
        place[columns], place[self.width] = np.arange(len(columns)), len(columns)
        samples = self.samples[nodes["threshold"][is_leaf].astype(np.int64)]
        return place[column], nodes["threshold"][~is_leaf], samples

    def _first_node(self, tree: int) -> int:
        return int(self.roots[tree]) if tree < len(self.roots) else len(self.nodes)

    def strangeness(
        self,
        rows: npt.NDArray[np.floating[Any]],
        typical: Floats | None = None,
        answer: Floats | None = None,
    ) -> Floats:
        """Anomaly score of each row to each forest, (forests, n), as `Forest.strangeness`.

        typical: (width,), what stands in for NaN; answer: where to put it.
        """
        put = np.empty((len(self.whole), len(rows))) if answer is None else answer
        filler = np.full(self.width, np.nan) if typical is None else typical
        given = np.ascontiguousarray(rows, dtype=np.float64)
        trees = (self.starts, self.roots, self.nodes, self.lengths)
        _walk(given, filler, *trees, self.whole, self.steps, self.width, put)
        return put


def average_path(samples: npt.NDArray[Any]) -> Floats:
    """Mean depth at which a search among so many samples ends, c(n) of the paper."""
    n = np.asarray(samples, dtype=np.float64)
    inner = np.maximum(n, 3.0)
    long = 2.0 * (log(inner - 1.0) + np.euler_gamma) - 2.0 * (inner - 1.0) / inner
    return np.where(n > 2, long, np.where(n == 2, 1.0, 0.0))


def _grown(
    forest: Forest, columns: Ints, known: int, nodes: npt.NDArray[np.void]
) -> tuple[Ints, Ints]:
    """Into nodes; -> where its trees begin in these, and depth and samples of its lengths.

    columns: the forest's, then that of leaves. known: how many lengths there are before.
    """
    roots = np.empty(max(0, len(forest.samples) - len(forest.cuts)), np.int64)
    ends = np.empty((2, len(forest.samples)), np.int64)
    lengths = _grow(
        forest.feature.astype(np.uint16),
        forest.cuts,
        forest.samples,
        forest.rows,
        columns,
        known,
        nodes["threshold"],
        nodes["link"],
        roots,
        ends,
    )
    if not lengths:
        raise Invalid("The model's trees are damaged")
    return roots, ends[:, :lengths].copy()


@compiled
def _grow(
    feature: npt.NDArray[np.uint16],
    cuts: npt.NDArray[np.float32],
    samples: npt.NDArray[np.uint16],
    rows: int,
    columns: Ints,
    known: int,
    thresholds: npt.NDArray[np.float32],
    links: npt.NDArray[np.uint32],
    roots: Ints,
    ends: Ints,
) -> int:
    """Trees from what is stored of them; how many lengths there are, 0 where they are not whole.

    Into ends, (2, lengths), their depth and samples. A right child comes when the leaves below its
    sibling are through, so those that wait for one lie on a stack.
    """
    leaf, width = len(columns) - 1, columns[-1]
    places = np.full((DEPTH_MAX + 1, rows + 1), -1, np.int32)
    waiting, depths = np.empty(DEPTH_MAX, np.int64), np.empty(DEPTH_MAX, np.int64)
    waits = depth = root = tree = cut = end = lengths = 0
    is_root = True
    for node in range(len(feature)):
        if is_root:
            if tree == len(roots):
                return 0
            roots[tree], root, tree, depth, is_root = node, node, tree + 1, 0, False
        if feature[node] > leaf or node + 1 - root >= TREE_NODES_MAX:
            return 0
        if feature[node] < leaf:
            if cut == len(cuts) or depth == DEPTH_MAX:
                return 0
            thresholds[node], links[node] = cuts[cut], columns[feature[node]]
            waiting[waits], depths[waits] = node, depth
            waits, cut, depth = waits + 1, cut + 1, depth + 1
            continue
        if end == len(samples) or samples[end] > rows:
            return 0
        if places[depth, samples[end]] < 0:
            places[depth, samples[end]] = lengths
            ends[0, lengths], ends[1, lengths] = depth, samples[end]
            lengths += 1
        thresholds[node] = known + places[depth, samples[end]]
        links[node] = (node - root) << COLUMN_BITS | width
        end, is_root = end + 1, waits == 0
        if waits:
            waits -= 1
            depth = depths[waits] + 1
            links[waiting[waits]] |= (node + 1 - root) << COLUMN_BITS
    is_whole = is_root and tree == len(roots) and cut == len(cuts) and end == len(samples)
    return lengths if is_whole else 0


@compiled
def _walk(
    rows: Floats,
    typical: Floats,
    starts: Ints,
    roots: npt.NDArray[np.uint32],
    nodes: npt.NDArray[np.void],
    lengths: Floats,
    whole: Floats,
    steps: int,
    width: int,
    answer: Floats,
) -> None:
    """All trees go down a step at a time, and nodes are fetched before they are looked at: where
    they are not at hand, many come at once."""
    at, links = np.empty(len(roots), np.uint32), np.empty(len(roots), np.uint32)
    thresholds = np.empty(len(roots), np.float32)
    row = np.full(width + 1, np.nan, np.float32)  # nothing is <= NaN
    for i in range(len(rows)):
        for column in range(width):
            x = rows[i, column]
            row[column] = np.float32(typical[column] if math.isnan(x) else x)
        at[:] = roots
        for _ in range(steps):
            for tree in range(len(roots)):
                node = nodes[at[tree]]
                links[tree], thresholds[tree] = node["link"], node["threshold"]
            for tree in range(len(roots)):
                is_left = row[links[tree] & COLUMNS] <= thresholds[tree]
                right = roots[tree] + (links[tree] >> COLUMN_BITS)
                at[tree] = at[tree] + np.uint32(1) if is_left else right
        for forest in range(len(whole)):
            length = 0.0
            for tree in range(starts[forest], starts[forest + 1]):
                length += lengths[int(nodes[at[tree]]["threshold"])]
            answer[forest, i] = 2.0 ** (-length / whole[forest]) if whole[forest] > 0 else 1.0
