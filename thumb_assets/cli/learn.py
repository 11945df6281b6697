"""The command `learn`: a scorer of what people liked, trained, compared with the hand-made scores, kept."""

from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import settings_of, settings_options, table_store
from thumb_assets.cli.output import TableProgress, err, one_line_errors, out, print_errors, print_table, progress
from thumb_assets.learn.compare import Estimate
from thumb_assets.learn.train import Training
from thumb_assets.library.learn import gather_lesson, keep_learned, learn
from thumb_assets.settings.load import Settings
from thumb_assets.store.learned_head import remove_learned_head
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import count


@in_section("Decide")
@click.command("learn")
@click.option(
    "--labels",
    "label_files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="video_id, frame_index, and label, or clicks and impressions.",
)
@click.option("--dry-run", is_flag=True, help="Only train and print; do not replace the scorer.")
@click.option("--forget", is_flag=True, help="Remove the scorer instead.")
@settings_options
@click.pass_obj
def learn_command(
    verbose: bool,
    *,
    label_files: tuple[Path, ...],
    dry_run: bool,
    forget: bool,
    data_dir: Path | None,
    profile: str | None,
    overrides: Any,
) -> None:
    """Train a scorer from pins, bans and labels. Prints how it ranks videos that were held out.

    The scores of videos that were held out are compared with the hand-made ones. What is selected changes when the
    stage `selections` runs the next time, or with `what-if --apply`.
    """
    with one_line_errors(verbose=verbose):
        if forget and (label_files or dry_run):
            raise click.UsageError("--forget goes with neither --labels nor --dry-run")
        settings = settings_of(table_store(data_dir), profile, overrides)
        store = table_store(data_dir)
        if forget:
            _forget(store)
            return
        with progress() as bars:
            reading = TableProgress(bars)
            lesson = gather_lesson(store, settings, label_files=label_files, events=reading)
            bars.update(reading.videos, description="training")
            print_errors(lesson.errors)
            for line in lesson.left_out.lines():
                err.print(line, markup=False)
            training = learn(lesson)
        _print(training)
        path = store.learned_head_path if dry_run else keep_learned(store, training)
        out.print(_fate(training, settings, dry_run=dry_run, path=path), markup=False)


def _forget(store: TableStore) -> None:
    removed = remove_learned_head(store)
    out.print(f"{store.learned_head_path} {'removed' if removed else 'does not exist'}", markup=False)


def _print(training: Training) -> None:
    rows = [
        [name, _shown(each.learned), _shown(each.hand_made), _shown(each.difference)]
        for name, each in training.compared.items()
    ]
    title = f"{training.num_labels} labels of {count(training.num_videos, 'video')}, ± standard error"
    print_table(title, ["measure", "learned", "hand-made", "difference"], rows)
    for warning in training.warnings:
        err.print(f"warning: {warning}", markup=False)


def _fate(training: Training, settings: Settings, *, dry_run: bool, path: Path) -> str:
    """Says if the scorer counts from now on, with these settings."""
    mode = settings.selection.learned
    verdict = "better than the hand-made scores" if training.is_better else "not better than the hand-made scores"
    is_used = mode == "force" or (mode == "auto" and training.is_better)
    use = f"{'it counts' if is_used else 'it does not count'} (selection.learned={mode})"
    if dry_run:
        return f"{verdict}: kept, {use}; not kept (--dry-run)"
    return f"{verdict}: {use}; kept in {path}"


def _shown(estimate: Estimate) -> str:
    if estimate.mean is None:
        return "-"
    error = "" if estimate.standard_error is None else f" ± {estimate.standard_error:.3f}"
    return f"{estimate.mean:.3f}{error}"
