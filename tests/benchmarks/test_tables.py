"""Tables of figures, and where they are put."""

from pathlib import Path

import pytest

from benchmarks.cost.__main__ import number, tabled
from benchmarks.cost.workloads import Cost
from benchmarks.quality.figures import Row
from benchmarks.quality.report import markdown, table
from benchmarks.tables import Table, put_between

ROW = Row("ours", {"nab_standard": [70.0, 72.0], "skab_vus_pr": [0.84]}, {})


def test_a_figure_is_its_mean_and_its_spread_over_the_seeds() -> None:
    assert table([ROW], {}).rows == (("ours", "71.0 ± 1.4", "0.840"),)


def test_figures_that_no_row_has_get_no_column() -> None:
    assert table([ROW], {}).head == ("detector", "NAB standard", "SKAB VUS-PR")


def test_published_figures_stand_below_in_their_columns() -> None:
    found = table([ROW], {"another (published)": {"ucr_vus_pr": 0.4}})
    assert found.head == ("detector", "NAB standard", "UCR VUS-PR", "SKAB VUS-PR")
    assert found.rows[-1] == ("another (published)", "", "0.400", "")


def test_the_published_rows_are_marked_as_not_run_here() -> None:
    lines = markdown([ROW], "").splitlines()
    others = [line for line in lines[2:] if line.startswith("|") and "| ours " not in line]
    assert others
    assert all("(published)" in line or "(measured apart)" in line for line in others)


def test_a_table_in_markdown_has_a_line_for_each_row() -> None:
    text = Table(("a", "b"), (("x", "1"), ("y", "2"))).markdown()
    assert text == "| a | b |\n| --- | ---: |\n| x | 1 |\n| y | 2 |"


def test_what_stands_between_the_markers_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    paper = tmp_path / "README.md"
    paper.write_text("before\n<!-- quality -->\nold\n<!-- /quality -->\nafter\n")
    put_between(paper, "quality", "new\n")
    assert paper.read_text() == "before\n<!-- quality -->\nnew\n<!-- /quality -->\nafter\n"


def test_a_paper_without_the_markers_is_left_alone(tmp_path: Path) -> None:
    paper = tmp_path / "README.md"
    paper.write_text("<!-- quality -->\nno end\n")
    with pytest.raises(ValueError, match="no <!-- quality -->"):
        put_between(paper, "quality", "new")
    assert paper.read_text() == "<!-- quality -->\nno end\n"


def test_a_cost_is_shown_beside_its_reference() -> None:
    costs = [Cost("a point", "us", 200.0, 4000.0), Cost("a model", "MB", 0.5)]
    assert tabled(costs).rows == (
        ("a point", "200 us", "4,000 us", "0.05 x"),
        ("a model", "0.5 MB", "", ""),
    )


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12,346"), (99.96, "100"), (12.34, "12.3"), (0.01234, "0.0123")]
)
def test_numbers_keep_three_digits(value: float, text: str) -> None:
    assert number(value) == text
