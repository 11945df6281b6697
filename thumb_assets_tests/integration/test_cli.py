"""The commands as a person types them: output, exit codes, bad input, and the command lines of the pages."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from thumb_assets.cli import main
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.contracts import TABLES
from thumb_assets_tests.support.track_headers import add_box, dolby_vision
from thumb_assets_tests.support.web import free_port

MakeVideo = Callable[[str], Path]
REPOSITORY = Path(__file__).resolve().parents[2]
STAGES = "videos,frames,shots,candidate_frames,sharpness,selections,stills"


def thumb_assets(*arguments: object, is_isolated: bool = False, standard_input: str | None = None) -> Result:
    """Runs a command as typed; by default without a child process, which would load everything again."""
    command = [str(argument) for argument in arguments]
    if command[0] in {"run", "backfill"} and not is_isolated:
        command[1:1] = ["--set", "video.is_isolated=false"]
    result = CliRunner().invoke(main, command, input=standard_input)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize("name", ["dolby_vision", "size_change"])
def test_show_says_of_a_video_what_the_run_said(synthetic_videos: MakeVideo, tmp_path: Path, name: str) -> None:
    video = tmp_path / "film.mp4"
    shutil.copyfile(synthetic_videos("size_change" if name == "size_change" else "cfr"), video)
    if name == "dolby_vision":
        record = dolby_vision(5, 0)
        add_box(video, (8 + len(record)).to_bytes(4, "big") + b"dvcC" + record)
    ran = thumb_assets("run", video, "--stages", "videos,frames,catalog", "--data-dir", tmp_path / "data")
    shown = thumb_assets("show", "film", "--data-dir", tmp_path / "data")
    said = {"dolby_vision": "Dolby Vision profile 5 is not converted", "size_change": "the picture size changes"}[name]
    (note,) = [line for line in ran.output.splitlines() if said in line]
    assert note in shown.output.splitlines()


def test_run_prints_the_selections_and_where_the_stills_are(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    video = synthetic_videos("multi_shot")
    result = thumb_assets("run", video, "--stages", STAGES, "--data-dir", data_dir, is_isolated=True)
    assert result.exit_code == 0, result.output
    assert re.search(r"multi_shot-[0-9a-f]{8}\s+1\s+\d+", result.output)
    assert str(data_dir / "stills") in result.output
    assert len(list((data_dir / "stills").rglob("*_f*.jpg"))) == 3
    shown = thumb_assets("show", "multi", "--data-dir", data_dir)
    assert shown.exit_code == 0
    assert "rank 1 of 3" in shown.output
    assert "too_flat" in shown.output or "lower_score" in shown.output


def test_show_without_a_video_lists_those_that_were_run(synthetic_videos: MakeVideo, tmp_path: Path) -> None:
    data_dir, damaged = tmp_path / "data", tmp_path / "damaged.mp4"
    nothing = thumb_assets("show", "--data-dir", data_dir)
    assert nothing.exit_code == 1
    assert re.search("run `.* run PATH` first", nothing.output)
    damaged.write_bytes(synthetic_videos("cfr").read_bytes()[:2000])
    thumb_assets(
        "run", synthetic_videos("multi_shot"), damaged, "--stages", f"{STAGES},catalog", "--data-dir", data_dir
    )
    shown = thumb_assets("show", "--data-dir", data_dir)
    assert shown.exit_code == 0, shown.output
    assert re.search(r"^multi_shot-[0-9a-f]{8} +\S+multi_shot\S* +3 +done", shown.output, re.MULTILINE)
    assert re.search(rf"^damaged-[0-9a-f]{{8}} +{re.escape(str(damaged))} +0 +failed", shown.output, re.MULTILINE)
    wrong = thumb_assets("show", "--why", "--data-dir", data_dir)
    assert (wrong.exit_code, "--why tells of one video" in wrong.output) == (2, True)


@pytest.mark.parametrize("asking", [("--recompute",), ("--set", "library.content_hash=always")])
def test_a_content_that_changed_behind_size_and_time_is_another_video(
    asking: tuple[str, ...], synthetic_videos: MakeVideo, data_dir: Path
) -> None:
    path = data_dir / "videos" / "clip.mp4"
    path.parent.mkdir()
    content = synthetic_videos("one_frame").read_bytes()
    path.write_bytes(content)
    command = ("run", path, "--stages", "videos", "--data-dir", data_dir)
    assert thumb_assets(*command).exit_code == 0
    (before,) = TableStore(data_dir).video_ids("videos")
    status = path.stat()
    path.write_bytes(content.replace(b"Lavf", b"Lbvf"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.read_bytes() != content
    result = thumb_assets(*command, *asking)
    assert result.exit_code == 0, result.output
    (after,) = TableStore(data_dir).video_ids("videos")
    assert after != before


NASTY_NAMES = [
    "with space.mp4",
    "comma,name.mp4",
    "emoji \U0001f3ac.mp4",
    "quote'\".mp4",
    "..mp4",
    "a..b.mp4",
    "-v.mp4",
]


def test_nasty_names_work_and_nothing_leaves_the_data_folder(
    synthetic_videos: MakeVideo, tmp_path: Path, data_dir: Path
) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    for number, name in enumerate(NASTY_NAMES):
        shutil.copyfile(synthetic_videos("one_frame" if number % 2 else "cfr"), folder / name)
    before = {path for path in tmp_path.rglob("*") if data_dir not in path.parents}
    paths = [folder / name for name in NASTY_NAMES]
    result = thumb_assets("run", "--stages", STAGES, "--data-dir", data_dir, "--", *paths)
    assert result.exit_code == 0, result.output
    assert len(TableStore(data_dir).video_ids("stills")) == len(NASTY_NAMES)
    assert {path for path in tmp_path.rglob("*") if data_dir not in path.parents} == before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("text", "is not a video"),
        ("audio_only", "no video stream"),
        ("zero_byte", "empty"),
        ("header_only", ""),
    ],
)
def test_bad_files_get_one_line_and_the_others_are_done(
    name: str, words: str, synthetic_videos: MakeVideo, data_dir: Path
) -> None:
    bad, good = synthetic_videos(name), synthetic_videos("one_frame")
    result = thumb_assets("run", bad, good, "--stages", STAGES, "--data-dir", data_dir, is_isolated=True)
    assert result.exit_code == 1
    lines = [line for line in result.output.splitlines() if str(bad) in line]
    assert len(lines) == 1
    assert words in lines[0]
    assert "Traceback" not in result.output
    assert len(list((data_dir / "stills").rglob("*_f*.jpg"))) == 1
    verbose = thumb_assets("--verbose", "run", bad, "--stages", STAGES, "--data-dir", data_dir)
    assert "Traceback" in verbose.output or "Error" in verbose.output


def test_missing_paths_and_folders_without_videos_are_named(
    synthetic_videos: MakeVideo, tmp_path: Path, data_dir: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    missing, good = tmp_path / "nowhere.mp4", synthetic_videos("one_frame")
    result = thumb_assets("run", missing, empty, good, "--stages", STAGES, "--data-dir", data_dir)
    assert result.exit_code == 1
    assert sum(str(missing) in line for line in result.output.splitlines()) == 1
    assert sum(f"{empty}" in line and "error" in line for line in result.output.splitlines()) == 1
    assert len(list((data_dir / "stills").rglob("*_f*.jpg"))) == 1


def test_an_empty_library_is_an_error(data_dir: Path) -> None:
    result = thumb_assets("run", "--data-dir", data_dir)
    assert result.exit_code == 1
    assert "library" in result.output


def test_a_library_file_that_cannot_be_used_counts(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    library = data_dir / "videos"
    library.mkdir()
    shutil.copyfile(synthetic_videos("one_frame"), library / "good.mp4")
    (library / "dangling.mp4").symlink_to(data_dir / "nowhere.mp4")
    result = thumb_assets("run", "--stages", STAGES, "--data-dir", data_dir)
    assert result.exit_code == 1
    assert sum("dangling.mp4" in line for line in result.output.splitlines()) == 1
    assert len(list((data_dir / "stills").rglob("*_f*.jpg"))) == 1


def test_what_ends_a_run_besides_videos_is_told(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (data_dir / "videos").mkdir()
    shutil.copyfile(synthetic_videos("one_frame"), data_dir / "videos" / "clip.mp4")
    result = thumb_assets("backfill", "--data-dir", data_dir, "--set", "clip.device=mps")
    assert result.exit_code == 1
    assert "clip.device is mps" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--stages", "sharpnes"],
        ["run", "--stages", ","],
        ["run", "--set", "selection.topk=3"],
        ["run", "--profile", "quick"],
        ["backfill", "--assets", "nothing"],
        ["paint"],
        ["models", "fetch", "no-such-model"],
    ],
)
def test_wrong_usage_exits_2_with_one_line(
    arguments: list[str], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THUMB_ASSETS_DATA_DIR", str(data_dir))
    result = thumb_assets(*arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output


def test_backfill_runs_what_is_missing_then_what_failed(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    library = data_dir / "videos"
    library.mkdir()
    for name in ("cfr", "text"):
        shutil.copyfile(synthetic_videos(name), library / synthetic_videos(name).with_suffix(".mp4").name)
    arguments = ("--assets", STAGES, "--data-dir", data_dir)
    first = thumb_assets("backfill", *arguments)
    assert first.exit_code == 1
    assert sum("text.mp4" in line for line in first.output.splitlines()) == 1
    shutil.copyfile(synthetic_videos("one_frame"), library / "text.mp4")
    second = thumb_assets("backfill", "--missing", *arguments)
    assert second.exit_code == 0, second.output
    assert "nothing to do" in thumb_assets("backfill", "--missing", *arguments).output
    assert len(TableStore(data_dir).video_ids("stills")) == 2


@pytest.mark.slow
def test_demo_runs_through_dagster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = thumb_assets("demo", "--data-dir", tmp_path / "data")
    assert result.exit_code == 0, result.output
    store = TableStore(tmp_path / "data")
    assert len(store.video_ids("stills")) == 2
    # Three of the one, and a single one of the other: a shot of five seconds whose candidates are all alike.
    assert len(list(store.stills_root.rglob("*_f*.jpg"))) == 5
    for video_id in store.video_ids("stills"):  # from the embedded model, without a hub
        scores = store.read("clip_scores", video_id)
        assert scores.num_rows == store.read("candidate_frames", video_id).num_rows
        assert scores.column("clip_score").null_count == 0
        # Looked for by default, without a hub; a model's file comes with the development install.
        assert store.read("faces", video_id).schema.names == list(TABLES["faces"].column_names)
        assert store.footer("faces", video_id)["model_sha256"]
    assert "bigbuckbunny-" in result.output
    assert "bikes-" in result.output
    assert "thumb-assets ui" in result.output
    exported = thumb_assets("export", "csv", tmp_path / "set", "--data-dir", tmp_path / "data")
    rows = pd.read_csv(tmp_path / "set" / "stills.csv").set_index("video_id")[["licence", "author"]].drop_duplicates()
    bunny, bikes = rows.sort_index().fillna("").itertuples(index=False, name=None)
    assert bunny == ("CC-BY-3.0", "Blender Foundation")
    assert bikes == ("", "")
    assert "the licence of 1 video is not known (bikes-" in exported.output
    assert (tmp_path / "data" / "dagster" / "history").exists()


def test_ui_answers_and_knows_the_code_location(data_dir: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "thumb_assets.cli", "ui", "--port", str(port), "--data-dir", str(data_dir)]
    # Shells have what a script starts in the background ignore SIGINT; it must end on SIGTERM all the same.
    in_background = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]
    process = subprocess.Popen(in_background, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=data_dir)
    try:
        query = b'{"query": "{ assetNodes { id } }"}'
        answer = ""
        for _ in range(600):
            try:
                request = urllib.request.Request(
                    f"http://127.0.0.1:{port}/graphql", query, {"Content-Type": "application/json"}
                )
                answer = urllib.request.urlopen(request, timeout=5).read().decode()
                if "stills" in answer:
                    break
            except OSError:
                pass
            time.sleep(0.5)
        assert "stills" in answer
        assert "clip_scores" in answer
        assert (data_dir / "dagster" / "dagster.yaml").exists()
    finally:
        process.terminate()
        process.wait(timeout=180)  # `dagster dev` itself gives each of its two services a minute


def documented_commands() -> list[str]:
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return list(dict.fromkeys(line for block in blocks for line in block.splitlines() if "thumb-assets" in line))


# Commands that run until they are interrupted, or need labels, a model file or another server: tests of their own run
# them. Here their options and settings are read.
ONLY_READ = ("demo", "serve", "ui", "learn", "desk", "mcp", "export", "search", "collections", "gallery", "watch")
ONLY_READ_WITH = ("--profile cpu", "--set judge.url", "shots.detector=transnet", "ViT-L-14", "laion-aesthetic")
# Commands that need more than a library of one video whose stages were run.
BEFORE = {
    "chapters": ["run", "--set", "chapters.is_on=true", "--stages", "chapters"],
    "unpin": ["pin", "my-clip", "13"],
}


@pytest.fixture(scope="module")
def library_of_one(synthetic_videos: MakeVideo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documented") / "data"
    (folder / "videos").mkdir(parents=True)
    shutil.copyfile(synthetic_videos("cfr"), folder / "videos" / "my-clip.mp4")
    stages = f"{STAGES},appearance,clip_scores"
    assert thumb_assets("run", "--stages", stages, "--data-dir", folder).exit_code == 0
    return folder


@pytest.mark.parametrize("line", documented_commands())
def test_documented_commands_are_right(
    line: str, library_of_one: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a library of one prepared video."""
    typed, _, standard_input = line.split("thumb-assets", 1)[1].partition(" < ")
    name, *arguments = shlex.split(typed, comments=True)
    if name in ONLY_READ or any(option in line for option in ONLY_READ_WITH):
        assert thumb_assets(name, "--help").exit_code == 0
        assert arguments == [] or name not in {"demo", "serve", "ui"}
        asked = main.commands[name].make_context(name, arguments).params
        load_settings(asked.get("profile") or "default", overrides=asked.get("overrides", ()))
        return
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    data_dir = shutil.copytree(library_of_one, tmp_path / "data")
    monkeypatch.setenv("THUMB_ASSETS_DATA_DIR", str(data_dir))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(data_dir / "videos", tmp_path / "path" / "to" / "videos")
    shutil.copyfile(data_dir / "videos" / "my-clip.mp4", tmp_path / "my-clip.mp4")
    for folder in (tmp_path, data_dir / "videos"):
        (folder / "my-clip.srt").write_text("1\n00:00:00,200 --> 00:00:01,200\nThe budget for the next year\n")
    if name in BEFORE:
        assert thumb_assets(*BEFORE[name]).exit_code == 0
    decided = "video,frame\nmy-clip,8\n" if standard_input else None
    result = thumb_assets(name, *arguments, standard_input=decided)
    assert result.exit_code == 0, result.output


