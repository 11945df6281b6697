"""Fetches frames with FFmpeg the program, in batches; each is proven by its hash, or fetched by PyAV instead."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Literal

import av

from thumb_assets.errors import StorageError, TransientError, VerificationError
from thumb_assets.export.ffmpeg_command import (
    FILE_PATTERN,
    FfmpegLog,
    export_command,
    is_device_usable,
    pix_fmt_on,
)
from thumb_assets.export.ffmpeg_picture import PictureMaker
from thumb_assets.export.ffmpeg_program import find_program, run_program
from thumb_assets.settings.stages import ExportSettings, VideoSettings
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.fetch import FrameFetcher, FrameIdentities
from thumb_assets.video.frame import Frame
from thumb_assets.video.header import VideoHeader
from thumb_assets.video.planes import num_picture_bytes

ExportMethod = Literal["seek", "sequential", "ffmpeg"]

_LOGGER = logging.getLogger(__name__)
# In this order `auto` tries them.
_DEVICES = ("cuda", "vaapi", "qsv", "videotoolbox", "d3d11va")
# After so many frames in a row that it could not give, each asked for by itself, the program is not called again.
_MAX_FAILURES_IN_A_ROW = 3


@dataclass(frozen=True)
class _Exported:
    """The files of one call, by frame_index."""

    folder: Path
    files: dict[int, Path]
    device: str

    def drop_below(self, frame_index: int) -> None:
        """Removes the files of the frames before that one."""
        for index in [index for index in self.files if index < frame_index]:
            self.files.pop(index).unlink(missing_ok=True)

    def remove(self) -> None:
        """Removes all that is left of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


