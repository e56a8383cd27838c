"""Figures of other detectors, not run here.

NAB: its published results of each detector, scored over the same 32 files. UCR: TSB-AD's published
Sub-IForest, and batch methods, which see a whole series before they judge its first point. SKAB:
PCA's T² and Q, and nearest neighbours on means of 30 points, measured apart on the same 8 runs.
"""

from collections.abc import Mapping

PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "random cut forest (published)": {"nab_standard": 60.4},
    "knn-CAD (published)": {"nab_standard": 56.0},
    "context-OSE (published)": {"nab_standard": 75.6},
    "HTM, Numenta (published)": {"nab_standard": 72.0},
    "ARTime (published)": {"nab_standard": 80.4},
    "Sub-IForest, batch (published)": {"ucr_vus_pr": 0.087},
    "Sub-KNN, batch (published)": {"ucr_vus_pr": 0.405},
    "KShapeAD, batch (published)": {"ucr_vus_pr": 0.409},
    "MatrixProfile, batch (published)": {"ucr_vus_pr": 0.394},
    "KMeansAD, batch (published)": {"ucr_vus_pr": 0.355},
    "PCA's T² and Q (measured apart)": {"skab_vus_pr": 0.842},
    "kNN on 30-point means (measured apart)": {"skab_vus_pr": 0.897},
}
