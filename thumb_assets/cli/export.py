"""`thumb-assets export`: a dataset of the library in a form that other tools load."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import settings_of, settings_options, table_store
from thumb_assets.cli.output import Interrupted, NamedProgress, err, one_line_errors, out, print_table, progress
from thumb_assets.dataset.formats import FORMATS
from thumb_assets.dataset.tokens import ASSUMED
from thumb_assets.errors import SettingsError
from thumb_assets.events import Events
from thumb_assets.library.dataset import Exported, export_dataset, num_stills_kept
from thumb_assets.library.dataset_digest import ABOUT, DIGEST_FILE, NAME, Digest, export_digest
from thumb_assets.settings.dataset import LicenceFilter, What
from thumb_assets.wording import count

_FORMATS = {**{each.name: each.about for each in FORMATS.values()}, NAME: ABOUT}
# Options that are settings by another name.
_SETTINGS = ("what", "licence", "min_score", "per_video", "seed")


class _FormatChoice(click.Choice[str]):
    """A format by its name; of one that is misspelt the nearest is named, as of settings."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        near = [] if value in self.choices else get_close_matches(str(value), self.choices, n=1, cutoff=0.6)
        if near:
            self.fail(f"{value!r} is no format; did you mean {near[0]}?", param, ctx)
        return str(super().convert(value, param, ctx))


@in_section("Make")
@click.command("export", epilog="Formats: " + "; ".join(f"{name}: {about}" for name, about in _FORMATS.items()) + ".")
@click.argument("format_name", metavar="FORMAT", type=_FormatChoice(list(_FORMATS)))
@click.argument("folder", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--what", type=click.Choice(get_args(What)), help="Default: dataset.what, selections.")
@click.option("--licence", type=click.Choice(get_args(LicenceFilter)), help="Leave out videos without such a licence.")
@click.option("--min-score", type=float, help="Leave out frames of a lower combined score.")
@click.option("--per-video", type=int, help="At most so many of each video, the best.")
@click.option("--seed", type=int, help="Another one deals the videos to the splits in another way.")
@click.option("--tokens", type=click.IntRange(min=1), help=f"{NAME}: how many its sheets and its text may cost.")
@click.option("--replace", "is_any_replaced", is_flag=True, help="Replace a dataset of another format in OUT as well.")
@settings_options
@click.pass_obj
def export_command(
    verbose: bool,
    /,
    *,
    format_name: str,
    folder: Path,
    tokens: int | None,
    is_any_replaced: bool,
    data_dir: Path | None,
    profile: str | None,
    overrides: Any,
    **options: Any,
) -> None:
    """Write a dataset of the library's stills, split into train, validation and test, with its licences.

    Videos that share footage are never parted by the split. OUT is replaced as a whole where it is a dataset of ours
    of the same format, and never where it is anything else. An export that was interrupted goes on with the same
    command.
    """
    asked = [f"dataset.{name}={json.dumps(options[name])}" for name in _SETTINGS if options[name] is not None]
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        settings = settings_of(store, profile, [*overrides, *asked])
        if (tokens is None) == (format_name == NAME):
            raise SettingsError(
                f"--tokens goes with {NAME}, and {NAME} needs it; such as: export {NAME} OUT --tokens 20000"
            )
        common: dict[str, Any] = {"folder": folder, "is_any_replaced": is_any_replaced}
        if tokens is not None:
            with export_progress(folder) as events:
                digest = export_digest(store, settings, num_tokens=tokens, **common, events=events)
            _print_digest(digest, tokens)
            return
        with export_progress(folder) as events:
            result = export_dataset(store, settings, format_name=format_name, **common, events=events)
        _print(result)


@contextmanager
def export_progress(folder: Path) -> Iterator[Events]:
    """Bars of an export into a folder.

    Raises:
        Interrupted: Ctrl+C, with what the same command will find written.
    """
    with progress() as bars:
        try:
            yield NamedProgress(bars)
        except KeyboardInterrupt:
            num_kept = num_stills_kept(folder)
            if not num_kept:
                raise Interrupted("nothing was written yet", advice="run the same command again") from None
            raise Interrupted(f"{count(num_kept, 'still')} written and kept") from None


def _print_digest(digest: Digest, tokens: int) -> None:
    for note in digest.notes:
        err.print(f"note: {note}", markup=False)
    out.print(
        f"{digest.num_stills} of {count(digest.num_all_stills, 'still')}, of {digest.num_videos} of "
        f"{count(digest.num_all_videos, 'video')}, on {count(digest.num_sheets, 'sheet')}",
        markup=False,
    )
    out.print(f"{digest.num_tokens} of {tokens} tokens, at {ASSUMED}", markup=False)
    out.print(f"{digest.folder}: sheet-*.jpg, {DIGEST_FILE}", markup=False)


def _print(result: Exported) -> None:
    for note in (*result.plan.notes, *result.plan.notes_on_splits):
        err.print(f"note: {note}", markup=False)
    rows = [[split, str(number), str(result.num_videos[split])] for split, number in result.num_stills.items()]
    print_table("dataset", ["split", "stills", "videos"], rows)
    if result.plan.nearest is not None:
        *ends, found = result.plan.nearest
        named = " and ".join(f"{pick.video_id} frame {pick.frame_index}" for pick in ends)
        out.print(f"most alike over the split: cosine {found.cosine_similarity:.3f}, {named}", markup=False)
    if result.num_kept:
        out.print(f"{count(result.num_kept, 'still')} kept from an export that was interrupted", markup=False)
    if result.num_replaced:
        out.print(f"replaced the dataset that was there, {count(result.num_replaced, 'file')}", markup=False)
    num_rows = sum(result.num_stills.values())
    what = "" if result.plan.format.has_pictures else f"{count(num_rows, 'row')} that name stills, no pictures, "
    size = f"{result.num_bytes / 1e6:.1f} MB" if result.num_bytes >= 100_000 else f"{result.num_bytes / 1e3:.1f} kB"
    out.print(f"{what}{count(result.num_files, 'file')} of {size} in {result.folder}", markup=False)
    out.print(f"load it: {result.plan.format.loads.replace('{folder}', str(result.folder))}", markup=False)
