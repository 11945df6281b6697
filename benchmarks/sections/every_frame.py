"""A metric over every decoded frame against the metric alone."""

from benchmarks.bench import Bench, left_out
from benchmarks.contestants import DecodeAlone
from benchmarks.findings import (
    COST_COLUMNS,
    RATIO_COLUMNS,
    Findings,
    Table,
    Target,
    cost_rows,
    paired_ratios,
    ratio_row,
    wall,
)
from benchmarks.forward import ModelsAlone
from benchmarks.jobs import STAGES_BEFORE_MODELS, Job
from benchmarks.measure import Entry
from benchmarks.recipes import WEB_SHORT

TITLE = "Every frame"
ABOUT = """\
Every decoded frame is scored by the quality metric (`iqa.scope=every_frame`), shots and tables included. It is held
against the metric alone, over the same frames in the same batches, from tensors that lie ready. Without a GPU the
metric and the decoder share the same cores, so the best that can be had is their sum; the target is how near the job
comes to it."""

DECODE, METRIC, JOB = "decode alone", "metric alone", "every frame"
WANTED = 0.95
_SHARED_CORES = (
    "the metric takes 8 ms a frame where it took 60 when this was wanted, so that the picture of 540 lines it is given "
    "(2 ms), what is measured of every frame (1 ms) and the job's begin and end are no longer small beside it"
)


def measure(bench: Bench) -> Findings:
    """Decode, the metric by itself, the job that scores every frame."""
    settings = bench.settings("iqa.scope=every_frame")
    clip = bench.shelf.clip(WEB_SHORT)
    entries = [
        Entry(DECODE, DecodeAlone(clip.path, settings.video.decode_threads)),
        Entry(METRIC, ModelsAlone(clip.path, settings, ("iqa_scores",), shows_every_frame=True)),
        Entry(JOB, Job(clip.path, settings, (*STAGES_BEFORE_MODELS, "iqa_scores"))),
    ]
    measured = bench.measure(clip.name, entries)
    values = paired_ratios(measured, [METRIC, DECODE], [JOB], wall)
    missing = left_out([measured])
    return Findings(
        tables=[
            Table(
                "Ratios",
                RATIO_COLUMNS,
                [
                    ratio_row(clip.name, measured, [METRIC], [JOB]),
                    ratio_row(clip.name, measured, [METRIC, DECODE], [JOB]),
                ],
            ),
            Table("Seconds and memory", COST_COLUMNS, cost_rows(clip, measured)),
        ],
        targets=[
            Target(
                "every frame: (metric + decoding) / job, wall",
                WANTED,
                False,
                [] if missing else values,
                if_missed="no metric can be had here" if missing else _SHARED_CORES,
            )
        ],
        clips={clip.name: clip.description},
        notes=missing,
        samples={clip.name: measured.samples},
    )