def test_python_snippet_of_the_readme_reads_the_tables(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    import pandas as pd

    video = synthetic_videos("multi_shot")
    assert thumb_assets("run", video, "--stages", STAGES, "--data-dir", data_dir).exit_code == 0
    selections = pd.read_parquet(data_dir / "tables" / "selections")
    assert sorted(selections["rank"]) == [1, 2, 3]


def test_a_name_that_is_no_text_is_shown_escaped() -> None:
    code = "from thumb_assets.cli.output import out; out.print('caf\\udce9')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"caf\\udce9\n"


def test_a_log_gets_a_line_as_each_video_is_finished(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    clips = [synthetic_videos(name) for name in ("one_frame", "cfr")]
    result = thumb_assets("run", *clips, "--stages", "videos,frames", "--data-dir", data_dir)
    finished = [line for line in result.stdout.splitlines() if "worked through" in line]
    assert [line.rpartition("-")[0] for line in finished] == [
        "1 of 2 videos worked through: one_frame",
        "2 of 2 videos worked through: cfr",
    ]


@pytest.mark.parametrize(
    "command",
    ["gallery OUT", "search bicycle", "export csv OUT", "survey", "what-if", "show clip", "report", "chapters clip"],
)
def test_an_empty_library_says_alike_everywhere_what_to_run(command: str, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    result = thumb_assets(*command.replace("OUT", str(tmp_path / "out")).split(), "--data-dir", data_dir)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "run `thumb-assets run PATH` first" in result.output
    assert not data_dir.exists()


def test_a_path_that_is_not_there_gets_one_line_and_no_data_folder(tmp_path: Path) -> None:
    result = thumb_assets("run", tmp_path / "nowhere", "--data-dir", tmp_path / "data")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert not (tmp_path / "data").exists()
