"""The made videos with all that is measured on them once, by as many processes as there are cores."""

import logging
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.selection.footage import Footage, scene_stretches
from benchmarks.selection.make import MadeVideo, make_video
from benchmarks.selection.plan import plan_video
from benchmarks.selection.signals import signals_of


def prepare(split: str, numbers: Sequence[int], *, workdir: Path, shared: Path, with_again: bool) -> list[MadeVideo]:
    """Videos of a split, made where they are not there yet.

    Args:
        split: which footage.
        numbers: which videos.
        workdir: an existing folder, where they are kept.
        shared: the folder of the source clips.
        with_again: also encode each one anew, for the stability.
    """
    Footage(shared)  # says at once what is missing
    num_workers = min(len(os.sched_getaffinity(0)), len(numbers))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress,
        ProcessPoolExecutor(num_workers, mp_context=get_context("spawn"), initializer=_start_worker) as pool,
    ):
        task = progress.add_task(f"{split}: videos", total=len(numbers))
        futures = [pool.submit(_prepare_one, split, number, workdir, shared, with_again) for number in numbers]
        videos = []
        for future in futures:
            videos.append(future.result())
            progress.advance(task)
    return videos


def _prepare_one(split: str, number: int, workdir: Path, shared: Path, with_again: bool) -> MadeVideo:
    plan = plan_video(split, number, scene_stretches(split))
    video = make_video(plan, _footage(shared), workdir, with_again=with_again)
    signals_of(video.path)
    return video


@cache
def _footage(shared: Path) -> Footage:
    return Footage(shared)


def _start_worker() -> None:
    """One thread per worker; no words of decoders about the damage that was planted."""
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
    import cv2
    import scenedetect  # noqa: F401 - sets its logger's level
    import torch

    logging.getLogger("pyscenedetect").setLevel(logging.WARNING)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
