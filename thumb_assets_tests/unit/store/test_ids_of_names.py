"""Names in any script have ids that can be read; names that reduce to one keep apart; ids that are known stay."""

import sqlite3
from contextlib import closing
from pathlib import Path

from thumb_assets.store.library import Library


def ids(data_dir: Path) -> dict[str, str]:
    return {video.path.name: video.video_id for video in Library(data_dir).all()}


def test_names_that_reduce_to_one_id_have_one_each(data_dir: Path) -> None:
    folder = data_dir / "videos"
    folder.mkdir()
    for name in ("Film 1.mp4", "film-1.mp4", "Москва.mp4", "动物.mp4"):
        (folder / name).write_bytes(b"\0\0\0\x18ftypisom" + b"\0" * 64)
    found = ids(data_dir)
    assert len(set(found.values())) == 4
    assert found["Москва.mp4"].startswith("moskva-")
    assert found["动物.mp4"].startswith("dongwu-")
    assert ids(data_dir) == found
    assert all(Library(data_dir).find(video_id).path.name == name for name, video_id in found.items())


def test_an_id_of_a_former_version_stays(data_dir: Path) -> None:
    folder = data_dir / "videos"
    folder.mkdir()
    (folder / "Москва.mp4").write_bytes(b"\0\0\0\x18ftypisom" + b"\0" * 64)
    digits = ids(data_dir)["Москва.mp4"].rpartition("-")[2]
    former = f"video-{digits}"
    with closing(sqlite3.connect(data_dir / "library.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE contents SET video_id = ?", (former,))
    assert ids(data_dir) == {"Москва.mp4": former}
    (data_dir / "library.sqlite").unlink()
    assert Library(data_dir).find(former).video_id == former


def test_copies_are_one_video_and_are_named(data_dir: Path) -> None:
    folder = data_dir / "videos"
    (folder / "old").mkdir(parents=True)
    for name in ("clip.mp4", "old/clip.mp4", "other.mp4"):
        (folder / name).write_bytes(b"\0\0\0\x18ftypisom" + b"\0" * 64)
    library = Library(data_dir)
    assert [video.path.name for video in library.all()] == ["clip.mp4", "other.mp4"]
    assert dict(library.copies) == {folder / "old" / "clip.mp4": folder / "clip.mp4"}
