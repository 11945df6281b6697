"""Stills of turned, mirrored, interlaced and HDR video as a simpler tool would write them: each is caught."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from thumb_assets.export.metadata import encode_still, read_still_metadata
from thumb_assets.export.stills import export_stills
from thumb_assets.export.verify import verify_mapping
from thumb_assets.settings.stages import StillsSettings
from thumb_assets.video.colour import Colours
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.rendition import render
from thumb_assets_tests.support.decoded import identities_of, selections_of

FRAME_INDEX = 12


def as_decoded(frame):
    """Without deinterlacing, mapping or turning: the decoder's picture in RGB."""
    width, height = frame.geometry.width, frame.geometry.height
    return render(frame._picture, "rgb8", width=width, height=height, colours=Colours(matrix=frame._colours.matrix))


@pytest.mark.parametrize("name", ["rotated_180", "mirrored", "h264_top_first", "hdr_pq", "hdr_hlg", "wide_gamut"])
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_an_untreated_picture_is_caught(synthetic_videos, tmp_path, name, kind):
    path = synthetic_videos(name)
    identities = identities_of(path)
    selections = selections_of("video-1", [FRAME_INDEX], identities=identities, ticks_per_second=1)
    stills = export_stills(
        path,
        video_id="video-1",
        selections=selections,
        identities=identities,
        video_sha256="0" * 64,
        stills_dir=tmp_path,
        settings=StillsSettings(format=kind),
    )
    folder = tmp_path / "video-1"
    (still,) = folder.glob("video-1_f*")
    assert verify_mapping(path, stills, identities=identities, folder=folder).is_passed

    with VideoDecoder(path) as decoder:
        frame = next(frame for frame in decoder if frame.frame_index == FRAME_INDEX)
    untreated = np.ascontiguousarray(as_decoded(frame))
    data = encode_still(untreated, format=kind, quality=95, facts=read_still_metadata(still))
    still.write_bytes(data)
    rows = stills.to_pylist()
    rows[0] |= {"num_bytes": len(data), "file_sha256": hashlib.sha256(data).hexdigest()}
    stamped = pa.Table.from_pylist(rows, schema=stills.schema)
    assert not verify_mapping(path, stamped, identities=identities, folder=folder).is_passed
