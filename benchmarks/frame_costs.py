"""CPU of each measure that every frame gets: `uv run python -m benchmarks.frame_costs VIDEO... [--frames N]`.

The calls are the pass's own, one after the other with one decoder thread, so that all CPU time has one owner. Beside
decoder threads on the same cores each costs up to twice as much, as decoding does.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from benchmarks.machine import describe_machine
from benchmarks.page import table
from thumb_assets.settings.load import load_settings
from thumb_assets.sharpness import EVAL_HEIGHT, difference_image, frame_difference, measure_luma
from thumb_assets.shots.detector import ShotDetector
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.reduce import one_thread_per_picture

Made = TypeVar("Made")

DECODE = "decoding, one thread"


def frame_costs(path: Path, *, num_frames: int) -> dict[str, float]:
    """CPU milliseconds per frame by measure, decoding first.

    Args:
        num_frames: frames from the start that count, at most.
    """
    settings = load_settings(overrides=["video.decode_threads=1"])
    seconds: dict[str, float] = defaultdict(float)

    def timed(name: str, make: Callable[[], Made]) -> Made:
        begin = time.thread_time()
        made = make()
        seconds[name] += time.thread_time() - begin
        return made

    num_seen, previous = 0, None
    with one_thread_per_picture(), VideoDecoder(path, settings.video) as decoder:
        detector, frames = ShotDetector(settings.shots), iter(decoder)
        while num_seen < num_frames:
            frame = timed(DECODE, lambda: next(frames, None))
            if frame is None:
                break
            timed("hashes", lambda now=frame: now.fingerprint)  # type: ignore[misc]
            luma = timed("luma, reduced", lambda now=frame: now.luma(EVAL_HEIGHT))  # type: ignore[misc]
            timed("Laplacian, brightness", lambda now=luma: measure_luma(now))  # type: ignore[misc]
            image = timed("difference to the frame before", lambda now=luma: difference_image(now))  # type: ignore[misc]
            if previous is not None:
                timed("difference to the frame before", lambda a=image, b=previous: frame_difference(a, b))  # type: ignore[misc]
            previous = image
            small = timed("shot detector's picture", lambda now=frame: detector.picture_of(now))  # type: ignore[misc]
            timed("shot detector", lambda a=small, now=frame: detector.process(a, seconds=now.pts_seconds))  # type: ignore[misc]
            num_seen += 1
    return {name: 1000 * total / num_seen for name, total in seconds.items()}


def page(found: dict[str, dict[str, float]]) -> str:
    """The results as a Markdown table: a row per measure, a column per video."""
    names = list(next(iter(found.values())))
    rows = [(name, *(f"{own.get(name, 0.0):.2f}" for own in found.values())) for name in names]
    sums = [sum(own.values()) - own[DECODE] for own in found.values()]
    rows.append(("all measures", *(f"{total:.2f}" for total in sums)))
    shares = [total / own[DECODE] for total, own in zip(sums, found.values(), strict=True)]
    rows.append(("measures / decoding", *(f"{share:.2f}" for share in shares)))
    return "\n\n".join([describe_machine(), table(("CPU ms per frame", *found), rows)]) + "\n"


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--frames", "num_frames", type=click.IntRange(1), default=250, show_default=True, help="At most so many.")
def main(*, paths: tuple[Path, ...], num_frames: int) -> None:
    """Print what every frame of each video costs beside its decoding."""
    click.echo(page({path.stem: frame_costs(path, num_frames=num_frames) for path in paths}), nl=False)


if __name__ == "__main__":
    main()
