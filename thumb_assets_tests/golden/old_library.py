"""Writes a small data folder with the version of the project that it runs in, as an archive.

    library-0.1.tar.xz               c006371, the last commit of what the changelog calls 0.1.0
    library-before-the-house.tar.xz  4ca33da, the last commit before the stages became one declaration each

Run it in a checkout of that version, with its environment (for 0.1 that of 4ca33da serves, which has all it needs):

    PYTHONPATH=. python .../old_library.py /library .../library-0.1.tar.xz

Everything is made by commands and by the tests' own drawing, encoding and judge; no model is downloaded. The data
folder must not exist. Its path stands in the tables, so it is a neutral one. Dagster's own records are no part of it:
the command `run` keeps none.
"""

import csv
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np

from thumb_assets_tests.support.drawing import draw_frame
from thumb_assets_tests.support.encoding import Encoding, encode
from thumb_assets_tests.support.judge_server import judge_server

NUM_SHARED_FRAMES, NUM_FRAMES = 30, 90
NAMES = ("first", "second")
SETTINGS = ("selection.top_k=3", "selection.min_gap_seconds=0.2", "chapters.is_on=true")
# 0.1 keeps no settings, and finds too few candidates in videos this short to learn from.
OF_0_1 = (*SETTINGS, "candidates.every_num_frames=8")
LEARNED = "selection.learned=force"
CROPS = 'crops.aspect_ratios=["1:1"]'


def write_videos(folder: Path) -> None:
    """Two videos that share an intro and are of one shot each after it."""
    folder.mkdir(parents=True)
    encoding = Encoding(options={"preset": "slow", "crf": "30"}, gop_size=30)
    for number, name in enumerate(NAMES):
        shots = [0] * NUM_SHARED_FRAMES + [number + 1] * (NUM_FRAMES - NUM_SHARED_FRAMES)
        frames = [draw_frame(index, width=128, height=72, shot_index=shot) for index, shot in enumerate(shots)]
        encode(folder / f"{name}.mp4", frames, encoding)


def thumb_assets(data_dir: Path, *arguments: object) -> None:
    """One command on the data folder."""
    command = [sys.executable, "-m", "thumb_assets.cli", *map(str, arguments), "--data-dir", str(data_dir)]
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "THUMB_ASSETS_PUBLISH_SQL_URL": f"sqlite:///{data_dir}/cms.sqlite",
    }
    subprocess.run(command, check=True, env=environment)


def has_command(name: str) -> bool:
    """True if this version knows a command."""
    command = [sys.executable, "-m", "thumb_assets.cli", name, "--help"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def write_labels(data_dir: Path, path: Path) -> None:
    """Prefers the candidates of every video's end."""
    import pyarrow.parquet as pq

    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["video_id", "frame_index", "label"])
        for table in sorted((data_dir / "tables" / "candidate_frames").iterdir()):
            rows = pq.ParquetFile(table).read(["video_id", "frame_index"]).to_pylist()
            wanted = np.median([row["frame_index"] for row in rows])
            writer.writerows([row["video_id"], row["frame_index"], int(row["frame_index"] > wanted)] for row in rows)


def fill(data_dir: Path) -> None:
    """Every kind of table and file, as a person makes them."""
    videos = data_dir / "videos"
    write_videos(videos)
    with sqlite3.connect(data_dir / "cms.sqlite") as cms:
        cms.execute("CREATE TABLE videos (file_name TEXT, thumbnail INTEGER)")
        cms.executemany("INSERT INTO videos VALUES (?, NULL)", [(f"{name}.mp4",) for name in NAMES])
    is_kept = has_command("settings")
    if is_kept:
        thumb_assets(data_dir, "settings", "set", *SETTINGS)
    named = [] if is_kept else [part for setting in OF_0_1 for part in ("--set", setting)]
    sql = ["--set", "publish.target=sql", "--set", 'publish.sql_columns={"thumbnail": "frame_index"}', "--set", CROPS]
    thumb_assets(data_dir, "run", videos, *named)
    thumb_assets(data_dir, "survey")
    labels = data_dir / "labels.csv"
    write_labels(data_dir, labels)
    thumb_assets(data_dir, "learn", "--labels", labels)
    if is_kept:
        thumb_assets(data_dir, "settings", "set", LEARNED)
    else:
        named += ["--set", LEARNED]
    ids = {path.stem.rpartition("-")[0]: path.stem for path in (data_dir / "tables" / "frames").iterdir()}
    thumb_assets(data_dir, "pin", ids["first"], 41)
    thumb_assets(data_dir, "pin", ids["first"], 77)
    thumb_assets(data_dir, "ban", ids["second"], 80)
    thumb_assets(data_dir, "cover" if has_command("cover") else "pin", ids["second"], 45)
    with judge_server() as server:
        judge = [part for setting in server.overrides for part in ("--set", setting)]
        thumb_assets(data_dir, "run", videos, *named, *sql, *judge)
    from thumb_assets.store.outbox import Outbox

    outbox = Outbox(data_dir / "outbox.sqlite")
    outbox.add_request("event-1", b'{"type": "video.ready"}', now=1_700_000_000.0)


def pack(data_dir: Path, target: Path) -> None:
    """The files in the order of their names, with their dates and nothing of the machine; locks hold nothing."""

    def kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if member.name.endswith((".lock", "-wal", "-shm")) or member.name.split("/")[0] == "locks":
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode = 0o755 if member.isdir() else 0o644
        return member

    with tarfile.open(target, "w:xz", preset=9, format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(data_dir.iterdir()):
            archive.add(path, path.name, filter=kept)


if __name__ == "__main__":
    folder, written = Path(sys.argv[1]), Path(sys.argv[2])
    fill(folder)
    pack(folder, written)
    shutil.rmtree(folder)
