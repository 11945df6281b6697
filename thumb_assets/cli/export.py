"""`thumb-assets export`: a dataset of the library in a form that other tools load."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import settings_of, settings_options, table_store
from thumb_assets.cli.output import Interrupted, NamedProgress, err, one_line_errors, out, print_table, progress
from thumb_assets.dataset.tokens import ASSUMED
from thumb_assets.events import Events
from thumb_assets.library.dataset import Exported, num_stills_kept
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


class _FormatChoice(click.Choice[str]):
    """A format by its name; of one that is misspelt the nearest is named, as of settings."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        near = [] if value in self.choices else get_close_matches(str(value), self.choices, n=1, cutoff=0.6)
        if near:
            self.fail(f"{value!r} is no format; did you mean {near[0]}?", param, ctx)
        return str(super().convert(value, param, ctx))


@in_section("Make")
@click.command("export", epilog="Formats: " + "; ".join(f"{name}: {about}" for name, about in ABOUTS.items()) + ".")
@click.argument("format_name", metavar="FORMAT", type=_FormatChoice(list(ABOUTS)))
@click.argument("folder", metavar="OUT", type=click.Path(path_type=Path))
@_dataset_options
@click.option("--tokens", type=click.IntRange(min=1), help=f"{BY_TOKENS}: how many its sheets and its text may cost.")
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
    asked = overrides_of({name: value for name, value in options.items() if value is not None})
    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        settings = settings_of(store, profile, [*overrides, *asked])
        require_format(format_name, tokens)
        with export_progress(folder) as events:
            result = export_any(
                store,
                settings,
                format_name=format_name,
                folder=folder,
                num_tokens=tokens,
                is_any_replaced=is_any_replaced,
                events=events,
            )
        if isinstance(result, Digest):
            _print_digest(result, tokens or 0)
        else:
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
    for note in result.plan.all_notes:
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
