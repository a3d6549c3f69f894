"""How figures are made, judged, remembered and shown."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from bench import document, history
from bench.__main__ import FULL, main
from bench.figure import Figure, InexactError, Rounds, Took, exactly, quantile
from bench.fit import exponent
from bench.goals import GOALS, failures
from bench.plot import plot
from bench.processes import ROOT
from bench.throttle import most_in


def test_the_exponent_of_a_power_is_found():
    """Linear, quadratic and constant costs are told apart."""
    sizes = [1_000, 10_000, 100_000]
    assert exponent(sizes, [0.002 * size for size in sizes]) == pytest.approx(1.0)
    assert exponent(sizes, [3e-9 * size**2 for size in sizes]) == pytest.approx(2.0)
    assert exponent(sizes, [5.0, 5.0, 5.0]) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("sizes", "costs"), [([10], [1.0]), ([10, 10], [1.0, 2.0]), ([1, 2], [0.0, 1.0]), ([1, 2], [1.0])]
)
def test_what_has_no_exponent_is_refused(sizes, costs):
    """A fit through too little is an error, not a number."""
    with pytest.raises(ValueError, match="two different sizes"):
        exponent(sizes, costs)


@pytest.mark.parametrize("goal", GOALS.values(), ids=lambda goal: goal.figure)
def test_the_gate_fails_beyond_twice_the_goal(goal):
    """A figure 2.1 times worse than its goal, or than what stands, fails, one 1.9 times worse does not."""
    limit = goal.limit if goal.stands is None else goal.stands

    def figure(badness):
        value = limit / badness if goal.at_least else limit * badness
        return Figure(goal.figure, value, goal.unit, "")

    assert failures([figure(1.9)]) == []
    assert len(failures([figure(2.1)])) == 1
    assert goal.figure in failures([figure(2.1)])[0]


def test_a_figure_without_a_goal_fails_nothing():
    """Only what has a goal is judged."""
    assert failures([Figure("stage.wire", 1e9, "ms", "")]) == []


def test_goals_are_of_families_that_there_are():
    """A goal whose figure nobody measures would never fail."""
    text = "".join(path.read_text() for path in (ROOT / "bench").glob("*.py") if path.name != "goals.py")
    for name in GOALS:
        family, _, what = name.partition(".")
        assert f'"{family}.' in text, name
        assert what.partition("-")[0] in text, name


def test_a_ratio_is_the_median_of_the_rounds_own_ratios():
    """A round that was slow for step and yardstick alike does not move the figure."""
    rounds = Rounds()
    for slow in (1.0, 10.0, 1.0):
        rounds.add("poll.some", Took(0.2 * slow, 0.1 * slow), Took(0.4 * slow, 0.4 * slow))
    figure = rounds.figure("poll.some", "some")
    assert (figure.value, figure.cpu, figure.ms) == (pytest.approx(0.5), pytest.approx(0.25), pytest.approx(200))


def test_a_wrong_answer_has_no_time():
    """What was measured and is wrong ends the run."""
    exactly({1, 2}, {2, 1}, "ids")
    with pytest.raises(InexactError, match=r"ids: \[1\] instead of \[1, 2\]"):
        exactly({1}, {1, 2}, "ids")


def test_quantiles_and_windows_are_counted_right():
    """The share of the values below, the most in any window."""
    assert quantile([5.0, 1.0, 3.0, 2.0, 4.0], 0.5) == 3.0
    assert quantile([1.0, 2.0], 0.99) == 2.0
    assert most_in([0.0, 0.5, 0.9, 1.0, 1.4], 1.0) == 4


def line(value, day=1):
    """A run that measured one goal."""
    figures = [Figure("poll.unchanged", value, "x orjson", "")]
    return history.entry(figures, {"quick": True}, datetime(2026, 11, day, tzinfo=UTC), "abc")


def test_history_lines_are_read_as_they_were_written(tmp_path):
    """A run is one line of JSON, added at the end; what is no line is named by its number."""
    path = tmp_path / "history.jsonl"
    assert history.read(path) == []
    for day in (1, 2):
        history.append(line(0.05, day), path)
    assert history.read(path) == [line(0.05, 1), line(0.05, 2)]
    path.write_text(path.read_text() + "{broken\n")
    with pytest.raises(ValueError, match=":3:"):
        history.read(path)


def test_the_history_of_the_repository_can_be_read():
    """Every line kept has a date, a machine and figures."""
    for run in history.read():
        datetime.strptime(run["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        assert run["machine"]
        assert all(isinstance(value, (int, float)) for value in run["figures"].values())


def test_the_picture_is_the_same_for_the_same_history():
    """Well-formed, reproducible, and a point a run."""
    runs = [line(0.05), line(0.3, 2)]
    picture = plot(runs)
    assert picture == plot(runs)
    assert len(ET.fromstring(picture).findall(".//{http://www.w3.org/2000/svg}circle")) == 2
    assert len(ET.fromstring(plot(runs[:1])).findall(".//{http://www.w3.org/2000/svg}circle")) == 1
    assert ET.fromstring(plot([])) is not None


def test_the_document_keeps_what_people_wrote():
    """Each goal with its figure; below the mark nothing is lost."""
    figures = [Figure("poll.unchanged", 0.3, "x orjson", "words")]
    page = document.document(figures, {"python": "3"}, f"old{document.MARK}\n\nWhat was tried.\n")
    assert page.endswith(f"{document.MARK}\n\nWhat was tried.\n")
    assert "| at most 0.1 x orjson | 0.3 x orjson | **not reached** |" in page
    assert all(goal.words in page for goal in GOALS.values())


def test_an_unknown_family_is_named(capsys):
    """A family that is not there is refused, with those that are."""
    with pytest.raises(SystemExit):
        main(["--only", "pol"])
    said = capsys.readouterr().err
    assert all(name in said for name in ("no such family: pol", *FULL))


@pytest.mark.slow
def test_a_family_is_measured_from_the_command_line():
    """`--only start --quick --json` prints the figures and the machine as one JSON value."""
    command = [sys.executable, "-m", "bench", "--only", "start", "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert {figure["name"] for figure in found["figures"]} == {"start.ready", "start.help", "start.idle"}
    assert all(figure["value"] > 0 for figure in found["figures"])
    assert found["machine"]["python"]
    assert "start.ready" in done.stderr
