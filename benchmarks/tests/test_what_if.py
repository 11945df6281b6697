"""The what-if benchmark on two small videos: what it measures and how its table looks, never a time."""

from click.testing import CliRunner

from benchmarks.what_if import main, measure_what_if, render


def test_every_change_is_a_row_and_changes_what_it_should() -> None:
    costs = measure_what_if(num_runs=1, num_videos=2, num_candidates=30)
    rows = [line.strip("|").split("|") for line in render(costs).splitlines()[2:]]
    assert len(rows) == len(costs) == 11
    num_changed = {row[0].strip(): int(row[3]) for row in rows}
    assert num_changed["top_k"] == num_changed["top_k, the very first time"] == 2
    assert num_changed["prompts, 768 dimensions"] > 0
    assert all(cost.wall_seconds > 0 and cost.cpu_seconds >= 0 for cost in costs)


def test_the_command_says_what_was_measured() -> None:
    result = CliRunner().invoke(main, ["--runs", "1", "--videos", "1", "--candidates", "8"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("1 videos of 8 candidates, median of 1")
    assert "| change | wall s | CPU s | videos that change |" in result.output
