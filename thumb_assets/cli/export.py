"""`thumb-assets export`: a dataset of the library in a form that other tools load."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import settings_of, settings_options, table_store
from thumb_assets.cli.output import NamedProgress, err, one_line_errors, out, print_table, progress
from thumb_assets.dataset.tokens import ASSUMED
from thumb_assets.library.dataset import Exported
from thumb_assets.library.dataset_any import ABOUTS, BY_TOKENS, OPTIONS, export_any, overrides_of, require_format
from thumb_assets.library.dataset_digest import DIGEST_FILE, Digest
from thumb_assets.wording import count


def _dataset_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The settings of datasets that are options of one export; shares have no short form, and are left to --set."""
    for option in reversed([option for option in OPTIONS.values() if option.kind != "shares"]):
        dashed = option.name.removeprefix("is_").replace("_", "-")
        flags = f"--{dashed}/--no-{dashed}" if option.kind == "flag" else f"--{dashed}"
        type_ = click.Choice(option.choices) if option.kind == "choice" else option.type
        command = click.option(flags, option.name, type=type_, default=None, help=option.about)(command)
    return command


@in_section("Make")
@click.command("export", epilog="Formats: " + "; ".join(f"{name}: {about}" for name, about in ABOUTS.items()) + ".")
@click.argument("format_name", metavar="FORMAT", type=click.Choice(list(ABOUTS)))
@click.argument("folder", metavar="OUT", type=click.Path(path_type=Path))
@_dataset_options
@click.option("--tokens", type=click.IntRange(min=1), help=f"{BY_TOKENS}: how many its sheets and its text may cost.")
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
    asked = overrides_of({name: value for name, value in options.items() if value is not None})
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        settings = settings_of(store, profile, [*overrides, *asked])
        require_format(format_name, tokens)
        with progress() as bars:
            result = export_any(
                store,
                settings,
                format_name=format_name,
                folder=folder,
                num_tokens=tokens,
                events=NamedProgress(bars),
            )
        if isinstance(result, Digest):
            _print_digest(result, tokens or 0)
        else:
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
