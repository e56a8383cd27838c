"""`python -m tests.chaos`: real load against the real parts, which are shot at; ends with a table.

Exit code 0: every row held. 3: something was lost or done twice, or more than two rows were
skipped; for that CI fails. 1: a row did not hold otherwise, which may come of what else the machine
does.
"""

import argparse
import random
import secrets
import sys
import time

from tests.chaos import report
from tests.chaos.checker import Found
from tests.chaos.faults import ROWS, mix
from tests.chaos.ground import Ground
from tests.chaos.rows import Outcome, Row, Run, Skipped
from tests.chaos.scene import set_up

AT_THE_END = Row("none: all of it, at the end", "all is there, all jobs over", lambda *_: None)
LONG_S = 600  # from this duration on, rows are done in full


def main() -> int:
    asked = _arguments()
    print(f"seed {asked.seed}: make chaos SEED={asked.seed} DURATION={asked.duration}", flush=True)
    rows = [*ROWS, mix.row(asked.duration)]
    chosen = [row for row in rows if any(each in row.fault for each in asked.only.split("|"))]
    with set_up(Ground(), asked.seed) as scene:
        rng = random.Random(asked.seed)  # noqa: S311 - to be repeated, not to be secret
        run = Run(scene, asked.seed, rng, asked.duration >= LONG_S, asked.patience)
        outcomes = [_shot(row, run) for row in chosen]
        outcomes.append(_shot(AT_THE_END, run))
    print(f"\nseed {asked.seed}\n{report.table(outcomes)}")
    wrong = report.failures(outcomes)
    print("\n".join(wrong) or "Every row held.")
    return report.exit_code(outcomes)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--duration", type=int, default=60, help="seconds of the random mix")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--only", default="", help="rows whose name has one of these, parted by |")
    parser.add_argument("--patience", type=float, default=1.0, help="stretches the times allowed")
    return parser.parse_args()


def _shot(row: Row, run: Run) -> Outcome:
    """The row on its own, then what the clients were told against what is there."""
    started = time.monotonic()
    told = Outcome(row.fault, row.goal)
    before = run.scene.load.ledger.acknowledged
    try:
        row.shoot(run, told)
    except Skipped as reason:
        told.skipped = str(reason)
    except Exception as error:
        told.fail(error)
    with run.scene.load.paused():
        acknowledged = run.scene.load.ledger.acknowledged - before
        told.compare(lambda: _look(row, run), acknowledged, is_last=row is AT_THE_END)
    state = told.skipped or "; ".join([*told.problems, *told.late][:3]) or "holds"
    print(f"{row.fault}: {state} ({time.monotonic() - started:.0f} s)", flush=True)
    return told


def _look(row: Row, run: Run) -> Found:
    run.scene.ground.await_ready()
    return run.scene.checker.check_all() if row is AT_THE_END else run.scene.checker.check()


if __name__ == "__main__":
    sys.exit(main())
