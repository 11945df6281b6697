"""A small exported video, and the pieces it was exported from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from thumb_assets.export.stills import export_stills
from thumb_assets.settings.stages import StillsSettings
from thumb_assets.video.fetch import FrameIdentities
from thumb_assets_tests.support.decoded import identities_of, selections_of

VIDEO_ID, TICKS_PER_SECOND = "b-frames-0123abcd", 12_800
VIDEO_SHA256 = "5a" * 32


@dataclass
class Exported:
    path: Path
    identities: FrameIdentities
    selections: pa.Table
    stills_dir: Path
    stills: pa.Table | None = None

    @property
    def folder(self) -> Path:
        return self.stills_dir / VIDEO_ID

    def select(self, *frame_indices: int) -> pa.Table:
        return selections_of(VIDEO_ID, frame_indices, identities=self.identities, ticks_per_second=TICKS_PER_SECOND)

    def export(self, selections: pa.Table | None = None, **changes: Any) -> pa.Table:
        arguments = {
            "video_id": VIDEO_ID,
            "selections": self.selections if selections is None else selections,
            "identities": self.identities,
            "video_sha256": VIDEO_SHA256,
            "stills_dir": self.stills_dir,
        }
        return export_stills(self.path, **(arguments | changes))


@pytest.fixture
def unexported(synthetic_videos, tmp_path) -> Exported:
    path = synthetic_videos("b_frames")
    exported = Exported(path, identities_of(path), pa.table({}), tmp_path / "stills")
    exported.selections = exported.select(20, 7, 33)
    return exported


@pytest.fixture(params=["jpeg", "png"])
def exported(request, unexported) -> Exported:
    unexported.stills = unexported.export(settings=StillsSettings(format=request.param))
    return unexported
