"""The strategy `keyframes` under its three kinds of threshold: `python -m benchmarks.keyframe_thresholds`.

On a clip of people who talk, one of action and one that goes from place to place: how many frames are chosen, and how
well they cover the video. Coverage is the mean over the candidates of the distance (1 - cosine, as selection sees
likeness: embedding and descriptor) to the nearest chosen one; less is better, and more frames always cover better.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from benchmarks.page import table
from benchmarks.selection.footage import DEFAULT_FOLDER
from benchmarks.selection.ours import Ours
from thumb_assets.select.aligned import vectors
from thumb_assets.select.similarity import comparable_vectors
from thumb_assets.settings.selection import SimilaritySettings

# What is seen -> file: two people in an archive, and what they show; a chase in a drawn film; a camera that goes
# through a drawn landscape.
CLIPS = {
    "people who talk": "issue-195-aspect-ratio.mp4",
    "action": "pos_video.mp4",
    "from place to place": "big_buck_bunny_0_30.webm",
}
THRESHOLDS = ("fixed", "dynamic", "percentile")
_ALWAYS = ("candidates.uniform_interval_seconds=0.5", "selection.strategy=keyframes", "selection.top_k=1000")


def measure(folder: Path, clips: dict[str, str], shared: Path) -> Iterator[tuple[str, str, int, float]]:
    """(what is seen, threshold, frames chosen, coverage) of every clip and threshold.

    Args:
        folder: where tables are kept.
        clips: as CLIPS.
        shared: the folder of the files.
    """
    ours = Ours(folder)
    for seen, name in clips.items():
        path = shared / name
        for threshold in THRESHOLDS:
            overrides = (*_ALWAYS, f"selection.keyframes.threshold={threshold}")
            chosen = ours.selections([path], overrides)[path].column("frame_index").to_numpy()
            candidates = ours.table("candidate_frames", path, overrides).column("frame_index").to_numpy()
            of_table = {
                column: vectors(ours.table(table_name, path, overrides), column, frame_indices=candidates)
                for table_name, column in (("clip_scores", "embedding"), ("appearance", "descriptor"))
            }
            every = comparable_vectors(of_table["embedding"], of_table["descriptor"], settings=SimilaritySettings())
            if every is None:
                raise click.ClickException(f"{path}: its candidates have no vectors")
            cosines = every @ every[np.isin(candidates, chosen)].T
            yield seen, threshold, len(chosen), float((1 - cosines.max(axis=1)).mean())


@click.command()
@click.option("--shared", default=DEFAULT_FOLDER, type=click.Path(file_okay=False, path_type=Path))
def main(*, shared: Path) -> None:
    """Compare the thresholds of the strategy keyframes."""
    with tempfile.TemporaryDirectory(prefix="thumb-assets-keyframes-") as folder:
        rows = [
            [seen, threshold, str(number), f"{coverage:.3f}"]
            for seen, threshold, number, coverage in measure(Path(folder), CLIPS, shared)
        ]
    click.echo(table(["clip", "threshold", "frames chosen", "coverage"], rows))


if __name__ == "__main__":
    main()
