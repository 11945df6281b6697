"""Decisions on the way of a file through a library, as a person types it: rewritten, renamed, replaced, put back."""

import shutil
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.store.decision_records import DecisionRecords
from thumb_assets.store.decisions import decide
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import register, run_stages

STAGES = "videos,frames,shots,candidate_frames,sharpness,selections"


def thumb_assets(*arguments: object) -> str:
    command = [str(argument) for argument in arguments]
    if command[0] == "run":
        command += ["--set", "video.is_isolated=false", "--stages", STAGES]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    return result.output


def rewrite_metadata(path: Path) -> None:
    """The same packets in a new file, as `ffmpeg -c copy -metadata title=other` writes it."""
    written = path.with_name(f"{path.stem}.part{path.suffix}")
    with av.open(str(path)) as source, av.open(str(written), "w") as target:
        target.metadata["title"] = "other"
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert written.read_bytes() != path.read_bytes()
    written.replace(path)


def selected(data_dir: Path, path: Path) -> list[int]:
    (video_id,) = register(data_dir, [path])
    rows = TableStore(data_dir).read("selections", video_id).sort_by("rank")
    return list(rows.column("frame_index").to_pylist())


@pytest.fixture
def film(synthetic_videos: Callable[[str], Path], data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THUMB_ASSETS_DATA_DIR", str(data_dir))
    path = data_dir / "videos" / "film.mp4"
    path.parent.mkdir()
    shutil.copyfile(synthetic_videos("multi_shot"), path)
    return path


def test_decisions_follow_new_bytes_and_names_and_wait_for_what_is_gone(
    film: Path, data_dir: Path, synthetic_videos: Callable[[str], Path]
) -> None:
    thumb_assets("run", film)
    best = selected(data_dir, film)[0]
    thumb_assets("ban", "film", best)
    thumb_assets("pin", "film", 29)

    rewrite_metadata(film)
    thumb_assets("run")
    assert 29 in selected(data_dir, film)
    assert best not in selected(data_dir, film)

    renamed = film.rename(film.with_name("other name.mp4"))
    thumb_assets("run")
    assert 29 in selected(data_dir, renamed)
    assert best not in selected(data_dir, renamed)
    pruned = thumb_assets("prune", "--force")
    assert "2 decisions are kept" in pruned, pruned

    kept = renamed.rename(data_dir / "kept")
    shutil.copyfile(synthetic_videos("cfr"), renamed)
    thumb_assets("run")
    thumb_assets("prune", "--force")
    listed = thumb_assets("decisions")
    assert listed.count("could not follow") == 2, listed
    assert "has other pictures now" in listed

    kept.replace(renamed)
    thumb_assets("run")
    assert 29 in selected(data_dir, renamed)
    assert best not in selected(data_dir, renamed)
    listed = thumb_assets("decisions")
    assert listed.count("in force") == 2, listed


def test_damaged_decisions_come_from_their_copy(film: Path, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [film])
    run_stages(data_dir, [video_id], stages=["videos", "frames"])
    thumb_assets("ban", "film", 3)
    store, (video,) = TableStore(data_dir), Library(data_dir).all()
    records = DecisionRecords(store)
    store.table_path("decisions", video_id).write_bytes(b"PAR1 damaged")
    records.path(video.sha256).write_bytes(b"{}")
    assert "is never selected (0 pinned, 2 banned)" in thumb_assets("ban", "film", 5)
    assert store.read("decisions", video_id).column("frame_index").to_pylist() == [3, 5]
    assert [path.name for path in records.folder.glob("*.damaged")] == [f"{video.sha256}.json.damaged"]

    for path in (records.path(video.sha256), records.copy_path(video.sha256)):
        path.write_bytes(b"{}")
    store.table_path("decisions", video_id).unlink()
    failed = CliRunner().invoke(main, ["ban", "film", "5"])
    assert failed.exit_code == 1
    assert "put one of them back from a backup" in failed.output


def test_decisions_of_a_former_version_are_taken_over(film: Path, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [film])
    run_stages(data_dir, [video_id], stages=["videos", "frames"])
    store = TableStore(data_dir)
    decide(store, video_id, {3: "ban"})
    shutil.rmtree(DecisionRecords(store).folder)  # there were none
    thumb_assets("pin", "film", 5)
    assert sorted(DecisionRecords(store).all()[0].decided) == [3, 5]
    shutil.rmtree(DecisionRecords(store).folder)
    film.rename(data_dir / "elsewhere")
    shutil.copyfile(data_dir / "elsewhere", film.with_name("other.mp4"))
    with film.with_name("other.mp4").open("ab") as other:
        other.write(b"other")
    assert "2 decisions are kept" in thumb_assets("prune", "--force")
    assert "its file is gone" in thumb_assets("decisions")
