"""Recall of a shared intro: `uv run python -m benchmarks.recurrences [--clips FOLDER]`.

Makes a small library out of real clips: six videos begin with the same intro, a moving one and a still card, each
encoded at another size and quality; the others have none. It is run through the engine, and all candidates of different
videos are compared: what separates frames of the intro from others, and what `thumb-assets survey` finds.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import click
import numpy as np
from numpy.typing import NDArray

from thumb_assets.library.survey import survey
from thumb_assets.pipeline.engine import run
from thumb_assets.select.similarity import comparable_vectors
from thumb_assets.settings.load import load_settings
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets.survey.frames import frames_of

RATE = 25
INTRO = "cockatoo.mp4"
INTRO_SECONDS, CARD_SECONDS = 3.0, 2.0
STAGES = ("videos", "frames", "shots", "candidate_frames", "sharpness", "appearance", "clip_scores", "selections")

RgbArray = NDArray[np.uint8]


@dataclass(frozen=True)
class Body:
    """The part after the intro, or all there is: a part of a clip, and the encoding of the video."""

    clip: str
    start_seconds: float
    size: tuple[int, int]  # width, height
    crf: int
    has_intro: bool
    num_seconds: float = 8.0


BODIES = (
    Body("car-detection.mp4", 0, (640, 360), 18, has_intro=True),
    Body("flower.mp4", 0, (960, 540), 23, has_intro=True),
    Body("big_buck_bunny_0_30.webm", 4, (480, 270), 28, has_intro=True),
    Body("testvideo.mp4", 0, (640, 360), 32, has_intro=True),
    Body("pos_video.mp4", 0, (320, 180), 26, has_intro=True),
    Body("nasa_13013.mp4", 0, (854, 480), 36, has_intro=True),
    Body("big_buck_bunny_0_30.webm", 18, (640, 360), 23, has_intro=False),
    Body("testvideo.mp4", 12, (640, 360), 23, has_intro=False),
    Body("issue-195-aspect-ratio.mp4", 0, (704, 576), 23, has_intro=False),
    Body("issue-195-aspect-ratio.mp4", 13, (704, 576), 23, has_intro=False),
    Body("one-by-one-person-detection.mp4", 30, (640, 360), 23, has_intro=False),
    Body("traffic_camera_vfr.mp4", 5, (640, 360), 23, has_intro=False),
    Body("fades.mp4", 0, (480, 320), 23, has_intro=False),
    Body("sample_edit_list.mp4", 0, (960, 540), 23, has_intro=False),
)


@dataclass(frozen=True)
class Alikeness:
    """Pairs of candidates of different videos.

    Attributes:
        cosines: (P,) of the mixed vectors. clip_cosines, descriptor_cosines: (P,) of each alone.
        distances: (P,) bits in which the difference hashes differ.
        is_same: (P,) whether both show the same moment of the intro, to a tenth of a second, or both the card.
        is_moved: (P,) whether both show the moving intro at different moments.
        is_other: (P,) whether at least one of them is of no intro.
        is_compared: (P,) whether the survey compares both: neither is too dark, bright, flat or damaged.
    """

    cosines: NDArray[np.float64]
    clip_cosines: NDArray[np.float64]
    descriptor_cosines: NDArray[np.float64]
    distances: NDArray[np.int64]
    is_same: NDArray[np.bool_]
    is_moved: NDArray[np.bool_]
    is_other: NDArray[np.bool_]
    is_compared: NDArray[np.bool_]


def write_library(clips: Path, folder: Path, bodies: Sequence[Body] = BODIES) -> list[Path]:
    """The videos of `bodies` as files; those with an intro are named `intro-...`.

    Args:
        clips: the folder of the clips that `bodies` and INTRO name.
    """
    paths = []
    for number, body in enumerate(bodies):
        kind = "intro" if body.has_intro else "plain"
        path = folder / f"{kind}-{number:02d}-{Path(body.clip).stem}.mp4"
        _encode(path, _frames(clips, body), body)
        paths.append(path)
    return paths


def _frames(clips: Path, body: Body) -> Iterator[RgbArray]:
    if body.has_intro:
        yield from _clip_frames(clips / INTRO, 1.0, INTRO_SECONDS, body.size)
        yield from [_card(body.size)] * round(CARD_SECONDS * RATE)
    yield from _clip_frames(clips / body.clip, body.start_seconds, body.num_seconds, body.size)


def _clip_frames(path: Path, start_seconds: float, num_seconds: float, size: tuple[int, int]) -> Iterator[RgbArray]:
    """The pictures of a part of a clip at RATE, stretched to a size."""
    width, height = size
    num_done = 0
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            seconds = float(frame.time or 0) - start_seconds
            if seconds >= num_seconds:
                return
            while seconds >= num_done / RATE and num_done < num_seconds * RATE:
                yield frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
                num_done += 1


def _card(size: tuple[int, int]) -> RgbArray:
    """A mark on a plain ground, drawn at its size: a ring, a bar, a square."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width] / height
    picture = np.full((height, width, 3), (24, 40, 96), np.uint8)
    radius = np.hypot(x - 0.5 * width / height, y - 0.42)
    picture[(radius > 0.16) & (radius < 0.24)] = (240, 200, 40)
    picture[(abs(x - 0.5 * width / height) < 0.4) & (abs(y - 0.8) < 0.05)] = (230, 230, 230)
    picture[radius < 0.08] = (200, 40, 40)
    return picture


