"""The desk over a real video, asked as its pages ask: exact frames, decisions and stills, two tabs, hostile paths."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from thumb_assets.cli import main
from thumb_assets.errors import RUN_FIRST, SettingsError
from thumb_assets.library.decide import decisions_of
from thumb_assets.settings.config import read_configuration
from thumb_assets.store.collections import collections
from thumb_assets.store.decisions import decide
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.desk import Asking, desk_of
from thumb_assets_tests.support.processes import descendants_of, is_running, wait_until
from thumb_assets_tests.support.running import register, run_stages
from thumb_assets_tests.support.synthetic import read_frame_index

STAGES = ("videos", "frames", "shots", "candidate_frames", "sharpness", "selections", "stills", "catalog")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("desk") / "data"


@pytest.fixture(scope="module")
def video_id(synthetic_videos: Callable[[str], Path], data_dir: Path) -> str:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    run_stages(data_dir, [video_id], stages=STAGES)
    return video_id


@pytest.fixture(scope="module")
def desk(data_dir: Path, video_id: str) -> Iterator[Asking]:
    with desk_of(data_dir) as asking:
        yield asking


@pytest.fixture(autouse=True)
def nothing_decided(desk: Asking, video_id: str) -> Iterator[None]:
    yield
    desk.wait_for_stills()
    standing = desk.json(f"/api/video/{video_id}/decisions")[1]
    desk.json(f"/api/video/{video_id}/restore", {"decisions": {}, "seen": standing["version"]})
    desk.wait_for_stills()


def facts(desk: Asking, video_id: str) -> dict[str, object]:
    status, answer = desk.json(f"/api/video/{video_id}")
    assert status == 200, answer
    return answer


def selected(data_dir: Path, video_id: str) -> list[int]:
    return TableStore(data_dir).read("selections", video_id).sort_by("rank").column("frame_index").to_pylist()


@pytest.mark.parametrize("frame_index", [0, 1, 100, 215])
@pytest.mark.parametrize("size", ["small", "large"])
def test_a_frame_is_the_one_that_was_asked_for(desk: Asking, video_id: str, frame_index: int, size: str) -> None:
    for _ in range(2):  # made, then kept
        status, headers, content = desk.get(f"/frame/{video_id}/{frame_index}/{size}")
        assert (status, headers["content-type"]) == (200, "image/jpeg")
        assert "immutable" in headers["cache-control"]
        picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        assert picture.shape == (180, 320, 3)
        assert read_frame_index(picture) == frame_index


def test_the_video_has_the_scores_of_every_frame(desk: Asking, video_id: str) -> None:
    answer = facts(desk, video_id)
    assert len(answer["seconds"]) == 216
    assert {name: len(values) for name, values in answer["series"].items()} == dict.fromkeys(
        ("sharpness", "brightness", "contrast", "change"), 216
    )
    assert answer["series"]["change"][0] is None
    assert len(answer["shots"]) == 6
    assert answer["shots"][0]["start"] == 0
    assert answer["shots"][-1]["end"] == pytest.approx(answer["duration"])
    chosen = [each for each in answer["candidates"] if each["rank"]]
    assert {each["frame_index"] for each in chosen}.isdisjoint(answer["runners_up"])
    assert len(chosen) + len(answer["runners_up"]) == len(answer["candidates"])
    _, why = desk.json(f"/api/video/{video_id}/why/{chosen[0]['frame_index']}")
    assert "selected with score" in why["why"]
    assert "no candidate" in desk.json(f"/api/video/{video_id}/why/1")[1]["why"]


def test_the_file_is_served_in_parts(desk: Asking, video_id: str, synthetic_videos: Callable[[str], Path]) -> None:
    content = synthetic_videos("multi_shot").read_bytes()
    status, headers, part = desk.get(f"/media/{video_id}", {"Range": "bytes=10-19"})
    assert (status, part) == (206, content[10:20])
    assert headers["content-type"] == "video/mp4"
    assert headers["content-range"] == f"bytes 10-19/{len(content)}"
    assert desk.get(f"/media/{video_id}", {"Range": f"bytes={len(content)}-"})[0] == 416


def test_a_decision_is_stored_at_once_and_its_stills_follow(desk: Asking, video_id: str, data_dir: Path) -> None:
    before = facts(desk, video_id)
    frame = next(index for index in before["runners_up"])
    said = {"frame_index": frame, "word": "cover", "seen": before["version"]}
    status, standing = desk.json(f"/api/video/{video_id}/decide", said)
    assert (status, standing["decisions"]) == (200, {str(frame): "cover"})
    assert decisions_of(TableStore(data_dir), video_id) == {frame: "cover"}
    assert desk.json("/api/library/videos?is_decided=yes")[1]["num_videos"] == 1
    desk.wait_for_stills()
    work = desk.json("/api/work")[1][video_id]
    assert (work["state"], work["step"]) == ("done", "")
    assert selected(data_dir, video_id)[0] == frame
    cover = desk.json("/api/library/videos")[1]["videos"][0]["cover"]
    status, _, content = desk.get(f"/cover/{video_id}/{cover}")
    assert status == 200
    assert Image.open(io.BytesIO(content)).size == (320, 180)  # as large as the still
    undone = {"decisions": before["decisions"], "seen": standing["version"]}
    assert desk.json(f"/api/video/{video_id}/restore", undone) == (
        200,
        {"decisions": {}, "version": before["version"]},
    )
    desk.wait_for_stills()
    assert selected(data_dir, video_id) == [each["frame_index"] for each in _by_rank(before)]


def _by_rank(answer: dict[str, object]) -> list[dict[str, object]]:
    return sorted((each for each in answer["candidates"] if each["rank"]), key=lambda each: each["rank"])


def test_a_former_cover_is_the_cover_again_when_the_next_one_is_undone(desk: Asking, video_id: str) -> None:
    version = facts(desk, video_id)["version"]
    for frame in (5, 50):
        said = {"frame_index": frame, "word": "cover", "seen": version}
        version = desk.json(f"/api/video/{video_id}/decide", said)[1]["version"]
    assert facts(desk, video_id)["decisions"] == {"5": "pin", "50": "cover"}
    desk.json(f"/api/video/{video_id}/restore", {"decisions": {"5": "cover"}, "seen": version})
    assert facts(desk, video_id)["decisions"] == {"5": "cover"}


def test_the_second_of_two_tabs_is_told_and_overwrites_nothing(desk: Asking, video_id: str, data_dir: Path) -> None:
    seen = facts(desk, video_id)["version"]
    first = desk.json(f"/api/video/{video_id}/decide", {"frame_index": 3, "word": "pin", "seen": seen})
    second = desk.json(f"/api/video/{video_id}/decide", {"frame_index": 3, "word": "ban", "seen": seen})
    assert first[0] == 200
    assert second[0] == 409
    assert "somebody else decided on this video meanwhile" in second[1]["error"]
    decide(TableStore(data_dir), video_id, {4: "ban"})  # a command at the same time
    status, _ = desk.json(f"/api/video/{video_id}/restore", {"decisions": {}, "seen": first[1]["version"]})
    assert status == 409
    assert decisions_of(TableStore(data_dir), video_id) == {3: "pin", 4: "ban"}


@pytest.mark.parametrize(
    "said",
    [
        {"frame_index": 10**9, "word": "pin"},
        {"frame_index": -1, "word": "pin"},
        {"frame_index": 1, "word": "explode"},
        {"frame_index": 1, "word": "unpin"},
        {"frame_index": "1; --", "word": "pin"},
        {"word": "pin"},
        [],
    ],
)
def test_a_word_that_makes_no_sense_is_refused_in_one_line(desk: Asking, video_id: str, said: object) -> None:
    seen = facts(desk, video_id)["version"]
    asked = {**said, "seen": seen} if isinstance(said, dict) else said
    status, answer = desk.json(f"/api/video/{video_id}/decide", asked)
    assert status in {400, 422}
    assert len(answer["error"].splitlines()) == 1
    assert facts(desk, video_id)["decisions"] == {}


HOSTILE = (
    "..",
    "%2e%2e",
    "..%2f..%2fetc%2fpasswd",
    "a/../../b",
    ".",
    "%00",
    "x" * 5000,
    "%F0%9F%92%A9",
    "a%0Ab",
    "nobody-1",
)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "path", ["/media/{}", "/api/video/{}", "/frame/{}/0/small", "/cover/{}/0123456789abcdef", "/static/{}"]
)
def test_nothing_outside_is_served(desk: Asking, path: str, name: str) -> None:
    status, headers, content = desk.get(path.format(name))
    assert 400 <= status < 500, content[:200]
    assert b"root:" not in content
    assert b"Traceback" not in content
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("rest", ["0/huge", "216/small", "-1/small", "1e9/small", "0/../small", "0/small/more"])
def test_a_picture_that_there_is_not_is_refused(desk: Asking, video_id: str, rest: str) -> None:
    assert 400 <= desk.get(f"/frame/{video_id}/{rest}")[0] < 500


@pytest.mark.parametrize("sha256", ["..%2f..%2fx", "0123456789abcde", "0123456789ABCDEF", "0000000000000000"])
def test_a_cover_is_known_by_its_hash_alone(desk: Asking, video_id: str, sha256: str) -> None:
    assert desk.get(f"/cover/{video_id}/{sha256}")[0] == 404


def test_covers_are_made_before_a_page_asks_for_them(desk: Asking, video_id: str, data_dir: Path) -> None:
    cover = desk.json("/api/library/videos")[1]["videos"][0]["cover"]
    path = data_dir / "desk" / "covers" / video_id / f"{cover}.jpg"
    wait_until(path.is_file, "the cover is made")
    content = path.read_bytes()
    assert Image.open(io.BytesIO(content)).size == (320, 180)
    path.write_bytes(content[:100])  # as a power cut may leave it
    assert desk.get(f"/cover/{video_id}/{cover}")[2] == content
    assert path.read_bytes() == content


def test_settings_are_compared_and_kept(synthetic_videos: Callable[[str], Path], tmp_path: Path) -> None:
    (video_id,) = register(tmp_path, [synthetic_videos("multi_shot")])
    run_stages(tmp_path, [video_id], stages=STAGES)
    before = selected(tmp_path, video_id)
    changes = {"selection.top_k": 1}
    with desk_of(tmp_path) as desk:
        assert desk.json("/api/compare/settings")[1]["values"]["selection.top_k"] == 3
        status, answer = desk.json("/api/compare/select", {"changes": changes})
        assert status == 200
        (video,) = answer["videos"]
        assert [frame for frame, _ in video["now"]] == before
        assert [frame for frame, _ in video["then"]] == before[:1]
        assert video["is_change"]
        assert desk.json("/api/compare/count", {"changes": changes})[1] == {"num_changed": 1, "num_videos": 1}
        assert selected(tmp_path, video_id) == before  # so far nothing is kept
        for wrong in ({"selection.top_k": -1}, {"selection.weights.sharpness": "much"}, {"models.licence": "any"}):
            for path in ("select", "count", "keep"):
                status, answer = desk.json(f"/api/compare/{path}", {"changes": wrong})
                assert (status, len(answer["error"].splitlines())) == (400, 1)
        assert not (tmp_path / "thumb_assets.toml").exists()
        kept = desk.json("/api/compare/keep", {"changes": changes, "is_remade": True})[1]
        assert kept == {"path": "thumb_assets.toml", "num_remade": 1}
        assert read_configuration(tmp_path).settings.selection.top_k == 1
        desk.wait_for_stills()
        assert selected(tmp_path, video_id) == before[:1]
        assert desk.json("/api/compare/settings")[1]["values"]["selection.top_k"] == 1


def test_a_search_says_why_and_what_is_wrong_in_one_line(desk: Asking, video_id: str) -> None:
    status, answer = desk.json("/api/search/frames?where=pts_seconds%3C1&limit=2")
    assert status == 200
    assert len(answer["found"]) == 2
    assert all(each["pts_seconds"] < 1 and each["why"].startswith("pts_seconds ") for each in answer["found"])
    assert answer["videos"][video_id] == {
        "name": "multi_shot.mp4",
        "is_waiting": False,
        **desk.json(f"/api/video/{video_id}/decisions")[1],
    }
    assert answer["is_more_possible"]
    for question, said in (
        ("", "nothing is asked for"),
        ("words=%20&where=%20", "nothing is asked for"),
        ("words=goal", "nothing here can be searched by words"),
        (f"like={video_id}", "write VIDEO:FRAME"),
        ("like=..%2f..:3", "is no video that was run here"),
        (f"like={video_id}:3&words=x", "either words or an example"),
        ("where=%3Cimg%3E", "is no range of a score"),
        ("where=num_faces%3E0", "run the stage that measures it first"),
        ("where=pts_seconds%3E0&limit=100000", "limit"),
    ):
        status, answer = desk.json(f"/api/search/frames?{question}")
        assert 400 <= status < 500, question
        assert said in answer["error"], question
        assert len(answer["error"].splitlines()) == 1


def test_a_search_follows_the_library(synthetic_videos: Callable[[str], Path], tmp_path: Path) -> None:
    run_stages(tmp_path, register(tmp_path, [synthetic_videos("multi_shot")]), stages=STAGES)
    with desk_of(tmp_path) as desk:
        (video_id,) = desk.desk.store.video_ids("selections")
        status, answer = desk.json(f"/api/search/frames?like={video_id}:3")
        assert (status, "run the stages appearance,clip_scores first" in answer["error"]) == (404, True)
        path = "/api/search/frames?where=pts_seconds%3E=0&per_video=1"
        assert len(desk.json(path)[1]["found"]) == 1
        run_stages(tmp_path, register(tmp_path, [synthetic_videos("cfr")]), stages=STAGES)
        assert len(desk.json(path)[1]["found"]) == 2


def test_frames_are_collected_by_the_desk(desk: Asking, video_id: str, data_dir: Path) -> None:
    asked = {"name": "night & <day>", "video_id": video_id, "frames": [3, 40]}
    assert desk.json("/api/search/collect", asked) == (200, {"num_new": 2})
    assert desk.json("/api/search/collect", asked) == (200, {"num_new": 0})
    assert desk.json("/api/search/collections")[1] == {"night & <day>": 2}
    for wrong in ({"name": " "}, {"name": "a\x1bb"}, {"video_id": "nobody-1"}, {"frames": [10**9]}, {"frames": []}):
        status, answer = desk.json("/api/search/collect", asked | wrong)
        assert 400 <= status < 500, wrong
        assert len(answer["error"].splitlines()) == 1
    assert collections(TableStore(data_dir)).keys() == {"night & <day>"}


def test_a_video_leads_to_its_partition_where_the_address_is_known(data_dir: Path, video_id: str) -> None:
    assert read_configuration(data_dir).settings.desk.dagster_url == ""
    with desk_of(data_dir, "desk.dagster_url=http://127.0.0.1:3000") as asking:
        where = f"http://127.0.0.1:3000/assets/selections?view=partitions&partition={video_id}"
        assert facts(asking, video_id)["partition"] == where
    with pytest.raises(SettingsError, match=r"desk\.url"):
        read_configuration(data_dir, overrides=["desk.url=javascript:alert(1)"])


def test_the_library_is_written_as_files_instead(data_dir: Path, video_id: str, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    result = CliRunner().invoke(main, ["desk", "--static", str(folder), "--data-dir", str(data_dir)])
    assert result.exit_code == 0, result.output
    assert str(folder / "index.html") in result.output.replace("\n", "")
    assert video_id in (folder / "index.html").read_text(encoding="utf-8")


def test_a_decoder_that_dies_costs_one_picture(desk: Asking, video_id: str) -> None:
    assert desk.get(f"/frame/{video_id}/40/small")[0] == 200
    desk.desk.pictures.frames._process.kill()
    desk.desk.pictures.frames._process.join()
    status, _, content = desk.get(f"/frame/{video_id}/41/small")
    assert status == 200
    assert read_frame_index(np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))) == 41


def test_a_file_that_is_gone_is_named(synthetic_videos: Callable[[str], Path], tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(synthetic_videos("multi_shot").read_bytes())
    (video_id,) = register(tmp_path / "data", [clip])
    run_stages(tmp_path / "data", [video_id], stages=STAGES)
    clip.unlink()
    with desk_of(tmp_path / "data") as desk:
        status, answer = desk.json(f"/api/video/{video_id}")
        assert status == 200
        for path in (f"/frame/{video_id}/3/small", f"/media/{video_id}"):
            status, _, content = desk.get(path)
            assert status == 400
            assert b"clip.mp4" in content or b"is not in the library" in content
        said = {"frame_index": 3, "word": "pin", "seen": answer["version"]}
        assert desk.json(f"/api/video/{video_id}/decide", said)[0] == 400


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_command_serves_until_it_is_ended_and_leaves_no_process(
    data_dir: Path, video_id: str, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "thumb_assets", "desk", "--port", "0", "--data-dir", str(data_dir)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        address = re.search(r"http://\S+", process.stderr.readline())[0]
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert b"<title>Library - desk</title>" in answer.read()
        wait_until(lambda: descendants_of(process.pid), "the decoder has started")
        below = descendants_of(process.pid)
        process.send_signal(number)
        rest = process.communicate(timeout=30)[1]
    assert "Traceback" not in rest
    assert "leaked" not in rest
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    assert rest == ("" if number == signal.SIGKILL else "stopped\n")
    wait_until(lambda: not any(map(is_running, below)), "its processes have ended", seconds=20)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_catalog_that_is_missing_is_made_before_the_pages_ask(
    synthetic_videos: Callable[[str], Path], tmp_path: Path
) -> None:
    (video_id,) = register(tmp_path, [synthetic_videos("multi_shot")])
    run_stages(tmp_path, [video_id], stages=STAGES)
    TableStore(tmp_path).catalog_path.unlink()
    command = [sys.executable, "-m", "thumb_assets", "desk", "--port", "0", "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert "made again from the tables" in process.stderr.readline()
        address = re.search(r"http://\S+", process.stderr.readline())[0]
        with urllib.request.urlopen(f"{address}api/library/videos", timeout=60) as answer:
            assert json.load(answer)["num_videos"] == 1
        process.kill()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "give --token or put one into THUMB_ASSETS_DESK_TOKEN"),
        (["--token", "short"], "must be at least 16 letters"),
        (["--host", "192.0.2.1", "--token", "0123456789abcdef"], "name another --port or --host"),
    ],
)
def test_an_address_that_is_not_safe_or_not_ours_is_refused(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THUMB_ASSETS_DESK_TOKEN", raising=False)
    result = CliRunner().invoke(main, ["desk", *options, "--data-dir", str(tmp_path)])
    assert result.exit_code == 2
    assert said in result.output
    assert len(result.output.splitlines()) == 1


def test_what_was_decided_when_the_desk_was_killed_is_made_up_for(
    synthetic_videos: Callable[[str], Path], tmp_path: Path
) -> None:
    (video_id,) = register(tmp_path, [synthetic_videos("multi_shot")])
    run_stages(tmp_path, [video_id], stages=STAGES)
    frame = 29
    decide(TableStore(tmp_path), video_id, {frame: "cover"})  # as far as a desk came that died right after
    with desk_of(tmp_path) as desk:
        assert desk.json(f"/api/video/{video_id}")[1]["decisions"] == {"29": "cover"}
        desk.wait_for_stills()
        assert selected(tmp_path, video_id)[0] == frame


def test_an_empty_data_folder_says_what_to_do(tmp_path: Path) -> None:
    with desk_of(tmp_path / "new") as desk:
        status, answer = desk.json("/api/library/videos")
        assert (status, answer["num_videos"]) == (200, 0)
        assert "thumb-assets run" in answer["empty"]
        status, answer = desk.json("/api/review/next", {"who": "somebody-1"})
        assert (status, answer["num_videos"]) == (200, 0)
        status, answer = desk.json("/api/search/frames?words=goal")
        assert (status, answer) == (
            404,
            {"error": f"no video here can be searched; {RUN_FIRST}"},
        )


def test_an_address_of_nothing_is_a_page_in_words_for_people_and_a_line_for_scripts(desk: Asking) -> None:
    status, _, page = desk.get("/nosuch", {"Accept": "text/html,*/*"})
    assert (status, b"There is no such page" in page, b'href="/"' in page) == (404, True, True)
    assert desk.json("/api/nosuch") == (404, {"error": "there is nothing at this address"})
