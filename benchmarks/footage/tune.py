"""The command `uv run python -m benchmarks.footage.tune FOLDER`: the choice's settings, by the labels."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from operator import attrgetter
from pathlib import Path

import click

from benchmarks.footage.__main__ import DEFAULT_FOLDER
from benchmarks.footage.choices import Choices
from benchmarks.footage.head import counts_of_head
from benchmarks.footage.labels import Clip, read_clips
from benchmarks.footage.looks import note_look, told
from benchmarks.footage.measures import Counts
from benchmarks.footage.tuned import HEADINGS, NO_CHANGE, TUNED, Tuned, cells, rendered
from benchmarks.footage.tuning import Setting, Tuner, drawn, numbers
from benchmarks.selection.ours import Ours
from thumb_assets.errors import ThumbAssetsError
from thumb_assets.settings.load import load_settings
from thumb_assets.settings.selection import SelectionSettings

_FOLDER = click.Path(file_okay=False, path_type=Path)
BY_STEPS, BEST = "by steps", "best"

# Settings of `selection` that labels can tell something of, with the values that are tried. The metrics of `iqa` are
# not measured by default and cost more than all the rest, so their weight is none of them.
SPACE: Mapping[str, Sequence[float]] = {
    "weights.sharpness": (0.0, 0.15, 0.25, 0.4, 0.6),
    "weights.clip": (0.0, 0.2, 0.35, 0.5),
    "weights.contrast": (0.0, 0.05, 0.15),
    "weights.stillness": (0.0, 0.1, 0.2),
    "diversity_weight": (0.0, 0.15, 0.3, 0.45, 0.6),
    "min_share_of_best": (0.0, 0.2, 0.4, 0.5, 0.6, 0.7),
    "shot_weight": (0.0, 0.3, 0.6),
    "min_gap_seconds": (0.5, 1.0, 2.0),
    "similarity.descriptor_weight": (0.3, 0.6, 0.8, 1.0),
    "similarity.max_cosine": (0.9, 0.93, 0.95, 0.97),
    "similarity.min_hash_distance": (6, 10, 14),
    "reject.min_acutance": (0.15, 0.21, 0.25),
    "reject.min_sharpness_of_median": (0.03, 0.1, 0.25),
    "reject.max_motion": (12.0, 24.0, 48.0),
    "reject.max_text_share": (0.01, 0.02, 0.05),
    "reject.max_title_card_margin": (0.05, 0.1, 0.2),
    "reject.min_cut_seconds": (0.06, 0.12, 0.25),
    "reject.min_contrast_share": (0.7, 0.85, 0.95),
    "reject.min_sharpness_share": (0.3, 0.45, 0.6),
    "reject.max_share": (0.05, 0.15, 0.3),
    "reject.min_usable_share": (0.0, 0.15, 0.3, 0.45),
}


def value_of(settings: SelectionSettings, name: str) -> float:
    """A number in the settings by its dotted name."""
    return float(attrgetter(name)(settings))


def settings_of(setting: Setting) -> SelectionSettings:
    """The defaults with these changes."""
    return load_settings(overrides=overrides_of(setting)).selection


def overrides_of(setting: Setting) -> tuple[str, ...]:
    """As `--set` takes them."""
    return tuple(f"selection.{name}={value:g}" for name, value in setting)


def tune(
    choices: Choices,
    *,
    num_draws: int,
    seed: int,
    date: str,
    also: Mapping[str, Sequence[Counts]] | None = None,
    space: Mapping[str, Sequence[float]] = SPACE,
) -> Tuned:
    """Searches, and judges each way of searching on sources left out.

    Args:
        choices: labelled clips of two sources or more.
        num_draws: settings by lot that `best` also tries.
        seed: of the lot.
        date: written down with what was found.
        also: by name, counts of each clip from other candidates.
        space: values tried, by setting within `selection`.
    """
    start = load_settings().selection
    defaults = {name: value_of(start, name) for name in space}
    sources = [clip.source for clip in choices.clips]
    draws = drawn(space, defaults, number=num_draws, seed=seed)
    tuner = Tuner(
        sources, lambda setting: choices.counts(settings_of(setting)), space=space, defaults=defaults, draws=draws
    )
    found = {BY_STEPS: tuner.validated(tuner.by_steps), BEST: tuner.validated(tuner.best)}
    counts: dict[str, Sequence[Counts]] = {NO_CHANGE: tuner.counts(())}
    for way, each in found.items():
        counts |= {f"{way}, all clips": each.counts, f"{way}, left out": each.left_out}
    counts |= counts_of_head(choices, sources) | dict(also or {})
    return Tuned(
        date=date,
        about=f"{len(sources)} clips of {len(set(sources))} sources, {tuner.num_tried:,} settings.",
        seed=seed,
        space=space,
        chosen=defaults | dict(found[BY_STEPS].setting),
        results={name: numbers(each) for name, each in counts.items()},
        single={_text(each): tuner.gain(each).round(2).tolist() for each in tuner.neighbours(())},
        folds={
            source: {way: _text(each.by_source[source]) for way, each in found.items()}
            for source in sorted(set(sources))
        },
        looks="",
    )


def _choices(ours: Ours, clips: Sequence[Clip]) -> Choices:
    paths = [clip.path for clip in clips]
    ours.selections(paths, ())
    return Choices(clips, ours.candidates(paths))


def _text(setting: Setting) -> str:
    return ", ".join(f"{name}={value:g}" for name, value in setting) or NO_CHANGE


@click.command()
@click.argument("folder", default=DEFAULT_FOLDER, type=_FOLDER)
@click.option("--draws", "num_draws", default=300, show_default=True, type=click.IntRange(0), help="Settings by lot.")
@click.option("--seed", default=18, show_default=True, help="Of the lot.")
@click.option("--also", multiple=True, metavar="NAME=VALUE", help="The defaults with other candidates, measured first.")
@click.option("--workdir", type=_FOLDER, help="Where tables are kept, as that of benchmarks.footage.")
@click.option("--output", default=TUNED, type=click.Path(dir_okay=False, path_type=Path), help="What was found, JSON.")
def main(*, folder: Path, num_draws: int, seed: int, also: tuple[str, ...], workdir: Path | None, output: Path) -> None:
    """Choose the settings of the selection by the labelled clips of FOLDER, and judge them on sources left out.

    Prints what was found and writes it as JSON, of which `benchmarks.footage` makes a part of its page. Clips that were
    measured by `benchmarks.footage` in the same work folder are not measured again.
    """
    workdir = workdir or Path(tempfile.gettempdir()) / "thumb-assets-footage"
    workdir.mkdir(parents=True, exist_ok=True)
    now = datetime.now(timezone.utc)
    try:
        clips = read_clips(folder)
        ours = Ours(workdir / "ours")
        others = {name: Ours(workdir / "ours", overrides=(name,)) for name in also}
        choices, *other_choices = (_choices(each, clips) for each in (ours, *others.values()))
        counts = {f"`{name}`": each.counts(settings_of(())) for name, each in zip(others, other_choices, strict=True)}
        tuned = tune(choices, num_draws=num_draws, seed=seed, date=now.strftime("%Y-%m-%d"), also=counts)
    except ThumbAssetsError as error:
        raise click.ClickException(str(error)) from error
    seen = dict(zip(HEADINGS, cells(tuned.results[NO_CHANGE]), strict=True))
    looks = told(note_look(workdir / "looks.tsv", f"tune: {tuned.about} seed {seed}", seen, now=now))
    tuned = replace(tuned, looks=looks)
    tuned.write(output)
    click.echo(rendered(tuned))


if __name__ == "__main__":
    main()
