"""Ours against what people do today."""

from benchmarks.bench import Bench, left_out
from benchmarks.findings import (
    COST_COLUMNS,
    RATIO_COLUMNS,
    Findings,
    Table,
    Target,
    cost_rows,
    cpu,
    paired_ratios,
    ratio_row,
)
from benchmarks.jobs import Job
from benchmarks.measure import Entry
from benchmarks.peers import SaveImages, ThumbnailFilter, TutorialScript
from benchmarks.recipes import WEB, WEB_SHORT

TITLE = "The tutorial's script and other tools"
ABOUT = """\
The script of the tutorials, written faithfully: PySceneDetect's AdaptiveDetector over the file, one `ffmpeg -ss` per
candidate (as many as our full pass has), `cv2.imread`, Laplacian variance, one picture per forward pass with PIL
preprocessing. It gets the same CLIP model and metric, loaded before the clock runs, and the metric sees the picture at
the height ours sees it, which favours the script. `save-images` is PySceneDetect's, three pictures per scene;
`thumbnail` is FFmpeg's filter over every 100 frames; neither scores anything. A ratio is theirs over ours: above 1 ours
costs less. CPU of programs that are started is counted; their memory is not in the peak."""

TUTORIAL, SAVE_IMAGES, THUMBNAIL, FULL, SPARSE = (
    "tutorial's script",
    "PySceneDetect save-images",
    "FFmpeg thumbnail",
    "ours, full",
    "ours, sparse",
)


def measure(bench: Bench) -> Findings:
    """The script and the tools against the full and the sparse pass."""
    settings = bench.settings()
    clip, warm_path = bench.shelf.clip(WEB), bench.shelf.clip(WEB_SHORT).path
    entries = [
        Entry(TUTORIAL, TutorialScript(clip.path, settings)),
        Entry(FULL, Job(clip.path, settings, None, warm_path, sees_every_frame=False)),
        Entry(SPARSE, Job(clip.path, bench.settings(profile="sparse"), None, warm_path, sees_every_frame=False)),
        Entry(SAVE_IMAGES, SaveImages(clip.path), max_runs=bench.few_runs),
        Entry(THUMBNAIL, ThumbnailFilter(clip.path), max_runs=bench.few_runs),
    ]
    measured = bench.measure(clip.name, entries)
    ratios = [
        ratio_row(clip.name, measured, [theirs], [ours])
        for theirs in (TUTORIAL, SAVE_IMAGES, THUMBNAIL)
        for ours in (FULL, SPARSE)
    ]
    wanted = {FULL: 1.8, SPARSE: 5.0}
    return Findings(
        tables=[
            Table("Ratios", RATIO_COLUMNS, ratios),
            Table("Seconds and memory", COST_COLUMNS, cost_rows(clip, measured)),
        ],
        targets=[
            Target(f"{TUTORIAL} / {ours}, CPU", least, False, paired_ratios(measured, [TUTORIAL], [ours], cpu))
            for ours, least in wanted.items()
        ],
        clips={clip.name: clip.description},
        notes=left_out([measured]),
        samples={clip.name: measured.samples},
    )