class FfmpegFetcher:
    """Fetches frames of one file by frame_index, as FrameFetcher does. Use as a context manager.

    Args:
        temporary_dir: an existing folder; the decoded pictures are in a new one inside it for a while, at most
            `peak_temporary_bytes` at a time.

    Raises:
        BadInputError: the video cannot be opened.
        ModelUnavailableError, SettingsError: there is no FFmpeg, or not where the settings say.
    """

    def __init__(
        self,
        path: Path,
        identities: FrameIdentities,
        *,
        temporary_dir: Path,
        export_settings: ExportSettings | None = None,
        video_settings: VideoSettings | None = None,
    ) -> None:
        self._path = path
        self._identities = identities
        self._settings = export_settings or ExportSettings()
        video_settings = video_settings or VideoSettings()
        # What the program could not give is fetched without the device: it may be what was wrong.
        self._cpu_settings = video_settings.model_copy(update={"hwaccel": "none"})
        self._program = find_program(self._settings.ffmpeg_path)
        with VideoDecoder(path, self._cpu_settings) as decoder:
            self._header = decoder.header
            self._maker = PictureMaker(next(iter(decoder)))
        self._devices = self._usable_devices(video_settings.hwaccel)
        self._temporary_dir = temporary_dir
        self._folder: Path | None = None
        self._call_numbers = count()
        self._pyav: FrameFetcher | None = None
        # The program gives all pictures the pixel shape of the first one, and its log says no other.
        self._num_failures_in_a_row = _MAX_FAILURES_IN_A_ROW if self._header.has_several_shapes else 0

    def __enter__(self) -> "FfmpegFetcher":
        try:
            folder = tempfile.mkdtemp(prefix=f".tmp-ffmpeg-{os.getpid()}-", dir=self._temporary_dir.absolute())
        except OSError as error:
            raise _storage_error(self._temporary_dir, error) from error
        self._folder = Path(folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        if self._pyav is not None:
            self._pyav.__exit__(kind, error, trace)

    def fetch_many(self, frame_indices: Iterable[int]) -> Iterator[tuple[Frame, ExportMethod]]:
        """The frames asked for, ascending, each once.

        Yields:
            (frame, method): `ffmpeg`, or the method by which PyAV fetched what the program could not give.

        Raises:
            VerificationError: an index is not in the video, or the file no longer decodes to the recorded frames.
            TransientError: a call of the program took longer than export.timeout_seconds.
            StorageError: the disk is full, read-only or gone.
        """
        wanted = sorted(set(frame_indices))
        num_frames = len(self._identities)
        for frame_index in wanted:
            if not 0 <= frame_index < num_frames:
                raise VerificationError(f"{self._path}: has no frame {frame_index}, only {num_frames}")
        size = self._settings.batch_size
        for start in range(0, len(wanted), size):
            yield from self._fetch_batch(wanted[start : start + size])

    def _fetch_batch(self, wanted: Sequence[int]) -> Iterator[tuple[Frame, ExportMethod]]:
        sources = self._export_batch(wanted)
        try:
            for frame_index in wanted:
                for source in sources:  # neighbours of interlaced frames are one frame away
                    source.drop_below(frame_index - 1)
                frames = (self._frame(source, frame_index) for source in sources)
                frame = next((frame for frame in frames if frame is not None), None) or self._fetch_alone(frame_index)
                self._note_success(is_given=frame is not None)
                yield (frame, "ffmpeg") if frame is not None else self._fetch_with_pyav(frame_index)
        finally:
            for source in sources:
                source.remove()

    def _export_batch(self, wanted: Sequence[int]) -> list[_Exported]:
        """The calls that together hold the batch's frames: of a device, and of the CPU for what that got wrong."""
        sources, missing = [], list(wanted)
        if self._is_given_up:
            return []
        for device in self._devices[:]:
            exported = self._export(missing, device=device)
            if exported is not None:
                sources.append(exported)
                missing = [frame_index for frame_index in missing if self._frame(exported, frame_index) is None]
            if missing == list(wanted):  # it is not there, or cannot decode this
                self._devices.remove(device)
        if missing:
            exported = self._export(missing, num_threads=self._cpu_settings.decode_threads)
            sources += [exported] if exported is not None else []
        return sources

    def _fetch_alone(self, frame_index: int) -> Frame | None:
        """One frame by a call of its own, with one thread: no other frame can be taken for it."""
        if self._is_given_up:
            return None
        exported = self._export([frame_index], num_threads=1)
        if exported is None:
            return None
        try:
            return self._frame(exported, frame_index)
        finally:
            exported.remove()

    @property
    def _is_given_up(self) -> bool:
        return self._num_failures_in_a_row >= _MAX_FAILURES_IN_A_ROW

    def _note_success(self, *, is_given: bool) -> None:
        """Counts what the program could not give, and says so once per file when it is not asked again."""
        if self._is_given_up:
            return
        self._num_failures_in_a_row = 0 if is_given else self._num_failures_in_a_row + 1
        if self._is_given_up:
            _LOGGER.warning(
                "%s: %s (FFmpeg %s) does not give the frames that were recorded; PyAV exports the rest of this file. "
                "If this is so for many files, set export.ffmpeg_path to a newer FFmpeg or export.backend to pyav",
                *(self._path, self._program.path, self._program.version),
            )

    def _fetch_with_pyav(self, frame_index: int) -> tuple[Frame, ExportMethod]:
        if self._pyav is None:
            self._pyav = FrameFetcher(self._path, self._identities, self._cpu_settings)
        return self._pyav.fetch(frame_index)

    def _export(self, wanted: Sequence[int], *, device: str = "cpu", num_threads: int = 1) -> _Exported | None:
        """One call of the program; None where it did not give exactly the files it was asked for."""
        if self._folder is None:
            raise RuntimeError("FfmpegFetcher is used outside of its `with` block")
        frame_indices = _with_neighbours(wanted, self._identities)
        folder = self._folder / str(next(self._call_numbers))
        exported = None
        try:
            folder.mkdir()
            status, log = self._call(folder, frame_indices, device=device, num_threads=num_threads)
            # What threads make of a damaged file depends on their number, and the hash proves nothing of the chroma.
            is_doubtful = log.is_changed or (log.is_damaged and (num_threads != 1 or device != "cpu"))
            if status == 0 and not is_doubtful and self._is_complete(folder, frame_indices, log):
                exported = _Exported(folder, self._right_files(folder, frame_indices, log, device), device)
        except OSError as error:
            raise _storage_error(self._folder, error) from error
        finally:
            if exported is None:
                shutil.rmtree(folder, ignore_errors=True)
        if exported is None:
            _LOGGER.info("%s: FFmpeg did not give %d frames as asked (%s)", self._path, len(frame_indices), device)
            if log.is_damaged and not log.is_changed and num_threads != 1 and device == "cpu":
                return self._export(wanted, num_threads=1)
        return exported

    def _call(
        self, folder: Path, frame_indices: Sequence[int], *, device: str, num_threads: int
    ) -> tuple[int, FfmpegLog]:
        command = export_command(
            self._program, self._path, frame_indices, header=self._header, device=device, num_threads=num_threads
        )
        log_path = folder.with_suffix(".log")
        try:
            status = run_program(
                command, folder=folder, log_path=log_path, timeout_seconds=self._settings.timeout_seconds
            )
            return status, FfmpegLog.read(log_path)
        except TransientError as error:
            raise TransientError(f"{self._path}: {error}") from None
        finally:
            log_path.unlink(missing_ok=True)

    def _is_complete(self, folder: Path, frame_indices: Sequence[int], log: FfmpegLog) -> bool:
        expected = [FILE_PATTERN % number for number in range(len(frame_indices))]
        found = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.is_symlink())
        return found == expected and len(list(folder.iterdir())) == len(log.pictures) == len(expected)

    def _right_files(self, folder: Path, frame_indices: Sequence[int], log: FfmpegLog, device: str) -> dict[int, Path]:
        """The files whose pictures are alike to the stream's first one: `PictureMaker` can make only those."""
        right = (*self._header.decoded_size, pix_fmt_on(device, self._header.pix_fmt))
        files = (folder / (FILE_PATTERN % number) for number in range(len(frame_indices)))
        shown = zip(frame_indices, files, log.pictures, strict=True)
        return {frame_index: file for frame_index, file, picture in shown if picture == right}

    def _frame(self, source: _Exported, frame_index: int) -> Frame | None:
        """The frame out of a call's files; None where it is not there or not the one recorded."""
        picture = self._picture(source, frame_index)
        if picture is None:
            return None
        identities, around = self._identities, self._identities.neighbours_of(frame_index)
        before, after = (
            self._picture(source, index) if index in around else None for index in (frame_index - 1, frame_index + 1)
        )
        frame = Frame(
            picture,
            frame_index=frame_index,
            pts=int(identities.pts[frame_index]),
            pts_seconds=float(identities.pts_seconds[frame_index]),
            look=self._header.look,
            shown=self._header.shown(*self._header.decoded_size, self._header.first_geometry.sample_aspect_ratio),
            is_keyframe=bool(identities.is_keyframe[frame_index]),
            field_order=identities.field_order[frame_index],
            neighbours=(before, after),
            decoded_on=source.device,
        )
        return frame if identities.is_match(frame, frame_index) else None

    def _picture(self, source: _Exported, frame_index: int) -> av.VideoFrame | None:
        file = source.files.get(frame_index)
        if file is None:
            return None
        try:
            return self._maker.make(file.read_bytes(), device=source.device)
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            raise _storage_error(file, error) from error

    def _usable_devices(self, hwaccel: str) -> list[str]:
        if hwaccel == "none":
            return []
        there = self._program.devices()
        named = _DEVICES if hwaccel == "auto" else (hwaccel,)
        return [device for device in named if device in there and is_device_usable(device, self._header.pix_fmt)]


