"""VUS-PR and AUC-PR of a score, from the public benchmark's own code in an environment of its own.

That code (TSB-AD) asks for torch and older versions of what the product stands on, so it is kept
apart: `make` builds `.venv-quality`, and a process there answers line by line.

Source: Paparrizos et al., Volume Under the Surface, VLDB 2022; Liu and Paparrizos, The Elephant in
the Room, NeurIPS 2024 (TSB-AD).
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.provenance import ROOT

ENVIRONMENT = ROOT / ".venv-quality"
PROCESS = Path(__file__).with_name("ranking_process.py")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
Numbers = npt.NDArray[np.float64]


def is_ready() -> bool:
    """Whether the environment is there, and whole."""
    return (ENVIRONMENT / ".installed").exists()


def ranked(score: Numbers, labels: npt.NDArray[np.int64], field: Numbers) -> dict[str, float]:
    """`vus_pr` and `auc_pr` of a score, (n,), whose labels (n,) are 1 where anomalous.

    field: (n,), the values whose strongest autocorrelation is the largest width of VUS, as TSB-AD
    does; of several fields the first.
    """
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file.name, np.stack([score, labels, field]))
        process.stdin.write(f"{file.name}\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    if not answer:
        raise RuntimeError("the process that ranks ended; what it said stands above")
    found: dict[str, float] = json.loads(answer)
    return found


@cache
def _process() -> subprocess.Popen[str]:
    """One for this process; it ends when its input does."""
    return subprocess.Popen(
        [ENVIRONMENT / "bin/python", "-P", PROCESS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ONE_THREAD},
    )
