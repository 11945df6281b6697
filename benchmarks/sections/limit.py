"""The full pass against what cannot be saved."""

from benchmarks.bench import Bench, left_out
from benchmarks.contestants import DecodeAlone
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
from benchmarks.forward import ModelsAlone
from benchmarks.jobs import Job, without_models
from benchmarks.measure import Entry, Measurement
from benchmarks.recipes import AV1, HEVC_4K, WEB, WEB_SHORT

TITLE = "The full pass over its limit"
ABOUT = """\
The limit is what cannot be saved: decoding every frame with the same library and threads (PyAV, demux and decode,
nothing else), and the models' forward passes over the same candidates in the same batches, from arrays that lie ready.
The job is everything from hashing the file to the catalog, shots, sharpness of every frame and stills among it."""

DECODE, MODELS, JOB_WITHOUT_MODELS, JOB = "decode alone", "models alone", "job without models", "job"
# Of the long clip against decoding alone, of the short ones against decoding and models.
_WANTED_OF_DECODING, _WANTED_OF_BOTH = 1.35, 1.40
# Told where the target is missed; as a profile of the job showed.
_CAUSES = {
    "web-1080p": "212 candidates, three to a shot, take 60 ms each, half of it in networks that were added after this "
    "was wanted (CenterFace 20 ms, the subject's mask 9, writing 4): a third of decoding; what is measured of every "
    "frame takes an eighth of it, and on two cores both share caches with the decoder",
    "hevc-4k-10bit": "10-bit planes are averaged at a third of the speed; each still of 4K is compressed twice, "
    "to be written and to be proven",
    "av1-1080p": "frames decode in 4 ms, and what is measured of every frame costs a quarter of that",
}


def measure(bench: Bench) -> Findings:
    """Decode, models, the job with and without them, over each codec."""
    settings = bench.settings()
    warm_path = bench.shelf.clip(WEB_SHORT).path
    ratios, costs, found, measurements = [], [], Findings(), []
    for recipe in (WEB, HEVC_4K, AV1):
        clip = bench.shelf.clip(recipe)
        entries = [
            Entry(DECODE, DecodeAlone(clip.path, settings.video.decode_threads)),
            Entry(JOB_WITHOUT_MODELS, Job(clip.path, settings, without_models(settings), warm_path), bench.few_runs),
            Entry(MODELS, ModelsAlone(clip.path, settings)),
            Entry(JOB, Job(clip.path, settings, None, warm_path)),
        ]
        measured = bench.measure(clip.name, entries)
        measurements.append(measured)
        ratios += [
            ratio_row(clip.name, measured, [JOB_WITHOUT_MODELS], [DECODE]),
            ratio_row(clip.name, measured, [JOB], [DECODE]),
            ratio_row(clip.name, measured, [JOB], [DECODE, MODELS]),
        ]
        costs += cost_rows(clip, measured)
        found.targets.append(_target(clip.name, measured, is_long=recipe is WEB))
        found.clips[clip.name] = clip.description
        found.samples[clip.name] = measured.samples
    found.tables.extend([Table("Ratios", RATIO_COLUMNS, ratios), Table("Seconds and memory", COST_COLUMNS, costs)])
    found.notes.extend(left_out(measurements))
    return found


def _target(clip_name: str, measured: Measurement, *, is_long: bool) -> Target:
    under, wanted = ([DECODE], _WANTED_OF_DECODING) if is_long else ([DECODE, MODELS], _WANTED_OF_BOTH)
    below = "decoding" if is_long else "(decoding + models)"
    name = f"full pass with all models / {below}, CPU, {clip_name}"
    return Target(name, wanted, True, paired_ratios(measured, [JOB], under, cpu), if_missed=_CAUSES.get(clip_name, ""))
