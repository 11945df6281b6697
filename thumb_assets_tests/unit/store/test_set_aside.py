"""Files with a video's name that are none are left out, with the reason, and are no failure."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from thumb_assets.settings.operation import LibrarySettings
from thumb_assets.store.library import Library
from thumb_assets.store.set_aside import NoVideoError

TYPESCRIPT = b"import { Frame } from './frame';\n\nexport const last = (frames: Frame[]) => frames.at(-1);\n"
OTHERS = {
    "app/x.ts": TYPESCRIPT,
    "page.mp4": b"<!DOCTYPE html><title>404 Not Found</title>",
    "error.mp4": b'{"message": "Not Found"}',
    "umlauts.mpg": "Grüße aus Köln\n".encode() * 300,
    "cut.mpg": b"\n" + "ü".encode() * 3000,  # the bytes looked at end within a letter
    "utf16.ts": "export {};\r\n".encode("utf-16"),
    "paper.mov": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "album.mp4": b"PK\x03\x04\x14\0\0\0",
}
IGNORED = ("@eaDir/clip.mp4/SYNOFILE_THUMB_M.mp4", "a/@eaDir/b.mp4", "#recycle/old.mp4", "$RECYCLE.BIN/$R1.mp4")


@pytest.fixture
def library(data_dir: Path, synthetic_videos) -> Library:
    library = Library(data_dir)
    for name, content in OTHERS.items() | {(name, b"\0video" * 9) for name in IGNORED}:
        path = library.videos_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name in ("mpeg_ts", "vfr", "mpeg2_interlaced", "raw_h264", "gif"):
        shutil.copyfile(synthetic_videos(name), library.videos_dir / f"{name}.mp4")
    return library


def test_only_the_videos_are_found_and_nothing_fails(library):
    errors = []
    videos = library.scan(on_error=errors.append)
    assert errors == []
    assert len(videos) == 5
    assert library.all(on_error=errors.append) == videos
    assert errors == []


def test_each_is_listed_with_its_reason(library):
    library.scan()
    listed = {each.path.relative_to(library.videos_dir).as_posix(): each.reason for each in library.set_aside()}
    assert {listed[name] for name in OTHERS if name not in ("paper.mov", "album.mp4")} == {"is text, not video"}
    assert listed["paper.mov"] == "is a PDF document, not a video"
    assert "ZIP" in listed["album.mp4"]
    assert listed["@eaDir"] == listed["a/@eaDir"] == "is named by @eaDir in library.ignore"
    assert len(listed) == len(OTHERS) + 4


def test_a_look_gives_them_back_and_they_are_no_error(library):
    found = library.discover(LibrarySettings(settle_seconds=0))
    assert found.errors == ()
    assert len(found.videos) == 5
    assert {each.path.relative_to(library.videos_dir).as_posix() for each in found.set_aside} == set(OTHERS)
    # The second look knows them and does not open them.
    for name in OTHERS:
        (library.videos_dir / name).chmod(0)
    again = library.discover(LibrarySettings(settle_seconds=0))
    assert again.set_aside == found.set_aside


def test_a_file_that_becomes_a_video_is_taken(library, synthetic_videos):
    library.scan()
    path = library.videos_dir / "page.mp4"
    shutil.copyfile(synthetic_videos("cfr"), path)
    assert path in {video.path for video in library.scan()}
    assert path not in {each.path for each in library.set_aside()}
    path.unlink()
    (library.videos_dir / "error.mp4").unlink()
    assert len(library.set_aside()) == len(OTHERS) - 2 + 4


def test_a_file_that_is_named_gets_its_line(library):
    path = library.videos_dir / "app" / "x.ts"
    videos, errors = library.register([path])
    assert videos == []
    assert [type(error) for error in errors] == [NoVideoError]
    assert "is text, not video" in str(errors[0])
    videos, errors = library.register([path.parent.parent])
    assert len(videos) == 5
    assert errors == []


def gif(path: Path, *, num_pictures: int) -> Path:
    """A GIF with a comment, played once."""
    pictures = [Image.new("RGB", (40, 30), (90 * number, 0, 90)) for number in range(num_pictures)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=80, comment=b"made " * 90)
    return path


def test_moving_gifs_beside_videos_are_taken_and_still_ones_are_not(data_dir, synthetic_videos):
    folder = data_dir / "videos"
    folder.mkdir(parents=True)
    shutil.copyfile(synthetic_videos("cfr"), folder / "clip.mp4")
    shutil.copyfile(synthetic_videos("gif"), folder / "SCREEN.GIF")
    gif(folder / "twice.gif", num_pictures=2)
    still = gif(folder / "button.gif", num_pictures=1)
    cut = folder / "cut.gif"
    cut.write_bytes(still.read_bytes()[:-20])  # may go on: who decodes it will say
    library = Library(data_dir)
    errors = []
    found = {video.path.name for video in library.scan(on_error=errors.append)}
    assert found == {"clip.mp4", "SCREEN.GIF", "twice.gif", "cut.gif"}
    assert errors == []
    assert [(each.path.name, each.reason) for each in library.set_aside()] == [
        ("button.gif", "is a still picture, not a video")
    ]


def test_patterns_name_files_and_folders(data_dir):
    library = Library(data_dir, ignore=("*_proxy.*", "raw/*", "Drafts"))
    names = ["a.mp4", "a_PROXY.mp4", "raw/b.mp4", "x/raw/c.mp4", "drafts/d.mp4", "x/Drafts/e.mp4", "@eaDir/f.mp4"]
    for name in names:
        path = library.videos_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(64))
    found = {video.path.relative_to(library.videos_dir).as_posix() for video in library.scan()}
    assert found == {"a.mp4", "x/raw/c.mp4", "@eaDir/f.mp4"}
