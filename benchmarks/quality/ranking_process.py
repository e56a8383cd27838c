"""Runs in `.venv-quality`: a line with an array's path in, a line with its figures out.

The array is (3, n): scores, labels, and the values that the width of VUS is taken from.
"""

import json
import sys

import numpy as np
from TSB_AD.evaluation.basic_metrics import basic_metricor, generate_curve
from TSB_AD.utils.slidingWindows import find_length_rank

THRESHOLDS = 250  # TSB-AD's default


def main() -> None:
    for line in sys.stdin:
        score, labels, field = np.load(line.strip(), allow_pickle=False)
        truth = labels.astype(int)
        width = int(find_length_rank(field[:, None], rank=1))
        *_, vus_pr = generate_curve(truth, score, width, "opt", THRESHOLDS)
        auc_pr = basic_metricor().metric_PR(truth, score)
        figures = {"vus_pr": float(vus_pr), "auc_pr": float(auc_pr), "width": width}
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
