"""The stage `artwork`: a library folder as Jellyfin and Kodi read it, and files of others that stay as they are."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from thumb_assets.export.metadata import read_still_metadata
from thumb_assets.pipeline.result import StageResult
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import contract_problems
from thumb_assets_tests.support.film import Film, write
from thumb_assets_tests.support.running import register, run_stages

_STAGES = ("videos", "frames", "shots", "candidate_frames", "sharpness", "selections", "stills", "crops", "previews")
_ALL = 'artwork.kinds=["thumb","poster","fanart","folder_poster","folder_fanart","trickplay"]'
_MAKE = ('crops.aspect_ratios=["2:3"]', 'previews.kinds=["trickplay"]', "previews.interval_seconds=1")
Place = tuple[Path, Path]  # data folder, video

# Beside the video. Kodi ("Movie artwork": NAME-TYPE.jpg; TYPE.jpg where the film has its own folder), Jellyfin (its
# LocalImageProvider; its PathManager and TrickplayManager for tiles with the media), Emby ("Movie naming", "Images").
LAYOUTS = {
    "kodi": {"NAME-poster.jpg", "NAME-fanart.jpg", "NAME-thumb.jpg", "poster.jpg", "fanart.jpg"},
    "jellyfin": {"NAME-poster.jpg", "NAME-fanart.jpg", "NAME-thumb.jpg", "poster.jpg", "fanart.jpg"}
    | {"NAME.trickplay/320 - 10x10/0.jpg"},
    "emby": {"NAME-poster.jpg", "NAME-fanart.jpg", "NAME-thumb.jpg", "poster.jpg", "fanart.jpg"},
}
# What each reads where several films share a folder.
SHARED_LAYOUT = {"NAME-poster.jpg", "NAME-fanart.jpg", "NAME-thumb.jpg"}
LAYOUT = {name.replace("NAME", "A film (2026)") for name in {"NAME.mp4"}.union(*LAYOUTS.values())}


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("film") / "film.mp4", Film(seconds=4, shot_seconds=2))


@pytest.fixture
def place(film: Path, tmp_path: Path) -> Place:
    folder = tmp_path / "Films" / "A film (2026)"
    folder.mkdir(parents=True)
    (tmp_path / "data").mkdir()
    return tmp_path / "data", Path(shutil.copy(film, folder / "A film (2026).mp4"))


def run_artwork(
    place: Place, *overrides: str, stages: tuple[str, ...] = ("artwork",), is_recomputed: bool = False
) -> StageResult:
    data_dir, video = place
    (video_id,) = register(data_dir, [video])
    settings = load_settings(overrides=[*_MAKE, _ALL, f'artwork.writable=["{video.parent.parent}"]', *overrides])
    results = run_stages(data_dir, [video_id], stages, settings=settings, is_recomputed=is_recomputed)
    return results[video_id, "artwork"]


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_as_media_servers_read_it(place: Place) -> None:
    folder = place[1].parent
    result = run_artwork(place, stages=(*_STAGES, "artwork"))
    assert (result.status, result.metrics) == ("done", {}), result.message
    assert files_in(folder) == LAYOUT
    with Image.open(folder / "A film (2026)-poster.jpg") as poster, Image.open(folder / "fanart.jpg") as fanart:
        assert poster.width / poster.height == pytest.approx(2 / 3, abs=0.02)
        assert fanart.size == (320, 180)
    assert read_still_metadata(folder / "A film (2026)-thumb.jpg")["rank"] == 1
    with Image.open(folder / "A film (2026).trickplay" / "320 - 10x10" / "0.jpg") as sheet:
        assert sheet.size == (3200, 1800)
    store = TableStore(place[0])
    table = store.read("artwork", result.video_id)
    assert contract_problems("artwork", table) == []
    assert {Path(path) for path in table.column("path").to_pylist()} == {
        folder / name for name in LAYOUT - {"A film (2026).mp4"}
    }
    # Fewer are asked for, of another cover: what we wrote goes and changes, and the folder of tiles with it.
    run_artwork(place, 'artwork.kinds=["thumb"]', "stills.jpeg_quality=60", stages=(*_STAGES, "artwork"))
    assert files_in(folder) == {"A film (2026).mp4", "A film (2026)-thumb.jpg"}
    assert not (folder / "A film (2026).trickplay").exists()


@pytest.mark.parametrize("server", LAYOUTS)
def test_a_folder_has_what_each_server_looks_for_and_nothing_that_is_not_asked_for(place: Place, server: str) -> None:
    folder, wanted = place[1].parent, LAYOUTS[server]
    kinds = {
        "NAME-thumb.jpg": "thumb",
        "NAME-poster.jpg": "poster",
        "NAME-fanart.jpg": "fanart",
        "poster.jpg": "folder_poster",
        "fanart.jpg": "folder_fanart",
        "NAME.trickplay/320 - 10x10/0.jpg": "trickplay",
    }
    asked = ",".join(f'"{kinds[name]}"' for name in sorted(wanted))
    run_artwork(place, f"artwork.kinds=[{asked}]", stages=(*_STAGES, "artwork"))
    assert files_in(folder) == {name.replace("NAME", "A film (2026)") for name in {"NAME.mp4"} | wanted}
    # A second film moves in: what is of the folder would be of one of the two, and goes.
    shutil.copy(place[1], folder / "Another (2025).mp4")
    result = run_artwork(place, f"artwork.kinds=[{asked}]")
    assert result.is_unchanged is not any("folder" in kind for kind in asked.split(","))
    found = {name for name in files_in(folder) if "trickplay" not in name}
    assert found == {name.replace("NAME", "A film (2026)") for name in {"NAME.mp4"} | SHARED_LAYOUT} | {
        "Another (2025).mp4"
    }


def test_files_of_others_stay_as_they_are(place: Place) -> None:
    folder = place[1].parent
    of_others = {
        folder / "poster.jpg": b"a poster that somebody chose",
        folder / "A film (2026).trickplay" / "320 - 10x10" / "1.jpg": b"tiles of Jellyfin's own",
    }
    for path, content in of_others.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "fanart.jpg").symlink_to(folder / "nowhere")
    result = run_artwork(place, stages=(*_STAGES, "artwork"))
    assert result.status == "done"
    assert "3 files of others left as they are" in str(result.metrics["note"])
    assert {path: path.read_bytes() for path in of_others} == of_others
    assert (folder / "fanart.jpg").is_symlink()
    assert not (folder / "nowhere").exists()
    assert not (folder / "A film (2026).trickplay" / "320 - 10x10" / "0.jpg").exists()
    # A file of ours that somebody worked on is theirs, though our facts are still in it.
    thumb = folder / "A film (2026)-thumb.jpg"
    with Image.open(thumb) as image:
        image.resize((160, 90)).save(thumb, "JPEG", exif=image.getexif())
    edited = thumb.read_bytes()
    run_artwork(place, "stills.jpeg_quality=60", stages=(*_STAGES, "artwork"))
    assert thumb.read_bytes() == edited


def test_our_files_are_known_without_a_record(place: Place) -> None:
    thumb = place[1].parent / "A film (2026)-thumb.jpg"
    run_artwork(place, 'artwork.kinds=["thumb"]', stages=(*_STAGES, "artwork"))
    before = thumb.read_bytes()
    shutil.rmtree(place[0])
    place[0].mkdir()
    result = run_artwork(place, 'artwork.kinds=["thumb"]', "stills.jpeg_quality=60", stages=(*_STAGES, "artwork"))
    assert "note" not in result.metrics
    assert thumb.read_bytes() != before


def test_nothing_is_written_where_it_is_not_allowed(place: Place, synthetic_videos: Callable[[str], Path]) -> None:
    folder = place[1].parent
    result = run_artwork(place, "artwork.writable=[]", stages=(*_STAGES, "artwork"))
    assert result.status == "skipped"
    assert "is in no folder of artwork.writable" in str(result.message)
    assert files_in(folder) == {"A film (2026).mp4"}
    # Two films in one folder: a poster of the folder would be of one of them.
    shutil.copy(synthetic_videos("cfr"), folder / "another.mp4")
    result = run_artwork(place, 'artwork.kinds=["thumb","folder_poster"]')
    assert files_in(folder) == {"A film (2026).mp4", "A film (2026)-thumb.jpg", "another.mp4"}
    assert "other videos are in" in str(result.metrics["note"])
