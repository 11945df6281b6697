"""Prints of commands: progress while several videos are under way, and commands that can be typed."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
from rich.console import Console

from thumb_assets.cli import output
from thumb_assets.cli.output import WorkProgress, as_typed, progress


def under_way(events: list[tuple]) -> tuple[str, float, float | None]:
    """The text, the count and the total of the bar of the video under way, after these events."""
    bars = progress(Console(file=StringIO()))
    work = WorkProgress(bars, 2, "catalog")
    for name, *arguments in events:
        named = {"is_of_file": not arguments[0].startswith("loading")} if name == "step" else {}
        getattr(work, name)(*arguments, **named)
    (task,) = (task for task in bars.tasks if task.description != "videos")
    return task.description, task.completed, task.total


def decoded(video_id: str, *, num_frames: int, header: int | None) -> list[tuple]:
    """Reports what the engine does while it decodes a video."""
    return [
        ("video", video_id),
        ("step", "looking for the file"),
        ("step", "decoding"),
        *(("frame", video_id, index, header) for index in range(num_frames)),
    ]


def test_frames_are_counted_under_the_name_of_their_video():
    assert under_way(decoded("first", num_frames=30, header=250)) == ("first", 30, 250)
    assert under_way(decoded("first", num_frames=30, header=None)) == ("first", 30, None)


def test_a_stage_is_shown_with_its_own_video_though_another_was_decoded_meanwhile():
    events = [
        *decoded("first", num_frames=9, header=9),
        *decoded("second", num_frames=9, header=9),
        ("video", "first"),
        ("step", "stage faces"),
    ]
    assert under_way(events)[0] == "first: stage faces"


def test_the_count_of_frames_ends_with_the_decoding():
    events = [*decoded("first", num_frames=237, header=250), ("step", "fetching the candidates")]
    assert under_way(events) == ("first: fetching the candidates", 0, None)


def test_the_next_video_counts_from_its_own_first_frame():
    events = [*decoded("first", num_frames=237, header=250), *decoded("second", num_frames=1, header=None)]
    assert under_way(events) == ("second", 1, None)


def test_a_model_that_is_loaded_is_no_work_of_the_video():
    assert under_way([("video", "first"), ("step", "loading the model of clip_scores")]) == (
        "loading the model of clip_scores",
        0,
        None,
    )


@pytest.fixture
def _asked_anew() -> Iterator[None]:
    output._commands.cache_clear()
    yield
    output._commands.cache_clear()


ADVICE = "run `thumb-assets run --stages stills`, then thumb-assets desk"


@pytest.mark.usefixtures("_asked_anew")
def test_advice_names_the_command_as_it_was_started(monkeypatch):
    monkeypatch.setenv("UV", "/usr/bin/uv")
    assert as_typed(ADVICE) == "run `uv run thumb-assets run --stages stills`, then uv run thumb-assets desk"


@pytest.mark.usefixtures("_asked_anew")
def test_advice_names_the_program_alone_where_a_shell_finds_it():
    assert as_typed(ADVICE) == ADVICE


@pytest.mark.usefixtures("_asked_anew")
def test_advice_names_the_interpreter_where_no_shell_finds_the_program(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    start = f"{shlex.quote(sys.executable)} -m thumb_assets"
    assert as_typed(ADVICE) == f"run `{start} run --stages stills`, then {start} desk"
    typed = as_typed("thumb-assets run --help")
    assert "Usage:" in subprocess.run(shlex.split(typed), capture_output=True, text=True, check=True).stdout


@pytest.mark.usefixtures("_asked_anew")
@pytest.mark.parametrize(
    "text", ["/srv/thumb-assets run/a.mp4", "a later version of thumb-assets wrote it", "clip.mp4"]
)
def test_other_texts_with_the_name_stay(monkeypatch, text):
    monkeypatch.setenv("UV", "/usr/bin/uv")
    assert as_typed(text) == text
