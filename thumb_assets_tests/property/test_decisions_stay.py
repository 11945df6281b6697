"""Whatever happens to files and data folder, no decision is lost, and each is in force wherever its pictures are.

The files are tiny: their bytes name their pictures, and what decoding would find is written as the table `frames`.
"""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from thumb_assets.pipeline.removal import remove_replaced, remove_video
from thumb_assets.settings.operation import LibrarySettings
from thumb_assets.store.decision_records import DecisionRecords
from thumb_assets.store.decisions import decide, settle_decisions
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.outcomes import Outcome, record_outcomes
from thumb_assets.store.outputs import ids_with_outputs
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import table_from_rows
from thumb_assets_tests.unit.store.builders import FOOTER, row

NAMES = ("a.mp4", "b.mp4", "folder/a.mp4", "c.mov")
PICTURES = ("sea", "town", "wood")
NUM_FRAMES = 5

some_name = st.sampled_from(NAMES)
some_frame = st.integers(0, NUM_FRAMES - 1)


def luma_hash(pictures: str, frame_index: int) -> str:
    return hashlib.sha256(f"{pictures} {frame_index}".encode()).hexdigest()[:32]


class Decisions(RuleBasedStateMachine):
    """Model: what was decided last of each picture."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.store = TableStore(self.folder / "data")
        self.library = Library(self.store.data_dir)
        self.mirror = Mirror(LibrarySettings(), self.store)
        self.said: dict[str, dict[int, str]] = {pictures: {} for pictures in PICTURES}
        self.put_aside: list[bytes] = []
        self.remuxes = 0
        self.write("a.mp4", json.dumps({"pictures": "sea", "title": 0}).encode())
        self.run("a.mp4")

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name: str) -> Path:
        return self.library.videos_dir / name

    def write(self, name: str, content: bytes) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        if self.path(name).is_file():
            self.put_aside.append(self.path(name).read_bytes())
        self.path(name).write_bytes(content)

    def video(self, name: str) -> LibraryVideo | None:
        return next(iter(self.library.register([self.path(name)])[0]), None)

    def decode(self, video: LibraryVideo) -> None:
        pictures = json.loads(video.path.read_text())["pictures"]
        rows = [
            row("frames", i, video.video_id, luma_hash=luma_hash(pictures, i), pts_seconds=1.4 + i / 25)
            for i in range(NUM_FRAMES)
        ]
        footer = FOOTER | {"video_sha256": video.sha256}
        self.store.write("frames", table_from_rows("frames", rows), video_id=video.video_id, footer=footer)

    def begin(self, name: str) -> LibraryVideo | None:
        video = self.video(name)
        if video is None:
            return None
        settle_decisions(self.store, video)
        outcome = Outcome(video.video_id, "frames", "done", None, None, NUM_FRAMES, str(video.path))
        record_outcomes(self.store, video.video_id, [outcome])
        if not self.store.has("frames", video.video_id):
            self.decode(video)
        return video

    @rule(name=some_name)
    def run(self, name: str) -> None:
        video = self.begin(name)
        if video is None:
            return
        settle_decisions(self.store, video)
        remove_replaced(video, self.library, self.mirror, self.store)
        pictures = json.loads(video.path.read_text())["pictures"]
        rows = self.store.read_or_none("decisions", video.video_id)
        in_force = {} if rows is None else {r["frame_index"]: r["decision"] for r in rows.to_pylist()}
        assert in_force == self.said[pictures]

    @rule(name=some_name)
    def run_and_be_killed(self, name: str) -> None:
        self.begin(name)

    @rule(name=some_name, frame=some_frame, decision=st.sampled_from(["pin", "ban", None]), killed=st.booleans())
    def say(self, name: str, frame: int, decision: str | None, killed: bool) -> None:
        video = self.begin(name)
        if video is None:
            return
        settle_decisions(self.store, video)
        records = DecisionRecords(self.store)
        behind = [self.store.table_path("decisions", video.video_id), records.copy_path(video.sha256)]
        before = [path.read_bytes() if path.is_file() else None for path in behind]
        decide(self.store, video.video_id, {frame: decision}, path=os.fspath(video.path))
        if killed:  # after the record was written: what is written later is as it was
            for path, content in zip(behind, before, strict=True):
                path.unlink(missing_ok=True) if content is None else path.write_bytes(content)
        of_pictures = self.said[json.loads(video.path.read_text())["pictures"]]
        of_pictures.pop(frame, None)
        if decision is not None:
            of_pictures[frame] = decision

    @rule(old=some_name, new=some_name)
    def rename(self, old: str, new: str) -> None:
        if self.path(old).is_file() and old != new:
            self.write(new, self.path(old).read_bytes())
            self.path(old).unlink()

    @rule(name=some_name, pictures=st.sampled_from(PICTURES))
    def replace(self, name: str, pictures: str) -> None:
        self.remuxes += 1
        self.write(name, json.dumps({"pictures": pictures, "title": self.remuxes}).encode())

    @rule(name=some_name)
    def rewrite_metadata(self, name: str) -> None:
        if self.path(name).is_file():
            self.replace(name, json.loads(self.path(name).read_text())["pictures"])

    @precondition(lambda self: self.put_aside)
    @rule(name=some_name, data=st.data())
    def restore(self, name: str, data: st.DataObject) -> None:
        self.write(name, data.draw(st.sampled_from(self.put_aside)))

    @rule(name=some_name)
    def remove(self, name: str) -> None:
        if self.path(name).is_file():
            self.put_aside.append(self.path(name).read_bytes())
            self.path(name).unlink()

    @rule()
    def prune(self) -> None:
        for video_id in ids_with_outputs(self.store):
            if self.library.fate_of(video_id) in {"gone", "replaced"}:
                remove_video(video_id, self.mirror, self.store)
                self.library.forget(video_id)

    @rule()
    def change_profile(self) -> None:
        for video_id in self.store.video_ids("frames"):
            self.store.delete("frames", video_id)

    @rule(data=st.data(), is_copy=st.booleans())
    def damage(self, data: st.DataObject, is_copy: bool) -> None:
        records = DecisionRecords(self.store)
        for name in records.names():  # written once more, so that never both are damaged
            record = records.read(name)
            assert record is not None
            records.write(record)
        if records.names():
            name = data.draw(st.sampled_from(records.names()))
            path = records.copy_path(name) if is_copy else records.path(name)
            path.write_bytes(path.read_bytes()[:-40])
        for video_id in self.store.video_ids("decisions"):
            path = self.store.table_path("decisions", video_id)
            path.write_bytes(path.read_bytes()[:-9])

    @invariant()
    def nothing_is_lost(self) -> None:
        last: dict[str | None, tuple[float, str | None]] = {}
        for record in DecisionRecords(self.store).all():
            for word in record.words.values():
                last[word.luma_hash] = max(
                    last.get(word.luma_hash, (0.0, None)), (word.decided_at, word.decision), key=lambda pair: pair[0]
                )
        kept = {key: decision for key, (_, decision) in last.items() if decision is not None}
        said = {luma_hash(p, frame): d for p, frames in self.said.items() for frame, d in frames.items()}
        assert kept == said


Decisions.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestDecisionsStay = Decisions.TestCase