def _encode(path: Path, frames: Iterator[RgbArray], body: Body) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": str(body.crf)})
        stream.width, stream.height = body.size
        stream.pix_fmt = "yuv420p"
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


def compare(store: TableStore, settings: SelectionSettings) -> Alikeness:
    """All pairs of candidates of different videos of a library that `write_library` made and the engine ran."""
    measured = CandidateCache(store).candidates().measured
    if measured is None:
        raise click.ClickException("nothing was measured")
    embeddings, descriptors = np.vstack(measured.embeddings), np.vstack(measured.descriptors)
    vectors = comparable_vectors(embeddings, descriptors, settings=settings.similarity)
    if vectors is None:
        raise click.ClickException("neither embeddings nor descriptors were measured")
    videos = np.repeat(np.arange(len(measured.video_ids)), np.diff(measured.offsets))
    begins = np.array([video_id.startswith("intro") for video_id in measured.video_ids])[videos]
    seconds = measured["pts_seconds"]
    is_card = begins & (seconds >= INTRO_SECONDS) & (seconds < INTRO_SECONDS + CARD_SECONDS)
    is_intro = begins & (seconds < INTRO_SECONDS)
    left, right = np.nonzero(videos[:, None] < videos[None, :])
    is_both_intro = is_intro[left] & is_intro[right]
    is_near = abs(seconds[left] - seconds[right]) < 0.1
    of_intro = is_card | is_intro
    library = frames_of(measured, {}, settings=settings)
    used = {
        (library.video_id(frame), library.frame_indices[frame]) for part in library.comparable for frame in part.frames
    }
    rows = zip(np.array(measured.video_ids)[videos], measured.frame_indices, strict=True)
    is_used = np.array([row in used for row in rows])
    hashes = measured.difference_hash
    return Alikeness(
        cosines=(vectors @ vectors.T)[left, right].astype(np.float64),
        clip_cosines=_cosines(embeddings)[left, right],
        descriptor_cosines=_cosines(descriptors)[left, right],
        distances=np.bitwise_count(hashes[left] ^ hashes[right]).astype(np.int64),
        is_same=(is_card[left] & is_card[right]) | (is_both_intro & is_near),
        is_moved=is_both_intro & ~is_near,
        is_other=~of_intro[left] | ~of_intro[right],
        is_compared=is_used[left] & is_used[right],
    )


def _cosines(vectors: NDArray[np.float16]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    return wide @ wide.T


def render(found: Alikeness) -> str:
    """A Markdown table."""
    lines = ["| pairs | number | CLIP | descriptor | both mixed | hash distance |", "|---|---|---|---|---|---|"]
    kinds = (
        ("of the intro", found.is_same),
        ("of the intro, at other moments", found.is_moved),
        ("others", found.is_other),
        ("others that show something", found.is_other & found.is_compared),
    )
    for name, is_one in kinds:
        columns = [_range(values[is_one]) for values in (found.clip_cosines, found.descriptor_cosines, found.cosines)]
        distances = found.distances[is_one]
        lines.append(f"| {name} | {is_one.sum()} | {' | '.join(columns)} | {distances.min()} to {distances.max()} |")
    return "\n".join(lines) + "\n"


def _range(values: NDArray[np.float64]) -> str:
    return f"{values.min():.3f} to {values.max():.3f}, median {np.median(values):.3f}"


@click.command()
@click.option("--clips", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path("../shared/video"))
def main(clips: Path) -> None:
    """Print what separates the frames of a shared intro from others, and what the survey finds of them."""
    settings = load_settings()
    with tempfile.TemporaryDirectory(prefix="thumb-assets-recurrences-") as folder:
        store = TableStore(Path(folder) / "data")
        (Path(folder) / "videos").mkdir()
        videos, _ = Library(store.data_dir).register(write_library(clips, Path(folder) / "videos"))
        for _ in run([video.video_id for video in videos], STAGES, settings, store):
            pass
        print(render(compare(store, settings.selection)))
        result = survey(store, settings)
        for group in result.groups:
            print(f"{group.num_videos} videos: {', '.join(sorted({frame.video_id for frame in group.frames}))}")


if __name__ == "__main__":
    main()
