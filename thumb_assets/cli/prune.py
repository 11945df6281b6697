"""`thumb-assets prune`: removes what was made of videos whose file is gone."""

from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import settings_of, settings_options, table_store
from thumb_assets.cli.output import err, one_line_errors, out, print_table, progress
from thumb_assets.errors import BadInputError
from thumb_assets.pipeline.removal import remove_video
from thumb_assets.store.decision_states import decision_states
from thumb_assets.store.identity import is_video_id
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.outputs import ids_with_outputs, num_output_bytes
from thumb_assets.wording import count

# A share of the library that goes missing at once is rather a volume that is not mounted.
_MAX_LOST_SHARE = 0.5


@in_section("Operate")
@click.command("prune")
@click.option("--dry-run", is_flag=True, help="Only print what would be removed.")
@click.option("--force", is_flag=True, help="Also remove videos never seen here, even if most files are gone.")
@settings_options
@click.pass_obj
def prune_command(
    verbose: bool, *, dry_run: bool, force: bool, data_dir: Path | None, profile: str | None, overrides: Any
) -> None:
    """Remove results of videos whose file is gone or replaced. Takes tables, stills and partitions."""
    from thumb_assets.defs.partitions import partitions_of, remove_partitions, require_idle

    with one_line_errors(verbose=verbose):
        store = table_store(data_dir)
        mirror = Mirror(settings_of(store, profile, overrides).library, store)
        mirror.update_library(max_files=0)
        library = Library(store.data_dir)
        kept = {video.video_id for video in library.all()}
        others = {*ids_with_outputs(store), *filter(is_video_id, partitions_of(store))} - kept
        fates = {video_id: library.fate_of(video_id) for video_id in sorted(others)}
        removable = {"gone", "replaced", "unknown"} if force else {"gone", "replaced"}
        lost = [video_id for video_id, fate in fates.items() if fate in removable]
        num_unknown = list(fates.values()).count("unknown")
        if num_unknown and not force:
            err.print(
                f"{count(num_unknown, 'video')} stay whose files this machine has never seen; --force removes them too"
            )
        if not lost:
            out.print(f"nothing to remove: the files of {count(len(kept), 'video')} are there")
            return
        if len(lost) > _MAX_LOST_SHARE * (len(lost) + len(kept)) and not (force or dry_run):
            raise BadInputError(
                f"the files of {len(lost)} of {count(len(lost) + len(kept), 'video')} are gone, "
                "which looks like a volume that is not mounted; mount it, or give --force"
            )
        rows = [(video_id, num_output_bytes(store, video_id)) for video_id in lost]
        if not dry_run:
            require_idle(store)
            with progress() as bars:
                for video_id in bars.track(lost, description="pruning"):
                    remove_video(video_id, mirror, store)
            remove_partitions(store, lost)
            for video_id in lost:  # last: what is left by a crash is found and removed by the next call
                library.forget(video_id)
        num_kept = len(decision_states(store, library.all(on_error=lambda _: None) if kept else []))
        title = "would be removed" if dry_run else "removed"
        print_table(title, ["video_id", "MB"], [[video_id, f"{size / 1e6:.1f}"] for video_id, size in rows])
        if num_kept:
            counted = "1 decision is" if num_kept == 1 else f"{num_kept} decisions are"
            out.print(f"{counted} kept; `thumb-assets decisions` lists them")
