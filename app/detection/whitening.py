"""How fields go together: a correlation that outliers hardly move, and what undoes it.

Sources: Raymaekers and Rousseeuw, Fast robust correlation for high-dimensional data, Technometrics
2021 (values are cut before they are multiplied); Ledoit and Wolf, A well-conditioned estimator for
large-dimensional covariance matrices, 2004 (a part of the identity is mixed in); Garthwaite and
Koch, Evaluating the contributions of individual variables to a quadratic form, 2016 (the symmetric
root shares a distance out to the fields). Sums run in one order, so that the same data give the
same bits with any number of threads.
"""

from __future__ import annotations

import math

import numpy as np

from app.detection.arithmetic import Floats
from app.detection.compiled import compiled

CUT = 2.0  # in spreads: beyond it nothing more is said about what goes together
OWN_LEAST = 1e-3  # share of the identity: no two fields are the same for ever
SWEEPS_MOST = 40
EXACT = 1e-13


def products(deviations: Floats) -> Floats:
    """Sums over the rows of the products of cut deviations (n, d), in spreads: (d, d).

    NaN counts as 0.
    """
    answer = np.zeros((deviations.shape[1], deviations.shape[1]))
    _add_products(np.clip(np.nan_to_num(deviations), -CUT, CUT), answer)
    return answer


def root(sums: Floats, rows: float) -> Floats:
    """The symmetric matrix (d, d) that makes fields uncorrelated and keeps them what they are.

    sums: as of `products`; rows: how many independent ones stand behind them. The fewer they are
    for so many fields, the less of the correlation is believed.
    """
    d = len(sums)
    length = np.sqrt(np.maximum(np.diag(sums), 0.0))
    length[length == 0] = 1.0
    own = max(d / (d + max(rows, 1.0)), OWN_LEAST)
    correlation = (1.0 - own) * sums / length[:, None] / length
    np.fill_diagonal(correlation, 1.0)
    vectors = np.eye(d)
    _diagonalise(correlation, vectors)
    answer = np.empty((d, d))
    _rebuild(np.maximum(np.diag(correlation).copy(), 0.5 * own), vectors, answer)
    return answer


@compiled
def _add_products(rows: Floats, answer: Floats) -> None:
    d = rows.shape[1]
    for i in range(len(rows)):
        for j in range(d):
            for k in range(j + 1):
                answer[j, k] += rows[i, j] * rows[i, k]
    for j in range(d):
        for k in range(j):
            answer[k, j] = answer[j, k]


@compiled
def _diagonalise(a: Floats, vectors: Floats) -> None:
    """Jacobi's rotations: a becomes diagonal, the columns of vectors its eigenvectors."""
    d = len(a)
    for _ in range(SWEEPS_MOST):
        rest = 0.0
        for p in range(d):
            for q in range(p):
                rest += a[p, q] * a[p, q]
        if rest <= EXACT * EXACT:
            return
        for p in range(d - 1):
            for q in range(p + 1, d):
                if a[p, q] != 0.0:
                    _rotate(a, vectors, p, q)


@compiled
def _rotate(a: Floats, vectors: Floats, p: int, q: int) -> None:
    half = (a[q, q] - a[p, p]) / (2.0 * a[p, q])
    tangent = math.copysign(1.0, half) / (abs(half) + math.sqrt(half * half + 1.0))
    cosine = 1.0 / math.sqrt(tangent * tangent + 1.0)
    sine = tangent * cosine
    for k in range(len(a)):
        left, right = a[k, p], a[k, q]
        a[k, p], a[k, q] = cosine * left - sine * right, sine * left + cosine * right
    for k in range(len(a)):
        left, right = a[p, k], a[q, k]
        a[p, k], a[q, k] = cosine * left - sine * right, sine * left + cosine * right
        left, right = vectors[k, p], vectors[k, q]
        vectors[k, p], vectors[k, q] = cosine * left - sine * right, sine * left + cosine * right


@compiled
def _rebuild(values: Floats, vectors: Floats, answer: Floats) -> None:
    """V diag(values)^-1/2 V'."""
    d = len(values)
    for i in range(d):
        for j in range(i + 1):
            total = 0.0
            for k in range(d):
                total += vectors[i, k] * vectors[j, k] / math.sqrt(values[k])
            answer[i, j] = answer[j, i] = total
