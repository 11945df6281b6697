"""The pictures of the gallery: smaller copies of stills, and frames of runners-up decoded again."""

import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as TooLate  # Python's own since 3.11
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from thumb_assets.errors import BadInputError, ThumbAssetsError
from thumb_assets.export.figures import picture_jpeg
from thumb_assets.stages.kit.work import identities_of
from thumb_assets.store.parquet import TableStore
from thumb_assets.video.fetch import FrameFetcher

# Heights of the stills' pictures, on the page of covers and on a video's own; shorter side of the runners-up.
SMALL, LARGE, _RUNNER_UP = 240, 720, 240
# A file that answers no more must not hold up the others.
_MOST_SECONDS = 120.0


def still_names(file_sha256: str) -> tuple[str, str]:
    """The names of a still's small and large picture; another content has other names."""
    return f"pictures/{file_sha256[:20]}-s.jpg", f"pictures/{file_sha256[:20]}.jpg"


def frame_name(video_id: str, frame_index: int) -> str:
    """The name of a runner-up's picture; the id tells the content."""
    return f"pictures/{video_id}.f{frame_index}.jpg"


class Frames:
    """Decodes frames in a process of its own: a decoder that dies on a damaged file costs one video its pictures."""

    def __init__(self, store: TableStore) -> None:
        self._store = store
        self._pool: ProcessPoolExecutor | None = None

    def pictures(self, video: Path, video_id: str, frame_indices: Sequence[int]) -> Mapping[int, bytes]:
        """JPEGs of frames that the file proves to have.

        Raises:
            BadInputError: the decoder died on the file, or did not answer.
            ThumbAssetsError: a frame cannot be fetched; see `FrameFetcher`.
        """
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        job = self._pool.submit(_pictures, video, self._store.data_dir, video_id, tuple(frame_indices))
        try:
            return job.result(timeout=_MOST_SECONDS)
        except ThumbAssetsError:
            raise
        except (BrokenProcessPool, TooLate) as error:
            self._end()
            what = "died" if isinstance(error, BrokenProcessPool) else f"did not answer for {_MOST_SECONDS:.0f} s"
            raise BadInputError(f"{video}: the decoder {what}; replace or convert the file") from None

    def _end(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            for process in list((pool._processes or {}).values()):  # noqa: SLF001 - one that hangs ends no other way
                process.kill()
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def decoded_frames(store: TableStore) -> Iterator[Frames]:
    """Frames, and the end of their process."""
    frames = Frames(store)
    try:
        yield frames
    finally:
        frames._end()  # noqa: SLF001 - the other half of this function


def _pictures(video: Path, data_dir: Path, video_id: str, frame_indices: tuple[int, ...]) -> dict[int, bytes]:
    identities = identities_of(TableStore(data_dir).read("frames", video_id))
    with FrameFetcher(video, identities) as fetcher:
        return {
            frame.frame_index: picture_jpeg(frame.rgb(_RUNNER_UP)) for frame, _ in fetcher.fetch_many(frame_indices)
        }
