"""Uploads to the desk: kept, thrown away with all that was made of them, refused, cut off, or left by a killed desk."""

import base64
import hashlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from thumb_assets.store.library import Library
from thumb_assets.store.outputs import output_files
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.desk import WITHOUT_MODELS, Asking, desk_of
from thumb_assets_tests.support.film import Film, write
from thumb_assets_tests.support.processes import wait_until
from thumb_assets_tests.support.running import register, run_stages

STAGES = ("videos", "frames", "shots", "candidate_frames", "sharpness", "selections", "stills", "catalog")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("clip") / "a clip.mp4", Film(seconds=3, shot_seconds=1))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A library of one video, which no trial may touch."""
    folder = tmp_path / "data"
    (folder / "videos").mkdir(parents=True)
    own = write(folder / "videos" / "own.mp4", Film(seconds=2, shot_seconds=1))
    run_stages(folder, register(folder, [own]), stages=STAGES)
    return folder


@pytest.fixture
def desk(data_dir: Path) -> Iterator[Asking]:
    with desk_of(data_dir) as asking:
        yield asking
        asking.wait_for_stills()


def upload(desk: Asking, name: str, content: bytes, **headers: str) -> tuple[int, dict[str, str]]:
    return desk.upload(f"/api/tryit/upload?name={quote(name)}", content, headers)


def trial(desk: Asking, token: str) -> dict[str, object]:
    desk.wait_for_stills()
    return next(each for each in desk.json("/api/tryit/trials")[1] if each["token"] == token)


def waiting(desk: Asking) -> dict[str, bool]:
    """By name of a video in the library, whether it waits for somebody to keep it or throw it away."""
    return {card["name"]: card["is_waiting"] for card in desk.json("/api/library/videos")[1]["videos"]}


def content_of(data_dir: Path) -> dict[str, str]:
    """Hashes of all that a video's work leaves, and of its files; not the library's own cover, which a desk makes."""
    places = [data_dir / name for name in ("videos", "tables", "stills", "crops", "desk")]
    own = data_dir / "desk" / "covers"
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    files = [path for path in files if not (path.is_relative_to(own) and path.parent.name.startswith("own-"))]
    return {str(path.relative_to(data_dir)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_an_upload_is_worked_on_shown_and_kept(desk: Asking, data_dir: Path, clip: Path) -> None:
    status, answer = upload(desk, clip.name, clip.read_bytes())
    assert status == 200, answer
    found = trial(desk, answer["token"])
    assert (found["state"], found["name"], found["is_upload"]) == ("done", "a clip.mp4", True)
    assert found["picks"]
    assert all(pick["reason"] for pick in found["picks"])
    assert desk.json("/api/work")[1][found["video_id"]]["upload"] == "a clip.mp4"
    assert waiting(desk) == {"own.mp4": False, "a-clip.mp4": True}
    assert desk.json("/api/compare/count", {"changes": {}})[1]["num_videos"] == 1
    status, headers, still = desk.get(f"/api/tryit/{answer['token']}/still/1")
    assert status == 200
    assert headers["content-disposition"].startswith("attachment")
    assert hashlib.sha256(still).hexdigest() == found["picks"][0]["file_sha256"]
    assert desk.get(f"/api/tryit/{answer['token']}/still/99")[0] == 404
    assert desk.json(f"/api/tryit/{answer['token']}/cancel", {})[0] == 400, "there is no work to cancel"
    status, kept = desk.json(f"/api/tryit/{answer['token']}/keep", {})
    assert (data_dir / kept["path"]).read_bytes() == clip.read_bytes()
    assert desk.json("/api/tryit/trials")[1] == []
    assert found["video_id"] in {video.video_id for video in Library(data_dir).scan()}
    assert waiting(desk) == {"own.mp4": False, "a-clip.mp4": False}
    assert desk.json("/api/compare/count", {"changes": {}})[1]["num_videos"] == 2


def test_what_is_thrown_away_goes_and_nothing_else(desk: Asking, data_dir: Path, clip: Path) -> None:
    before = content_of(data_dir)
    token = upload(desk, clip.name, clip.read_bytes())[1]["token"]
    found = trial(desk, token)
    assert desk.get(f"/frame/{found['video_id']}/{found['picks'][0]['frame_index']}/small")[0] == 200
    assert content_of(data_dir) != before
    assert desk.json(f"/api/tryit/{token}/throw", {}) == (200, {"path": ""})
    assert content_of(data_dir) == before
    assert output_files(TableStore(data_dir), str(found["video_id"])) == []
    assert [card["name"] for card in desk.json("/api/library/videos")[1]["videos"]] == ["own.mp4"]
    assert desk.json(f"/api/tryit/{token}/throw", {})[0] == 404


def test_work_that_is_cancelled_ends_at_once_and_leaves_the_file_alone(data_dir: Path, tmp_path: Path) -> None:
    long = write(tmp_path / "long.mp4", Film(seconds=60, shot_seconds=5))
    with desk_of(data_dir, "video.is_isolated=true") as desk:
        before = content_of(data_dir)
        token = upload(desk, long.name, long.read_bytes())[1]["token"]

        def now() -> dict[str, Any]:
            return next(each for each in desk.json("/api/tryit/trials")[1] if each["token"] == token)

        wait_until(lambda: now()["num_done"] > 0, "frames are decoded", seconds=120)
        begun = time.monotonic()
        assert desk.json(f"/api/tryit/{token}/cancel", {}) == (200, {"path": ""})
        assert time.monotonic() - begun < 10
        found = now()
        assert (found["state"], found["picks"], found["is_new"]) == ("cancelled", [], True)
        assert output_files(TableStore(data_dir), found["video_id"]) == []
        added = {name for name in content_of(data_dir) if name not in before}
        assert {name.partition("/")[0] for name in added} == {"videos", "desk"}, added
        assert desk.json(f"/api/tryit/{token}/cancel", {})[0] == 200, "another tab may ask as well"
    with desk_of(data_dir, "video.is_isolated=true") as desk:
        assert now()["state"] == "cancelled", "the next desk does not begin it by itself"
        assert desk.json(f"/api/tryit/{token}/again", {})[0] == 200
        assert now()["state"] in {"waiting", "running"}
        assert desk.json(f"/api/tryit/{token}/cancel", {})[0] == 200
        assert desk.json(f"/api/tryit/{token}/throw", {})[0] == 200
        assert content_of(data_dir) == before


def test_a_copy_of_a_video_that_is_here_is_not_kept_and_cannot_be_thrown_away(desk: Asking, data_dir: Path) -> None:
    before = content_of(data_dir)
    own = data_dir / "videos" / "own.mp4"
    status, answer = upload(desk, "own.mp4", own.read_bytes())
    assert (status, answer["note"]) == (200, "the same file is here already, so the copy was not kept")
    assert trial(desk, answer["token"])["is_upload"] is False
    assert desk.json(f"/api/tryit/{answer['token']}/throw", {})[0] == 400
    after = content_of(data_dir)
    assert {name: after[name] for name in before if name.startswith("videos/")} == {
        name: sha256 for name, sha256 in after.items() if name.startswith("videos/")
    }


def test_what_was_made_before_an_upload_stays_when_it_is_thrown_away(data_dir: Path, tmp_path: Path) -> None:
    own = data_dir / "videos" / "own.mp4"
    content = own.read_bytes()
    own.unlink()  # as of a volume that is not mounted
    with desk_of(data_dir) as desk:
        token = upload(desk, "own.mp4", content)[1]["token"]
        found = trial(desk, token)
        assert desk.json(f"/api/tryit/{token}/throw", {})[0] == 200
    assert TableStore(data_dir).has("stills", str(found["video_id"]))
    assert list((data_dir / "videos").rglob("*")) == []


def test_two_tabs_with_the_same_file_try_it_once(desk: Asking, data_dir: Path, clip: Path) -> None:
    first, second = (upload(desk, clip.name, clip.read_bytes())[1]["token"] for _ in range(2))
    assert first == second
    assert len(list((data_dir / "videos" / "uploads").rglob("*.mp4"))) == 1


def test_a_file_of_the_library_is_tried_by_its_path(desk: Asking, data_dir: Path) -> None:
    for path in ("own.mp4", str(data_dir / "videos" / "own.mp4")):
        status, answer = desk.json("/api/tryit/use", {"path": path})
        assert status == 200, answer
    assert trial(desk, answer["token"])["picks"]


@pytest.mark.parametrize("path", ["../library.sqlite", "/etc/passwd", "nothing.mp4", ".", "a\0b", "x" * 4000, "<b>"])
def test_a_path_that_leads_elsewhere_is_refused(desk: Asking, path: str) -> None:
    status, answer = desk.json("/api/tryit/use", {"path": path})
    assert status == 400
    assert "is no file of the library folder" in answer["error"]
    assert "\n" not in answer["error"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../up.mp4", "a path"),
        ("a/b.mp4", "a path"),
        ("..\\up.mp4", "a path"),
        ("<b>bold</b>.mp4", "markup"),
        ("two\nlines.mp4", "control characters"),
        (".hidden.mp4", "a path"),
        ("", "no video by its name"),
        ("x" * 300 + ".mp4", "more than 200 characters"),
        ("notes.txt", "no video by its name"),
    ],
)
def test_a_name_that_is_none_is_refused(desk: Asking, data_dir: Path, clip: Path, name: str, reason: str) -> None:
    before = content_of(data_dir)
    status, answer = upload(desk, name, clip.read_bytes())
    assert (status, reason in answer["error"], "\n" in answer["error"]) == (400, True, False), answer
    announced = desk.json("/api/tryit/announce", {"name": name, "num_bytes": 10})
    assert announced == (status, answer)
    assert content_of(data_dir) == before


@pytest.mark.parametrize("content", [b"%PDF-1.7 ...", b"no video\n" * 10, b"no video\n" * 100_000])
def test_what_is_no_video_is_refused(desk: Asking, data_dir: Path, content: bytes) -> None:
    before = content_of(data_dir)
    status, answer = upload(desk, "a.mp4", content)
    assert (status, "not a video" in answer["error"] or "not video" in answer["error"]) == (400, True)
    head = base64.b64encode(content[:4096]).decode()
    announced = desk.json("/api/tryit/announce", {"name": "a.mp4", "num_bytes": len(content), "head": head})
    assert announced == (status, answer)
    assert content_of(data_dir) == before


def test_what_cannot_be_decoded_says_so_and_can_be_thrown_away(desk: Asking, data_dir: Path) -> None:
    before = content_of(data_dir)
    token = upload(desk, "noise.mp4", bytes(range(256)) * 40)[1]["token"]
    found = trial(desk, token)
    assert found["state"] == "failed"
    assert str(found["step"]).startswith("is not a video")
    assert desk.json(f"/api/tryit/{token}/throw", {})[0] == 200
    assert content_of(data_dir) == before


def test_one_that_is_too_large_or_finds_no_room_is_refused(data_dir: Path, clip: Path) -> None:
    before = content_of(data_dir)
    with desk_of(data_dir, f"video.max_file_bytes={clip.stat().st_size - 1}") as desk:
        status, answer = upload(desk, clip.name, clip.read_bytes())
        assert (status, answer["error"].endswith("raise video.max_file_bytes")) == (400, True)
        status, answer = desk.json("/api/tryit/announce", {"name": "a.mp4", "num_bytes": 5_000_000_000})
        assert (status, "5,000.0 MB are more than" in answer["error"]) == (400, True)
    with desk_of(data_dir, f"export.min_free_bytes={10**15}") as desk:
        status, answer = upload(desk, clip.name, clip.read_bytes())
        assert (status, "free some space" in answer["error"]) == (503, True)
    assert content_of(data_dir) == before


def test_one_that_is_cut_off_leaves_nothing(desk: Asking, data_dir: Path, clip: Path) -> None:
    before = content_of(data_dir)
    begin_upload(desk, clip, num_bytes=2_000_000).close()
    wait_until(lambda: not list((data_dir / "desk").rglob("*.json")), "the upload is given up")
    assert content_of(data_dir) == before
    assert not (data_dir / "videos" / "uploads").exists()


def test_only_the_desks_own_page_uploads(desk: Asking, data_dir: Path, clip: Path) -> None:
    before = content_of(data_dir)
    assert upload(desk, clip.name, clip.read_bytes(), Origin="http://evil.example")[0] == 403
    assert upload(desk, clip.name, clip.read_bytes(), **{"Content-Type": "multipart/form-data"})[0] == 415
    assert content_of(data_dir) == before


def begin_upload(desk: Asking, clip: Path, *, num_bytes: int, address: str = "") -> socket.socket:
    """A connection that has sent the beginning of an upload."""
    host = (address or desk.address).removeprefix("http://").strip("/")
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.putrequest("POST", "/api/tryit/upload?name=a.mp4")
    for name, value in (
        ("Origin", f"http://{host}"),
        ("Content-Type", "application/octet-stream"),
        ("Content-Length", str(num_bytes)),
    ):
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(clip.read_bytes().ljust(1_500_000, b"\0"))
    return connection.sock


def test_what_a_killed_desk_left_is_cleared_by_the_next(data_dir: Path, clip: Path) -> None:
    before = content_of(data_dir)
    command = [sys.executable, "-m", "thumb_assets", "desk", "--data-dir", str(data_dir), "--port", "0"]
    command += [word for each in WITHOUT_MODELS for word in ("--set", each)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"}) as desk:
        line = desk.stderr.readline()
        address = next(word for word in line.split() if word.startswith("http"))
        connection = begin_upload(None, clip, num_bytes=2_000_000, address=address)
        uploads = data_dir / "videos" / "uploads"
        wait_until(lambda: any(path.is_file() for path in uploads.rglob("*")), "the upload has begun")
        desk.send_signal(signal.SIGKILL)
        desk.wait()
        connection.close()
    assert [path.name for path in uploads.rglob("*.mp4")] == []  # under no name that counts
    assert len(Library(data_dir).scan()) == 1
    with desk_of(data_dir) as asking:
        assert asking.json("/api/tryit/trials")[1] == []
        assert content_of(data_dir) == before
        assert not uploads.exists()


def test_an_upload_that_nobody_decided_of_is_there_after_a_restart(data_dir: Path, clip: Path) -> None:
    before = content_of(data_dir)
    with desk_of(data_dir) as desk:
        token = upload(desk, clip.name, clip.read_bytes())[1]["token"]
        trial(desk, token)
    with desk_of(data_dir) as desk:
        wait_until(lambda: desk.json("/api/tryit/trials")[1], "it is there again")
        assert trial(desk, token)["picks"]
        assert desk.json(f"/api/tryit/{token}/throw", {})[0] == 200
    assert content_of(data_dir) == before


def test_a_dataset_is_written_beside_and_never_over_something_else(desk: Asking, data_dir: Path) -> None:
    assert "huggingface" in desk.json("/api/library/export")[1]["formats"]
    for name in ("../out", "", "a/b", "<b>", "x\ny"):
        assert desk.json("/api/library/export", {"format_name": "folder", "name": name})[0] == 400
    assert desk.json("/api/library/export", {"format_name": "none", "name": "a"})[0] == 400

    def export(name: str) -> dict[str, object]:
        assert desk.json("/api/library/export", {"format_name": "folder", "name": name})[0] == 200
        wait_until(lambda: desk.json("/api/library/export")[1]["work"]["state"] != "running", "it ends", seconds=60)
        return desk.json("/api/library/export")[1]["work"]

    work = export("mine")
    assert (work["state"], Path(str(work["folder"]))) == ("done", data_dir / "datasets" / "mine")
    assert list((data_dir / "datasets" / "mine").rglob("*.jpg"))
    (data_dir / "datasets" / "other").mkdir()
    (data_dir / "datasets" / "other" / "letter.txt").write_text("mine")
    work = export("other")
    assert (work["state"], "is no dataset" in str(work["text"])) == ("failed", True)
    assert (data_dir / "datasets" / "other" / "letter.txt").read_text() == "mine"
