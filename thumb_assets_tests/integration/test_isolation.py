"""The engine in a child process: what it survives, what it says, and that it leaves nobody behind."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import Pipe
from pathlib import Path

import pytest
from PIL import Image

from thumb_assets.errors import SettingsError, ThumbAssetsError
from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.isolate import run_isolated, warm_engine
from thumb_assets.pipeline.messages import Job
from thumb_assets.pipeline.watching import watching
from thumb_assets.settings.load import load_settings
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.library import Library
from thumb_assets.store.outcomes import failed_video_ids, read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.drawing import draw_frame
from thumb_assets_tests.support.encoding import encode
from thumb_assets_tests.support.events import Heard
from thumb_assets_tests.support.processes import engine_processes, is_running, wait_until
from thumb_assets_tests.support.running import register

STAGES = ("videos", "frames", "shots", "candidate_frames", "sharpness", "selections", "stills", "catalog")


@pytest.fixture
def three_videos(data_dir, synthetic_videos):
    return register(data_dir, [synthetic_videos(name) for name in ("cfr", "b_frames", "portrait")])


def run_and_strike(data_dir, video_ids, victim, strike, *overrides):
    """Results of a run whose child is struck when it comes to the victim."""
    struck = []

    def on_frame(video_id, _frame_index):
        if video_id == victim and not struck:
            (child,) = engine_processes()
            struck.append(child)
            os.kill(child, strike)

    settings = load_settings(overrides=overrides)
    results = list(run_isolated(video_ids, STAGES, settings, TableStore(data_dir), events=Heard(on_frame=on_frame)))
    assert struck
    assert engine_processes() == []
    return results


def test_a_child_whose_parent_is_gone_ends_without_a_word(data_dir: Path) -> None:
    ours, theirs = Pipe()
    watched, lifeline = os.pipe()  # stays open: else the child might be ended before it has something to say
    script = f"from thumb_assets.pipeline.child import serve_jobs; serve_jobs({theirs.fileno()}, {watched})"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, pass_fds=[theirs.fileno(), watched], stderr=subprocess.PIPE) as child:
        theirs.close()
        ours.send(Job([], STAGES, load_settings(), data_dir, is_recomputed=False))
        ours.close()
        _, said = child.communicate(timeout=120)
    os.close(watched)
    os.close(lifeline)
    assert (said, child.returncode) == (b"", 0)


def test_the_results_are_those_of_the_engine(data_dir, three_videos):
    settings = load_settings()
    isolated = list(run_isolated(three_videos, STAGES, settings, TableStore(data_dir)))
    direct = list(run(three_videos, STAGES, settings, TableStore(data_dir), is_recomputed=True))
    assert [(each.video_id, each.stage, each.status) for each in isolated] == [
        (each.video_id, each.stage, each.status) for each in direct
    ]
    for ours, theirs in zip(isolated, direct, strict=True):
        assert {name: table.to_pylist() for name, table in ours.tables.items()} == {
            name: table.to_pylist() for name, table in theirs.tables.items()
        }


def test_no_engine_is_started_for_videos_of_which_nothing_is_to_be_done(data_dir, three_videos):
    def run_again():
        heard = Heard()
        results = list(run_isolated(three_videos, STAGES, settings, store, events=heard))
        assert len(heard.stages_done) == len(results) == len(three_videos) * len(STAGES)
        return set(heard.videos), results  # the engine says to which videos it turns

    settings, store = load_settings(), TableStore(data_dir)
    assert run_again()[0] == set(three_videos)
    turned_to, results = run_again()
    assert turned_to == set()
    told = [(each.video_id, each.stage, each.status, each.is_unchanged, list(each.tables)) for each in results]
    assert told == [
        (each.video_id, each.stage, each.status, each.is_unchanged, list(each.tables))
        for each in run(three_videos, STAGES, settings, store)
    ]
    store.table_path("sharpness", three_videos[0]).unlink()
    min(store.stills_dir(three_videos[1]).glob("*_f*")).unlink()
    turned_to, results = run_again()
    assert turned_to == set(three_videos[:2])
    made = {(each.video_id, each.stage) for each in results if not each.is_unchanged and each.stage != "catalog"}
    assert made == {(three_videos[0], "sharpness"), (three_videos[1], "stills")}
    assert run_again()[0] == set()


@pytest.mark.parametrize(
    ("strike", "overrides", "words", "is_permanent"),
    [
        (signal.SIGSEGV, (), "the process died on it (SIGSEGV)", True),
        (signal.SIGABRT, (), "the process died on it (SIGABRT)", True),
        (signal.SIGKILL, (), "memory", False),
        (signal.SIGSTOP, ("video.stall_seconds=8",), "nothing happened for 8 s", True),
    ],
)
def test_what_kills_the_child_costs_one_video(data_dir, three_videos, strike, overrides, words, is_permanent):
    victim = three_videos[1]
    results = run_and_strike(data_dir, three_videos, victim, strike, *overrides)
    told = [(each.video_id, each.stage) for each in results]
    assert sorted(told) == sorted({(video_id, stage) for video_id in three_videos for stage in STAGES})
    failed = [each for each in results if each.status == "failed"]
    assert {each.video_id for each in failed} == {victim}
    causes = [each for each in failed if each.blocked_by is None]
    assert len(causes) == 1
    assert words in causes[0].message
    assert str(Library(data_dir).find(victim).path) in causes[0].message
    assert "\n" not in causes[0].message
    assert causes[0].error.is_permanent is is_permanent

    store = TableStore(data_dir)
    assert failed_video_ids(store) == [victim]
    assert words in " ".join(str(row.message) for row in read_outcomes(store, victim))
    assert list(store.stills_root.glob(".*")) == []
    shown = Catalog(store.catalog_path).query("SELECT DISTINCT video_id FROM failures")
    assert [row["video_id"] for row in shown] == [victim]
    for video_id in (three_videos[0], three_videos[2]):
        assert store.read("stills", video_id).num_rows > 0

    again = list(run_isolated([victim], STAGES, load_settings(), store))
    assert {each.status for each in again} == {"done"}
    assert failed_video_ids(store) == []


def test_a_hang_that_is_not_the_files_fault_does_not_name_the_file(data_dir, three_videos):
    def on_step(name):
        if name == "loading the model of sharpness":
            (child,) = engine_processes()
            os.kill(child, signal.SIGSTOP)

    settings = load_settings(overrides=["video.stall_seconds=4"])
    words = "loading the model of sharpness: nothing happened for 4 s"
    with watching(Heard(on_step=on_step)), pytest.raises(ThumbAssetsError, match=words) as caught:
        list(run_isolated(three_videos, STAGES, settings, TableStore(data_dir)))
    assert ".mp4" not in str(caught.value)
    assert engine_processes() == []


def test_work_is_reported_alike_from_this_process_and_from_another(data_dir, three_videos):
    heard = {}
    for is_isolated in ("true", "false"):
        heard[is_isolated] = Heard()
        settings = load_settings(overrides=[f"video.is_isolated={is_isolated}"])
        with watching(heard[is_isolated]):
            list(run_isolated(three_videos, STAGES, settings, TableStore(data_dir), is_recomputed=True))
    other, this = heard["true"], heard["false"]
    assert this.stages_done == other.stages_done != []
    assert this.steps == other.steps != []
    assert set(this.videos) == set(other.videos) == set(three_videos)
    assert {video_id for video_id, _ in other.frames} == {video_id for video_id, _ in this.frames} == set(three_videos)


def test_what_was_done_before_the_death_stays_done(data_dir, three_videos):
    victim, store = three_videos[0], TableStore(data_dir)
    done = []
    for result in run_isolated([victim], STAGES, load_settings(), store):
        done += [result.stage] if result.status == "done" else []
        if result.stage == "shots":
            (child,) = engine_processes()
            os.kill(child, signal.SIGSEGV)
    recorded = {row.stage: row.status for row in read_outcomes(store, victim)}
    assert {stage for stage, status in recorded.items() if status == "done"} == set(done)
    assert {"videos", "frames", "shots"} <= set(done)
    later = [stage for stage in STAGES if stage not in {"videos", "frames", "shots"}]
    assert {each.status for each in run_isolated([victim], later, load_settings(), store)} == {"done"}


def test_a_death_in_the_middle_of_a_message_is_a_death(data_dir, tmp_path):
    # A table larger than what a pipe holds: the child waits for the parent to read on, which sends it off instead.
    frames = (draw_frame(i % 4000, width=96, height=54) for i in range(3000))
    (video_id,) = register(data_dir, [encode(tmp_path / "long.mp4", frames)])
    results = run_isolated([video_id], STAGES, load_settings(), TableStore(data_dir))
    next(results)
    (child,) = engine_processes()
    time.sleep(2)
    os.kill(child, signal.SIGSEGV)
    rest = list(results)
    assert [result.stage for result in rest] == list(STAGES[1:])
    assert rest[-1].status == "failed"


@pytest.mark.slow
def test_a_huge_picture_keeps_no_memory_for_the_rest_of_the_run(data_dir, tmp_path, synthetic_videos):
    picture = Image.new("P", (8000, 7990))
    picture.putpalette([0, 0, 0, 255, 255, 255])
    others = [picture.copy() for _ in range(3)]
    for index, other in enumerate(others):
        other.putpixel((index, index), 1)
    huge = tmp_path / "huge.gif"
    picture.save(huge, save_all=True, append_images=others, duration=100)
    names = ("cfr", "b_frames", "portrait", "vfr")
    usual = [synthetic_videos(name) for name in names]
    video_ids = register(data_dir, [usual[0], huge, *usual[1:]])
    held = {}

    def on_frame(video_id, _frame_index):
        for child in engine_processes():
            pages = int(Path(f"/proc/{child}/statm").read_text().split()[1])
            held[video_id] = max(held.get(video_id, 0), pages * os.sysconf("SC_PAGE_SIZE"))

    settings = load_settings()
    results = list(run_isolated(video_ids, STAGES, settings, TableStore(data_dir), events=Heard(on_frame=on_frame)))
    assert {each.video_id for each in results} == set(video_ids)
    last = video_ids[-1]
    assert held[last] < 700e6  # it was 1.9 GB


SLOW_FFMPEG = """#!/bin/sh
case "$*" in *" -i "*) ;; *) exec {ffmpeg} "$@";; esac
echo $$ > {pid_file}
exec sleep 600
"""


def test_a_program_that_was_started_ends_with_the_run(data_dir, synthetic_videos, tmp_path):
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    script, pid_file = tmp_path / "ffmpeg", tmp_path / "pid"
    script.write_text(SLOW_FFMPEG.format(ffmpeg=imageio_ffmpeg.get_ffmpeg_exe(), pid_file=pid_file))
    script.chmod(0o755)
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    overrides = [f"export.ffmpeg_path={script}", "export.backend=ffmpeg", "export.timeout_seconds=5"]
    settings = load_settings(overrides=[*overrides, "video.stall_seconds=60"])
    for result in run_isolated([video_id], STAGES, settings, TableStore(data_dir)):
        if result.stage == "selections":
            deadline = time.monotonic() + 30
            while not pid_file.exists() or not pid_file.read_text().strip():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            (child,) = engine_processes()
            os.kill(child, signal.SIGKILL)
    program = int(pid_file.read_text())
    deadline = time.monotonic() + 5
    while is_running(program) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(program)


def test_the_program_is_to_be_stopped_before_the_run_is():
    with pytest.raises(SettingsError, match="timeout_seconds must be less"):
        load_settings(overrides=["export.backend=ffmpeg", "video.stall_seconds=60"])


def test_a_wrong_setting_is_said_by_the_parent(data_dir, three_videos):
    with pytest.raises(SettingsError, match="does not exist"):
        list(run_isolated(three_videos, ["sharpnes"], load_settings(), TableStore(data_dir)))


def test_a_failure_keeps_its_trace(data_dir, synthetic_videos, tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(synthetic_videos("cfr").read_bytes()[:3000])
    (video_id,) = register(data_dir, [path])
    first, *_ = run_isolated([video_id], STAGES, load_settings(), TableStore(data_dir))
    assert first.status == "failed"
    assert "Traceback" in str(first.error.__cause__)


def test_a_caller_that_stops_early_leaves_no_child(data_dir, three_videos):
    results = run_isolated(three_videos, STAGES, load_settings(), TableStore(data_dir))
    next(results)
    assert len(engine_processes()) == 1
    results.close()
    assert engine_processes() == []


PARENT = """
import os, sys
from pathlib import Path
from thumb_assets.events import Events
from thumb_assets.pipeline.isolate import run_isolated
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.processes import engine_processes

