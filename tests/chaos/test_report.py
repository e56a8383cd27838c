"""When a run of faults may call itself passed."""

import subprocess

import httpx
import pytest

from tests.chaos.checker import Found
from tests.chaos.ledger import Ledger
from tests.chaos.report import LOSSY, exit_code, failures, table
from tests.chaos.rows import Outcome
from tests.service import NotWithin, wait_until


def outcome(**given: object) -> Outcome:
    return Outcome("a fault", "a goal", **given)  # type: ignore[arg-type]


def raised(error: Exception) -> Found:
    raise error


def test_up_to_two_rows_may_be_skipped() -> None:
    skipped = outcome(skipped="nginx is not installed")
    assert failures([outcome(), skipped, skipped]) == []
    assert exit_code([outcome(), skipped, skipped]) == 0
    assert failures([outcome(), skipped, skipped, skipped]) == ["3 rows were skipped, 2 may be"]
    assert exit_code([outcome(), skipped, skipped, skipped]) == LOSSY
    assert "nginx is not installed" in table([skipped])


@pytest.mark.parametrize("wrong", ["lose", "double"])
def test_what_was_lost_or_done_twice_fails_the_run(wrong: str) -> None:
    found, told = Found(), outcome()
    getattr(found, wrong)("a point")
    told.add(found, acknowledged=7)
    assert (told.lost, told.twice) == (wrong == "lose", wrong == "double")
    assert failures([told]) == ["a fault does not hold"]
    assert exit_code([outcome(), told]) == LOSSY
    assert "a point" in table([told])


def test_a_wrong_answer_fails_the_run_however_late_it_was() -> None:
    told = outcome()
    told.took(2.5, at_most_s=2.0)
    told.require(False, "score 0.5 became 0.6")
    assert failures([told]) == ["a fault does not hold"]
    assert "NO, late" not in table([told])


def test_a_time_over_its_goal_fails_the_run_and_is_no_loss() -> None:
    slow = outcome()
    slow.took(1.5, at_most_s=2.0)
    assert failures([slow]) == []
    slow.took(2.5, at_most_s=2.0)
    assert failures([slow]) == ["a fault does not hold"]
    assert exit_code([slow]) == 1
    assert slow.worst_s == 2.5


def test_a_late_row_is_shown_as_not_held_with_its_reason() -> None:
    slow = outcome()
    slow.took(2.5, at_most_s=2.0)
    shown = table([slow])
    assert "NO, late" in shown
    assert "a fault: late: 2.50 s, and 2 s are allowed" in shown


@pytest.mark.parametrize(
    "error",
    [
        NotWithin("not within 60 s: it is ready"),
        httpx.ReadTimeout("timed out"),
        subprocess.TimeoutExpired("tocsin", 60),
    ],
)
def test_a_wait_that_was_over_makes_its_row_late(error: Exception) -> None:
    told = outcome()
    told.fail(error)
    assert failures([told]) == ["a fault does not hold"]
    assert exit_code([told]) == 1


def test_what_was_waited_for_in_vain_counts_as_late() -> None:
    told = outcome()
    with pytest.raises(AssertionError) as waited:
        wait_until(lambda: False, "it is ready", timeout_s=0)
    told.fail(waited.value)
    assert told.late == ["NotWithin: not within 0 s: it is ready"]


@pytest.mark.parametrize("error", [RuntimeError("it ended"), AssertionError("not trained")])
def test_a_row_that_ended_otherwise_fails_the_run(error: Exception) -> None:
    told = outcome()
    told.fail(error)
    assert failures([told]) == ["a fault does not hold"]


def test_what_was_never_compared_fails_the_run_unless_a_later_look_has_it_too() -> None:
    slow, last = outcome(), outcome()
    slow.compare(lambda: raised(httpx.ReadTimeout("slow")), acknowledged=7, is_last=False)
    assert slow.problems == []
    last.compare(lambda: raised(httpx.ReadTimeout("slow")), acknowledged=7)
    assert failures([last]) == ["a fault does not hold"]
    assert "not compared" in table([last])


def test_an_answer_that_contradicts_an_earlier_one_is_a_violation() -> None:
    ledger = Ledger()
    ledger.send_point("rides", 60, 1.0)
    ledger.acknowledge_point("rides", 60, 0.5)
    ledger.acknowledge_point("rides", 60, 0.5)
    assert (ledger.acknowledged, ledger.violations) == (1, [])
    ledger.acknowledge_point("rides", 60, 0.6)
    assert len(ledger.violations) == 1
