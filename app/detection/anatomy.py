"""What each channel says of points, where a verdict only tells what all of them say together.

For pictures and for asking why. It costs as much as judging does, and judging does without it.
"""

from __future__ import annotations

import numpy as np

from app.detection import joint
from app.detection.arithmetic import Floats
from app.detection.detector import State
from app.detection.evidence import KINDS, SCORE, Evidence
from app.detection.features import VIEWS
from app.detection.judgement import weigh
from app.detection.model import Model
from app.detection.points import Points
from app.detection.trail import Trail, pieces


def anatomy(model: Model, state: State, points: Points) -> dict[str, Floats]:
    """The evidence of each channel for the score of points that follow the state, by its name.

    (n,) each: -log10 of a tail probability, 0 or more. In this order: a forest for each view
    ("forest: level"), the plain channels and novelty, each of its strongest field; of several
    fields the joint channels ("joint: last"); the course of the last points ("shape") where history
    repeats itself, times the trust in it.
    """
    memory, trail, parts = state.memory, Trail.after(model, state.recent), []
    for piece in pieces(points):
        stretch, trail = trail.followed(piece)
        grounds, memory = weigh(model, stretch, memory)
        parts.append(_by_name(grounds.evidence()))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _by_name(evidence: Evidence) -> dict[str, Floats]:
    views, together = (np.minimum(e, evidence.most) for e in (evidence.views, evidence.joint))
    named = {f"forest: {name}": row for name, row in zip(VIEWS, views, strict=True)}
    named |= dict(zip(KINDS, evidence.strongest(), strict=True))
    named |= {f"joint: {name}": row for name, row in zip(joint.CHANNELS, together, strict=False)}
    if evidence.course:
        named["shape"] = evidence.course.trust * evidence.course.evidence[SCORE]
    return named
