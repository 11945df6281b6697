"""`thumb-assets export`: a dataset of the library in a form that other tools load."""

import json
from pathlib import Path
from typing import Any, get_args

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import settings_of, settings_options, table_store
from thumb_assets.cli.output import NamedProgress, err, one_line_errors, out, print_table, progress
from thumb_assets.dataset.formats import FORMATS
from thumb_assets.dataset.tokens import ASSUMED
from thumb_assets.errors import SettingsError
from thumb_assets.library.dataset import Exported, export_dataset
from thumb_assets.library.dataset_digest import ABOUT, DIGEST_FILE, NAME, Digest, export_digest
from thumb_assets.settings.dataset import LicenceFilter, What
from thumb_assets.wording import count

_FORMATS = {**{each.name: each.about for each in FORMATS.values()}, NAME: ABOUT}
# Options that are settings by another name.
_SETTINGS = ("what", "collection", "licence", "min_score", "per_video", "seed")


@in_section("Make")
@click.command("export", epilog="Formats: " + "; ".join(f"{name}: {about}" for name, about in _FORMATS.items()) + ".")
@click.argument("format_name", metavar="FORMAT", type=click.Choice(list(_FORMATS)))
@click.argument("folder", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--what", type=click.Choice(get_args(What)), help="Default: dataset.what, selections.")
@click.option("--collection", metavar="NAME", help="Only the frames of this collection.")
@click.option("--licence", type=click.Choice(get_args(LicenceFilter)), help="Leave out videos without such a licence.")
@click.option("--min-score", type=float, help="Leave out frames of a lower combined score.")
@click.option("--per-video", type=int, help="At most so many of each video, the best.")
@click.option("--seed", type=int, help="Another one deals the videos to the splits in another way.")
@click.option("--tokens", type=click.IntRange(min=1), help=f"{NAME}: how many its sheets and its text may cost.")
@settings_options
@click.pass_obj
def export_command(
    verbose: bool,
    /,
    *,
    format_name: str,
    folder: Path,
    tokens: int | None,
    data_dir: Path | None,
    profile: str | None,
    overrides: Any,
    **options: Any,
) -> None:
    """Write a dataset of the library's stills, split into train, validation and test, with its licences.

    Videos that share footage are never parted by the split. OUT is replaced as a whole where it is a dataset of ours,
    and never where it is not. An export that was interrupted goes on with the same command.
    """
    given = {name: options[name] for name in _SETTINGS if options[name] is not None}
    asked = [f"dataset.{name}={json.dumps(value, ensure_ascii=False)}" for name, value in given.items()]
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        settings = settings_of(store, profile, [*overrides, *asked])
        if (tokens is None) == (format_name == NAME):
            raise SettingsError(
                f"--tokens goes with {NAME}, and {NAME} needs it; such as: export {NAME} OUT --tokens 20000"
            )
        if tokens is not None:
            with progress() as bars:
                digest = export_digest(store, settings, num_tokens=tokens, folder=folder, events=NamedProgress(bars))
            _print_digest(digest, tokens)
            return
        with progress() as bars:
            result = export_dataset(store, settings, format_name=format_name, folder=folder, events=NamedProgress(bars))
        _print(result)


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
    out.print(f"{result.num_bytes / 1e6:.1f} MB in {result.folder}", markup=False)
    out.print(f"load it: {result.plan.format.loads.replace('{folder}', str(result.folder))}", markup=False)
