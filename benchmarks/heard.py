"""Moments by what is said and heard: `uv run python -m benchmarks.heard [--output FILE]`.

A made video of 160 s: 40 subtitles, each pair of words in one only, every word in several; 20 bursts of noise. Asked
are 40 queries of `selection.looking_for`, and where sound begins. In another one 40 sentences are said and asked for in
other words (`benchmarks/phrases.py`). Videos and tables lie in a temporary folder.
"""

import itertools
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.machine import describe_machine
from benchmarks.phrases import PHRASES
from thumb_assets.pipeline.engine import run
from thumb_assets.pipeline.guidance import Guides
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.select.choose import pick
from thumb_assets.settings.load import load_settings
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.film import Film, Sound, Text, srt, write

_THINGS = ("budget", "harbour", "school", "bridge", "theatre", "airport", "forest", "museum")
_PLACES = ("Hamburg", "Lisbon", "Kraków", "Oslo", "Marseille")
_SENTENCES = ("We hear about the {} in {}.", "What of the {} of {}?", "<i>The {} near {}</i>", "{}, said people in {}")
SECONDS, NUM_EVENTS, _RATE = 160.0, 20, 48_000
# A pick so near to the middle of a subtitle shows its moment: the right 3 s.
_NEAR_SECONDS = 1.5


@dataclass(frozen=True)
class Found:
    """A count of hits among all that were asked for, and its cost."""

    what: str
    num_right: int
    num_all: int

    def row(self) -> str:
        """A row of a Markdown table."""
        return f"| {self.what} | {self.num_right} of {self.num_all} | {100 * self.num_right / self.num_all:.0f} % |"


def planted(*, is_rephrased: bool = False) -> tuple[list[tuple[float, float, str]], list[str], list[float]]:
    """(cues, the query of each, seconds of the bursts), drawn with a fixed seed."""
    random = np.random.default_rng(0)
    pairs = list(itertools.product(_THINGS, _PLACES))
    random.shuffle(pairs)
    cues, queries = [], []
    for place, (thing, town) in enumerate(pairs):
        middle = 4.0 * place + random.uniform(1.5, 2.5)
        length = random.uniform(0.6, 2.5)
        sentence = _SENTENCES[place % len(_SENTENCES)].format(thing, town)
        query = f"{town} {thing}" if place % 2 else f"the {thing.upper()} in {town}"
        if is_rephrased:
            sentence, query = PHRASES[place]
        cues.append((middle - length / 2, middle + length / 2, sentence))
        queries.append(query)
    events = np.sort(random.choice(np.arange(2, SECONDS - 2, 2.0), NUM_EVENTS, replace=False))
    return cues, queries, (events + random.uniform(0, 1, NUM_EVENTS)).tolist()


def make(folder: Path, *, is_sidecar: bool, is_rephrased: bool = False) -> Path:
    """The video, its subtitles as a track or as a file beside it."""
    cues, _, events = planted(is_rephrased=is_rephrased)
    random = np.random.default_rng(1)
    samples = random.normal(0, 0.003, (1, round(SECONDS * _RATE)))
    for event in events:
        first = round(event * _RATE)
        samples[:, first : first + round(0.3 * _RATE)] += random.normal(0, 0.1, (1, round(0.3 * _RATE)))
    texts = [] if is_sidecar else [Text(cues)]
    path = write(folder / "heard.mkv", Film(SECONDS, [Sound(samples)], texts, shot_seconds=8.0))
    if is_sidecar:
        (folder / "heard.en.srt").write_text(srt(cues), encoding="utf-8-sig")
    return path


def measure(
    folder: Path, *, is_sidecar: bool, is_on: bool = True, is_rephrased: bool = False, words_by: str = "meaning"
) -> list[Found]:
    """Runs the default stages over the video and counts what is found."""
    cues, queries, events = planted(is_rephrased=is_rephrased)
    settings = [f"subtitles.is_on={str(is_on).lower()}", f"selection.words_by={words_by}"]
    store = TableStore(folder / "data")
    path = make(folder, is_sidecar=is_sidecar, is_rephrased=is_rephrased)
    (video,), _ = Library(store.data_dir).register([path])
    base = load_settings(overrides=settings)
    failed = [each for each in run([video.video_id], default_stages(base), base, store) if each.status == "failed"]
    if failed:
        raise click.ClickException(f"stage {failed[0].stage}: {failed[0].message}")
    stored = CandidateCache(store, None).candidates()
    measured, picked = stored.measured, []
    assert measured is not None
    for query in queries:
        asked = load_settings(overrides=[*settings, f"selection.looking_for={query}"])
        # As a text that the default model does not know is refused where there are no subtitles, it is asked for none.
        footer = stored.clip_footers.get(video.video_id) if is_on else None
        guidance = Guides(asked, store).of_video(video.video_id, footer)
        (chosen,) = pick(measured, settings=asked.selection, guidance=guidance).chosen
        picked.append([float(measured["pts_seconds"][position]) for position in chosen])
    return [*_moments(picked, cues), *([_onsets(store, video.video_id, events)] if is_on else [])]


def _moments(picked: Sequence[Sequence[float]], cues: Sequence[tuple[float, float, str]]) -> list[Found]:
    middles = [(start + end) / 2 for start, end, _ in cues]
    first = sum(abs(own[0] - middle) <= _NEAR_SECONDS for own, middle in zip(picked, middles, strict=True))
    shown = sum(start <= own[0] < end for own, (start, end, _) in zip(picked, cues, strict=True))
    return [
        Found("first pick in the right 3 s", first, len(cues)),
        Found("first pick while the subtitle is shown", shown, len(cues)),
    ]


def _onsets(store: TableStore, video_id: str, events: Sequence[float]) -> Found:
    """Counts bursts that begin in the half seconds of the greatest onsets, as many as there are bursts."""
    audio = store.read("audio", video_id)
    starts, onsets = (audio.column(name).to_numpy() for name in ("start_seconds", "onset_db"))
    greatest = starts[np.argsort(-onsets, kind="stable")[: len(events)]]
    right = sum(any(start - 0.1 <= event < start + 0.5 for event in events) for start in greatest)
    return Found("onsets of sound where a burst begins", right, len(events))


_SECTIONS: dict[str, dict[str, Any]] = {
    "Subtitles in a track of the file": {"is_sidecar": False},
    "Subtitles in a file beside it": {"is_sidecar": True},
    "Without subtitles (chance)": {"is_sidecar": False, "is_on": False},
    "Asked in other words, by meaning": {"is_sidecar": True, "is_rephrased": True},
    "Asked in other words, by their letters": {"is_sidecar": True, "is_rephrased": True, "words_by": "letters"},
}


def page() -> str:
    """The results as Markdown."""
    lines = ["# Moments by what is said and heard", "", f"{__doc__.partition(chr(10) * 2)[2].strip()}", ""]
    lines += ["By `uv run python -m benchmarks.heard --output docs/results/heard.md`.", "", describe_machine(), ""]
    for title, options in _SECTIONS.items():
        begin = time.process_time()
        with tempfile.TemporaryDirectory(prefix="thumb-assets-heard-") as folder:
            found = measure(Path(folder), **options)
        lines += [f"## {title}", "", "| found | | |", "|---|---|---|", *(each.row() for each in found), ""]
        click.echo(f"{title}: {time.process_time() - begin:.0f} CPU s", err=True)
    return "\n".join(lines)


@click.command()
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Where the page is written.")
def main(output: Path | None) -> None:
    """Prints or writes how well moments are found by words and sound."""
    text = page()
    if output is None:
        click.echo(text)
    else:
        output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
