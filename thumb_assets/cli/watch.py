"""`thumb-assets watch`: a live source in segments, and its best picture."""

import logging
import signal
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from thumb_assets.cli.group import in_section
from thumb_assets.cli.options import configuration_of, settings_options, table_store
from thumb_assets.cli.output import err, one_line_errors, out
from thumb_assets.wording import count


@in_section("Make")
@click.command("watch")
@click.argument("source")
@click.option("--name", help="Name of the source, such as front-door; default: from its address.")
@click.option("--for", "seconds", type=click.FloatRange(min=1), help="End after so many seconds.")
@settings_options
@click.pass_obj
def watch_command(
    verbose: bool,
    *,
    source: str,
    name: str | None,
    seconds: float | None,
    data_dir: Path | None,
    profile: str | None,
    overrides: Any,
) -> None:
    """Record a live source in segments and keep its best picture known.

    SOURCE is an address (HLS by http or https, rtsp, srt, tcp, udp), a file that grows, or a folder of segments. Runs
    until interrupted, or until the source ends. Each segment is a video of the library.
    """
    with one_line_errors(verbose=verbose):
        from thumb_assets.live.best import BestPicture
        from thumb_assets.live.sources import name_of
        from thumb_assets.live.watch import Watch
        from thumb_assets.pipeline.process import pause_with_terminal
        from thumb_assets.store.segments import Segment

        store = table_store(data_dir)
        configuration_of(store, profile, overrides)

        def print_segment(segment: Segment, best: BestPicture | None) -> None:
            begin = datetime.fromtimestamp(segment.begins_at).astimezone()
            gap = f", after a gap of {segment.gap_seconds:.1f} s ({segment.gap_reason})" if segment.gap_seconds else ""
            age = f"{(segment.ended_at or 0) - segment.begins_at:.1f} s after its first frame"
            what = f"failed: {segment.reason}" if segment.state == "failed" else f"ready {age}"
            of_best = f"; best: {best.path.name}" if best else ""
            frames = count(segment.num_frames, "frame")
            out.print(f"{begin:%H:%M:%S} {segment.file_name}: {frames}, {what}{gap}{of_best}", markup=False)

        watch = Watch(
            source,
            name_of(source, name),
            store,
            lambda: configuration_of(store, profile, overrides),
            on_segment=print_segment,
        )
        logging.basicConfig(level=logging.WARNING, format="%(message)s")
        pause_with_terminal()

        def end(*_: object) -> None:
            if watch.stop.is_set:  # it closes what is open, or works on what is left: not for the impatient
                raise KeyboardInterrupt
            watch.stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        if seconds is not None:
            threading.Thread(target=_end_after, args=(seconds, watch.stop), daemon=True).start()
        err.print(f"recording {watch.ring.name} into {watch.ring.folder} (Ctrl+C stops it)", markup=False)
        num_lost = watch.run(is_finished=seconds is not None)
        lost = f"; the source was lost {num_lost} times" if num_lost else ""
        err.print(f"{watch.ring.name}: ended{lost}", markup=False)


def _end_after(seconds: float, stop: Any) -> None:
    time.sleep(seconds)
    stop.set()
