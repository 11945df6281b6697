"""CPU seconds of each stage of a video: `uv run python -m benchmarks.stage_costs VIDEO... [--output FILE]`.

Each video is new to a process of its own, so what a stage imports and the models it loads are in its seconds, which a
second video of the same run does not pay. Nothing works beside anything else there, so that all CPU time has one owner;
a default run is faster by the clock, and its threads, which share cores, take up to a sixth more. `frames, shots` is
the pass that decodes the video; "all else" is the start of the process, the file's hash and the index.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import click

from benchmarks.machine import describe_machine
from benchmarks.measure import in_engine_process
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.events import Events
from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.stages import STAGES
from thumb_assets.stages.kit.declaration import FromFrames, FromTables
from thumb_assets.stages.kit.scorer import FrameScorer
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore

_ELSE, _PASS, _STAGE = "all else", "frames, shots", "stage "
_OVERRIDES = ("video.decode_threads=1",)


class _Meter(Events):
    """Knows who owns the CPU time that passes: the innermost stage at work."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._owners = [_ELSE]
        self._since = 0.0

    def _settle(self) -> None:
        now = time.process_time()
        self.seconds[self._owners[-1]] += now - self._since
        self._since = now

    @contextmanager
    def of(self, owner: str) -> Iterator[None]:
        """Attributes the time inside to this owner."""
        self._settle()
        self._owners.append(owner)
        try:
            yield
        finally:
            self._settle()
            self._owners.pop()

    def step(self, name: str, *, is_of_file: bool) -> None:  # noqa: ARG002 - of the interface
        """The pass over the file, and what comes after it."""
        self._settle()
        self._owners[0] = _PASS if name in {"loading the shot detector", "decoding"} else _ELSE

    def owned(self, owner: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, whose time belongs to the owner."""

        def timed(*args: Any, **more: Any) -> Any:
            with self.of(owner):
                return call(*args, **more)

        return timed


def _watch_stages(meter: _Meter) -> None:
    for name, stage in STAGES.items():
        if isinstance(stage.run, FromTables):
            STAGES[name] = replace(stage, run=FromTables(meter.owned(name, stage.run.make)))
        elif isinstance(stage.run, FromFrames):
            build = _watched(meter, name, stage.run.build)
            STAGES[name] = replace(stage, run=replace(stage.run, build=build, is_threaded=False))


def _watched(
    meter: _Meter, name: str, build: Callable[[Settings], FrameScorer[Any, Any]]
) -> Callable[[Settings], FrameScorer[Any, Any]]:
    def built(settings: Settings) -> FrameScorer[Any, Any]:
        with meter.of(name):
            scorer = build(settings)
        calls: dict[str, Any] = {
            part: meter.owned(name, getattr(scorer, part)) for part in ("render", "score", "to_rows", "complete")
        }
        return replace(scorer, **calls)

    return built


def _seconds(path: Path, overrides: Sequence[str]) -> tuple[dict[str, float], float]:
    """By stage, and the length of the video; in a process that did nothing before."""
    meter = _Meter()
    _watch_stages(meter)
    settings = load_settings(overrides=[*overrides, *_OVERRIDES])
    with tempfile.TemporaryDirectory(prefix="thumb-assets-costs-") as folder:
        store = TableStore(Path(folder))
        (video,), _ = Library(store.data_dir).register([path])
        for result in run([video.video_id], default_stages(settings), settings, store, events=meter):
            if result.status == "failed":
                raise ThumbAssetsError(f"{path}: stage {result.stage}: {result.message}")
        (length,) = store.read("videos", video.video_id).column("duration_seconds").to_pylist()
    with meter.of(_ELSE):
        return dict(meter.seconds), length


def measured(path: Path, *, overrides: Sequence[str] = (), num_runs: int = 1) -> tuple[dict[str, float], float]:
    """Median CPU seconds by stage, and the length of the video.

    Raises:
        ThumbAssetsError: a stage failed, or the file is no video.
    """
    found = [in_engine_process(partial(_seconds, path, overrides)) for _ in range(num_runs)]
    names = [name for name in found[0][0] if all(name in seconds for seconds, _ in found)]
    return {name: median(seconds[name] for seconds, _ in found) for name in names}, found[0][1]


def page(found: dict[str, tuple[dict[str, float], float]], command: str) -> str:
    """The results as Markdown: a row per stage, a column per video."""
    names = [_PASS, *(name for name in STAGES if any(name in seconds for seconds, _ in found.values())), _ELSE]
    lines = ["# CPU of each stage", "", f"{__doc__.partition(chr(10) * 2)[2].strip()}", "", f"By `{command}`.", ""]
    lines += [describe_machine(), "", "CPU seconds, and percent of the whole:", ""]
    lines.append(f"| stage | {' | '.join(f'{name}, {length:.0f} s' for name, (_, length) in found.items())} |")
    lines.append(f"|---|{'---|' * len(found)}")
    for name in names:
        cells = [f"{own.get(name, 0.0):.2f} ({100 * own.get(name, 0.0) / sum(own.values()):.0f} %)"
                 for own, _ in found.values()]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines.append(f"| all | {' | '.join(f'{sum(own.values()):.2f}' for own, _ in found.values())} |")
    return "\n".join([*lines, ""])


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True, help="Repetitions; the median counts.")
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting, as texts.is_on=true.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Where the page is written.")
def main(*, paths: tuple[Path, ...], runs: int, overrides: tuple[str, ...], output: Path | None) -> None:
    """Prints or writes the CPU seconds that each stage of each video takes."""
    given = [f"--runs {runs}", *(f"--set {each}" for each in overrides)]
    command = " ".join(["uv run python -m benchmarks.stage_costs", *(path.name for path in paths), *given])
    try:
        found = {path.stem: measured(path, overrides=overrides, num_runs=runs) for path in paths}
    except ThumbAssetsError as error:
        raise click.ClickException(str(error)) from error
    text = page(found, command)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
