"""A process that handles damaged files one after the other, so that one that kills it is known by name.

Reads one JSON object per line, `{"name": ..., "folder": ...}`, and answers each with one line. The first line it reads
is the table of sources. Run as `python -m thumb_assets_tests.robustness.damage_worker`.
"""

import faulthandler
import hashlib
import json
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from thumb_assets.errors import ThumbAssetsError
from thumb_assets.pipeline.result import StageResult
from thumb_assets.settings.stages import VideoSettings
from thumb_assets.store.outcomes import read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.video.decode import VideoDecoder
from thumb_assets_tests.robustness.whole import leftovers, table_problems, video_problems
from thumb_assets_tests.support.damage import damage
from thumb_assets_tests.support.running import register, run_stages

# A header may promise any size; what asks for more than this gets a MemoryError instead of the whole machine.
_MAX_MEMORY_BYTES = 8 << 30
# What a reader of frames and what the proof of a picture say of a file that decodes differently each time.
_UNSTEADY = ("no longer decodes to what was recorded", "does not give the recorded frame again")


def main() -> None:
    """Answers until the input ends."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    sources = {name: Path(path) for name, path in json.loads(sys.stdin.readline()).items()}
    answers.write("ready\n")
    for line in sys.stdin:
        job = json.loads(line)
        folder = Path(job["folder"])
        try:
            answer = _handle(job["name"], sources, folder)
        except BaseException as error:  # noqa: BLE001 - whatever the engine lets through is what is looked for
            answer = {"problems": [f"raised {type(error).__name__}: {error}"], "outcome": "raised"}
        answers.write(json.dumps(answer) + "\n")


def _handle(name: str, sources: dict[str, Path], folder: Path) -> dict[str, object]:
    folder.mkdir(parents=True)
    working = folder / "working"
    working.mkdir()
    os.chdir(working)
    path = damage(name, sources, folder)
    before = _listing(folder)
    data_dir = folder / "data"
    (video_id,) = register(data_dir, [path])
    results = [result for (_, _), result in run_stages(data_dir, [video_id]).items()]
    store = TableStore(data_dir)
    found = list(video_problems(store, video_id, path))
    # A decoder that fills gaps with what lies in memory shows another picture each time. Its stills were each proven
    # when they were written, by three decodings that agreed; nothing can prove them now.
    is_unsteady = bool(found) and not _is_steady(path)
    problems = [
        *_result_problems(results, store, video_id, path),
        *table_problems(store),
        *([] if is_unsteady else found),
        *(f"{left} was left behind" for left in leftovers(data_dir)),
    ]
    if _listing(folder) != before:
        problems.append("something outside the data folder changed")
    causes = [result for result in results if result.status != "done" and result.blocked_by is None]
    if is_unsteady:
        outcome = "unsteady decoding"
    elif causes:
        outcome = f"error in {causes[0].stage}"
    else:
        outcome = "stills" if any((data_dir / "stills").rglob("*_f*.jpg")) else "no stills"
    return {"problems": problems, "outcome": outcome, "message": causes[0].message if causes else None}


def _result_problems(results: list[StageResult], store: TableStore, video_id: str, path: Path) -> Iterator[str]:
    """One failure that is its own cause at most; it is one line, names the file, is of a known kind, is recorded."""
    causes = [result for result in results if result.status != "done" and result.blocked_by is None]
    # Of a file that decodes differently each time every stage that wants frames may meet another one: one cause still.
    if len(causes) > 1 and not all(any(said in str(cause.message) for said in _UNSTEADY) for cause in causes):
        yield f"{len(causes)} errors for one file: {[f'{cause.stage}: {cause.message}' for cause in causes]}"
    for cause in causes:
        message = str(cause.message)
        if "\n" in message or not message.strip():
            yield f"not one line: {message!r}"
        if str(path) not in message:
            yield f"does not name the file: {message!r}"
        if type(cause.error) is ThumbAssetsError:
            yield f"an exception of no known kind: {message!r}"
    recorded = {outcome.stage: (outcome.status, outcome.message) for outcome in read_outcomes(store, video_id)}
    for result in results:
        if recorded.get(result.stage) != (result.status, result.message and " ".join(result.message.split())):
            yield f"{result.stage} was {result.status}, recorded is {recorded.get(result.stage)}"
    if not causes and not store.has("stills", video_id):
        yield "neither stills nor an error"


def _is_steady(path: Path) -> bool:
    """True if decoding from the first frame gives the same pictures several times over, with any number of threads."""
    passes = set()
    for threads in (0, 0, 0, 0, 1, 2, 4, 8):
        with VideoDecoder(path, VideoSettings(decode_threads=threads)) as decoder:
            passes.add(tuple(frame.fingerprint for frame in decoder))
    return len(passes) == 1


def _listing(folder: Path) -> dict[str, str]:
    """Everything below except the data folder, files with their hash."""
    data_dir = folder / "data"
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
        if path != data_dir and data_dir not in path.parents
    }


if __name__ == "__main__":
    main()