class Printing(Events):
    def frame(self, *_):
        print(*engine_processes(), flush=True)

if __name__ == "__main__":
    list(run_isolated([sys.argv[2]], ["videos"], load_settings(), TableStore(Path(sys.argv[1])), events=Printing()))
"""


def test_a_child_does_not_outlive_a_parent_that_was_killed(data_dir, synthetic_videos, tmp_path):
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    command = [sys.executable, str(script), str(data_dir), video_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 10
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(child)


def test_a_warm_engine_is_one_process_for_several_runs(data_dir, three_videos):
    settings, store = load_settings(), TableStore(data_dir)
    pids = []
    with warm_engine():
        for video_id in three_videos:
            results = list(run_isolated([video_id], STAGES, settings, store))
            assert {each.status for each in results} == {"done"}
            pids += engine_processes()
    assert len(pids) == len(three_videos)
    assert len(set(pids)) == 1
    assert engine_processes() == []


def test_a_warm_engine_that_died_between_two_runs_is_replaced(data_dir, three_videos):
    settings, store = load_settings(), TableStore(data_dir)
    with warm_engine():
        list(run_isolated(three_videos[:1], STAGES, settings, store))
        (child,) = engine_processes()
        os.kill(child, signal.SIGKILL)
        wait_until(lambda: not is_running(child), "the child is gone")
        results = list(run_isolated(three_videos[1:], STAGES, settings, store))
    assert {each.status for each in results} == {"done"}
    assert engine_processes() == []
