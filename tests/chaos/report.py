"""The table at the end, and whether the run may call itself passed."""

from collections.abc import Sequence

from tests.chaos.rows import Outcome

MOST_SKIPPED = 2
LOSSY = 3  # the exit code
SHOWN_PROBLEMS = 5
HEADS = ("fault", "times", "acknowledged", "lost", "twice", "worst", "goal", "holds")


def table(outcomes: Sequence[Outcome]) -> str:
    rows = [HEADS, *(_cells(outcome) for outcome in outcomes)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "-" * len(lines[0]))
    for outcome in outcomes:
        wrong = [*outcome.problems, *(f"late: {each}" for each in outcome.late)]
        lines += [f"{outcome.fault}: {each}" for each in wrong[:SHOWN_PROBLEMS]]
        if len(wrong) > SHOWN_PROBLEMS:
            lines.append(f"{outcome.fault}: and {len(wrong) - SHOWN_PROBLEMS} more")
        if outcome.skipped:
            lines.append(f"{outcome.fault}: skipped, {outcome.skipped}")
    return "\n".join(lines)


def failures(outcomes: Sequence[Outcome]) -> list[str]:
    """Why the run failed; empty where it passed."""
    wrong = [f"{outcome.fault} does not hold" for outcome in outcomes if not outcome.holds]
    skipped = _skipped(outcomes)
    if skipped > MOST_SKIPPED:
        wrong.append(f"{skipped} rows were skipped, {MOST_SKIPPED} may be")
    return wrong


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """Apart from all else is what no slow machine explains."""
    is_lossy = any(outcome.lost or outcome.twice for outcome in outcomes)
    if is_lossy or _skipped(outcomes) > MOST_SKIPPED:
        return LOSSY
    return 1 if failures(outcomes) else 0


def _skipped(outcomes: Sequence[Outcome]) -> int:
    return sum(bool(outcome.skipped) for outcome in outcomes)


def _cells(outcome: Outcome) -> tuple[str, ...]:
    if outcome.skipped:
        return (outcome.fault, "", "", "", "", "", outcome.goal, "skipped")
    worst = "" if outcome.worst_s is None else f"{outcome.worst_s:.2f} s"
    counts = (outcome.times, outcome.acknowledged, outcome.lost, outcome.twice)
    return (outcome.fault, *map(str, counts), worst, outcome.goal, _verdict(outcome))


def _verdict(outcome: Outcome) -> str:
    if outcome.holds:
        return "yes"
    return "NO" if outcome.problems else "NO, late"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if 1 <= place <= 5 else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