def peak_temporary_bytes(
    frame_indices: Iterable[int],
    *,
    identities: FrameIdentities,
    header: VideoHeader,
    export_settings: ExportSettings | None = None,
    video_settings: VideoSettings | None = None,
) -> int:
    """The most bytes that fetching these frames keeps on the disk at a time; 0 with PyAV."""
    export_settings, video_settings = export_settings or ExportSettings(), video_settings or VideoSettings()
    if export_settings.backend != "ffmpeg":
        return 0
    wanted, size = sorted(set(frame_indices)), export_settings.batch_size
    batches = (wanted[start : start + size] for start in range(0, len(wanted), size))
    num_pictures = max((len(_with_neighbours(batch, identities)) for batch in batches), default=0)
    # A device's files stay while the CPU does what the device could not, and a frame alone comes on top of a batch.
    num_pictures = num_pictures * (1 if video_settings.hwaccel == "none" else 2) + 3 * bool(wanted)
    return num_pictures * num_picture_bytes(*header.usual_decoded_size, header.pix_fmt)


def _with_neighbours(wanted: Sequence[int], identities: FrameIdentities) -> list[int]:
    return sorted({*wanted, *(index for frame_index in wanted for index in identities.neighbours_of(frame_index))})


def _storage_error(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path}: cannot be used ({error.strerror or error}); free or mount the disk")
