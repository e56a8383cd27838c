"""When a run of faults may call itself passed."""

from tests.chaos.checker import Found
from tests.chaos.ledger import Ledger
from tests.chaos.report import failures, table
from tests.chaos.rows import Outcome


def outcome(**given: object) -> Outcome:
    return Outcome("a fault", "a goal", **given)  # type: ignore[arg-type]


def test_up_to_two_rows_may_be_skipped() -> None:
    skipped = outcome(skipped="nginx is not installed")
    assert failures([outcome(), skipped, skipped]) == []
    assert failures([outcome(), skipped, skipped, skipped]) == ["3 rows were skipped, 2 may be"]
    assert "nginx is not installed" in table([skipped])


def test_what_was_lost_or_done_twice_fails_the_run() -> None:
    for wrong in ("lose", "double"):
        found, told = Found(), outcome()
        getattr(found, wrong)("a point")
        told.add(found, acknowledged=7)
        assert (told.lost, told.twice) == (wrong == "lose", wrong == "double")
        assert failures([told]) == ["a fault does not hold"]
        assert "a point" in table([told])


def test_a_time_over_its_goal_fails_the_run() -> None:
    slow = outcome()
    slow.took(1.5, at_most_s=2.0)
    assert failures([slow]) == []
    slow.took(2.5, at_most_s=2.0)
    assert failures([slow]) == ["a fault does not hold"]
    assert slow.worst_s == 2.5


def test_an_answer_that_contradicts_an_earlier_one_is_a_violation() -> None:
    ledger = Ledger()
    ledger.send_point("rides", 60, 1.0)
    ledger.acknowledge_point("rides", 60, 0.5)
    ledger.acknowledge_point("rides", 60, 0.5)
    assert (ledger.acknowledged, ledger.violations) == (1, [])
    ledger.acknowledge_point("rides", 60, 0.6)
    assert len(ledger.violations) == 1
