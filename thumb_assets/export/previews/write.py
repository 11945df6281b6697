"""Writes the previews of one video: chooses frames, takes or fetches their pictures, makes the files, proves them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from thumb_assets.errors import VerificationError
from thumb_assets.export.backend import open_fetcher
from thumb_assets.export.previews.animation import encode_mp4, encode_webp, h264_encoder
from thumb_assets.export.previews.forms import render_bif, render_webvtt
from thumb_assets.export.previews.pictures import PictureStore, tile_of
from thumb_assets.export.previews.plan import PlannedFile, Row, moments_of, plan_files
from thumb_assets.export.previews.sheets import PictureOf, jpeg_bytes, sheet_image
from thumb_assets.export.previews.verify import keys_of, pictures_from, previews_problems, verify_previews_count
from thumb_assets.export.space import SpaceNeeded, require_space
from thumb_assets.export.verify import require_passed
from thumb_assets.folders import replaced_folder
from thumb_assets.select.tiles import choose_tiles
from thumb_assets.settings.previews import PreviewsSettings
from thumb_assets.settings.selection import RejectSettings
from thumb_assets.settings.stages import ExportSettings, VideoSettings
from thumb_assets.tables.checks import Verdict
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.video.fetch import FrameIdentities
from thumb_assets.video.geometry import Geometry

# Bytes per pixel to reserve: a JPEG of quality 80 takes a tenth of a byte to a third.
_BYTES_PER_PIXEL = 0.6


@dataclass(frozen=True)
class ExportedPreviews:
    """The previews that were written.

    Attributes:
        num_fetched: frames that had to be decoded again, since the pass had not kept their pictures.
        note: what was left out, and why; empty where nothing was.
    """

    table: pa.Table
    num_frames: int
    num_fetched: int
    note: str


def export_previews(
    path: Path,
    *,
    video_id: str,
    frames: pa.Table,
    shots: pa.Table | None,
    selections: pa.Table | None,
    geometry: Geometry,
    identities: FrameIdentities,
    previews_dir: Path,
    settings: PreviewsSettings,
    reject: RejectSettings,
    kept: PictureStore | None = None,
    export_settings: ExportSettings | None = None,
    video_settings: VideoSettings | None = None,
    on_swap: Callable[[], object] = lambda: None,
) -> ExportedPreviews:
    """Writes the previews of one video to `previews_dir/{video_id}` in place of those that are there.

    Args:
        path: the video.
        frames, shots, selections: its tables; selections are needed for an animation.
        kept: pictures that the pass kept; it is closed here.
        on_swap: see `replaced_folder`.

    Raises:
        BadInputError: the video cannot be opened.
        VerificationError: the video no longer decodes to the recorded frames, or what was written is not right.
        StorageError: the disk is full, read-only or gone.
    """
    files, note = _planned(
        video_id,
        frames=frames,
        shots=shots,
        selections=selections,
        geometry=geometry,
        settings=settings,
        reject=reject,
    )
    how = export_settings or ExportSettings()
    needed = SpaceNeeded(round(sum(_num_pixels(file) for file in files) * _BYTES_PER_PIXEL))
    require_space(previews_dir, needed, min_free_bytes=how.min_free_bytes, what="its previews")
    rows = [row for file in files for row in file.rows]
    with replaced_folder(previews_dir / video_id, on_swap=on_swap) as folder, kept or PictureStore(None) as store:
        keys = keys_of(rows)
        missing = {index for index, width in keys if (index, width) not in store}
        with open_fetcher(
            path, identities, temporary_dir=folder, export_settings=how, video_settings=video_settings
        ) as fetcher:
            for frame, _method in fetcher.fetch_many(missing):
                for key, size in keys.items():
                    if key[0] == frame.frame_index and key not in store:
                        store.add(key, tile_of(frame, size))
        picture_of = pictures_from(store, rows)
        written = [row for file in files for row in _write(file, rows, folder, picture_of, settings)]
        table = table_from_rows("previews", written)
        problems = list(previews_problems(written, folder=folder, picture_of=picture_of))
        about = "Every tile shows its frame."
        require_passed(
            path,
            verify_previews_count(table, folder=folder),
            Verdict.of(about, num_checked=len(written), problems=problems),
            what="previews",
        )
    return ExportedPreviews(table, len({index for index, _ in keys}), len(missing), note)


def _planned(
    video_id: str,
    *,
    frames: pa.Table,
    shots: pa.Table | None,
    selections: pa.Table | None,
    geometry: Geometry,
    settings: PreviewsSettings,
    reject: RejectSettings,
) -> tuple[list[PlannedFile], str]:
    """The files to write, and what cannot be."""
    tiles = choose_tiles(frames, shots, interval_seconds=settings.interval_seconds, reject=reject)
    animations, moments, note = [], [], ""
    if "animation" in settings.kinds and selections is not None:
        animations = ["animation_webp"]
        moments = moments_of(selections, frames, shots, settings=settings)
        if h264_encoder() is None:
            note = "no MP4: FFmpeg's libraries have no H.264 encoder here"
        else:
            animations.append("animation_mp4")
        if not moments:
            note = "no animation: nothing was selected"
    size = geometry.display_size
    files = plan_files(tiles, moments, video_id=video_id, display_size=size, animations=animations, settings=settings)
    return files, note


def _num_pixels(file: PlannedFile) -> int:
    return sum(row["width"] * row["height"] for row in file.rows)


def _write(
    file: PlannedFile, rows: Sequence[Row], folder: Path, picture_of: PictureOf, settings: PreviewsSettings
) -> list[Row]:
    """The file's rows, complete, and the file written."""
    data = _content(file, rows, picture_of, settings)
    target = folder / file.file_name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    told = {"num_bytes": len(data), "file_sha256": hashlib.sha256(data).hexdigest()}
    return [{**row, **told} for row in file.rows]


def _content(file: PlannedFile, rows: Sequence[Row], picture_of: PictureOf, settings: PreviewsSettings) -> bytes:
    if file.kind == "webvtt":
        width = file.rows[0]["width"]
        sprites = [row for row in rows if row["kind"] == "sprite" and row["width"] == width]
        return render_webvtt(sprites).encode()
    if file.kind == "bif":
        images = (sheet_image("bif", [row], (row["width"], row["height"]), picture_of) for row in file.rows)
        jpegs = [jpeg_bytes(image, quality=settings.jpeg_quality, has_profile=False) for image in images]
        return render_bif(jpegs, interval_seconds=settings.interval_seconds)
    if file.kind == "animation_webp":
        pictures = [picture_of(row) for row in file.rows]
        return encode_webp(pictures, rate=settings.animation_rate, quality=settings.animation_quality)
    if file.kind == "animation_mp4":
        encoder = h264_encoder()
        if encoder is None:
            raise VerificationError(f"{file.file_name}: the H.264 encoder is gone")
        return encode_mp4([picture_of(row) for row in file.rows], rate=settings.animation_rate, encoder=encoder)
    return jpeg_bytes(sheet_image(file.kind, file.rows, file.size, picture_of), quality=settings.jpeg_quality)
