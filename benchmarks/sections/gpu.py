"""The rows that need a GPU."""

import tempfile
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.findings import COST_COLUMNS, RATIO_COLUMNS, Findings, Table, cost_rows, ratio_row, spread
from benchmarks.gpu import ClipForward, JobOnDevice, random_weights
from benchmarks.measure import Entry, Measurement
from benchmarks.recipes import WEB_SHORT

TITLE = "With a GPU"
ABOUT = """\
ViT-L-14 with random weights (as fast as trained ones; its scores mean nothing): forward passes over tensors that lie on
the device, in a plain loop; our encoder from arrays in memory to embeddings in memory; and the whole job with every
frame of the video a candidate. Idle is the share of time in which no kernel ran, as nvidia-smi tells it."""

RESIDENT, ENCODER, JOB = "plain loop, resident tensors", "our encoder, from arrays", "job, every frame"
_MODEL, _BATCH_SIZE, _NUM_IMAGES = "ViT-L-14", 128, 2048


def measure(bench: Bench) -> Findings:
    """Three throughputs; a note instead where there is no GPU."""
    import torch

    if not torch.cuda.is_available():
        return Findings(notes=["Not measured: no GPU on this machine."])
    found = on_device(bench, model=_MODEL, device="cuda", batch_size=_BATCH_SIZE, num_images=_NUM_IMAGES)
    found.notes.append(f"Device: {torch.cuda.get_device_name()}, CUDA {torch.version.cuda}.")
    return found


def on_device(bench: Bench, *, model: str, device: str, batch_size: int, num_images: int) -> Findings:
    """The contestants on a device."""
    clip = bench.shelf.clip(WEB_SHORT)
    with tempfile.TemporaryDirectory(prefix="thumb-assets-benchmarks-") as name:
        folder = Path(name)
        random_weights(model, folder)  # here, since the contestants start at the same time
        forward = [
            Entry(
                contestant,
                ClipForward(way, model, device, batch_size, num_images, folder),  # type: ignore[arg-type]
            )
            for contestant, way in ((RESIDENT, "resident"), (ENCODER, "encoder"))
        ]
        job = Entry(JOB, JobOnDevice(clip.path, model, device, batch_size, folder, warm_path=clip.path))
        measured = bench.measure(model, [*forward, job])
    rows = [
        (name, measured.samples[name][0].done, spread(_per_second(measured, name), digits=0))
        for name in measured.samples
    ]
    return Findings(
        tables=[
            Table("Throughput", ("contestant", "work", "images or frames per second"), rows),
            Table("Ratios", RATIO_COLUMNS, [ratio_row(model, measured, [RESIDENT], [ENCODER])]),
            Table("Seconds and memory", COST_COLUMNS, cost_rows(clip, measured)),
        ],
        clips={clip.name: clip.description},
        samples={clip.name: measured.samples},
    )


def _per_second(measured: Measurement, name: str) -> list[float]:
    """The rate of a contestant, which reports it in words first, as a number."""
    return [int(sample.done.split()[0]) / sample.wall_seconds for sample in measured.samples[name]]
