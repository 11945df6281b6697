"""The stage `judgements`: a vision-language model looks at the best candidates of each video."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from thumb_assets.errors import ModelUnavailableError, NetworkError
from thumb_assets.judge import ChatJudge, FrameJudge, RequestsUsedUpError, Verdict, prompt_sha256
from thumb_assets.pipeline.from_tables import fetched_frames, score_tables
from thumb_assets.pipeline.guidance import Guides
from thumb_assets.pipeline.job import Made, SkippedError, VideoJob, skip_or_raise
from thumb_assets.pipeline.stages import judged_selection
from thumb_assets.select.choose import choose
from thumb_assets.settings import Settings, judge_key
from thumb_assets.store import JudgeCache, TableStore
from thumb_assets.tables import table_from_rows


class Judging:
    """The judge of one run: its requests are counted over all videos.

    Args:
        guides: of the run.
        on_video: called with a video's id as a sign of life.
    """

    def __init__(
        self, settings: Settings, store: TableStore, guides: Guides, on_video: Callable[[str], object]
    ) -> None:
        self._settings = settings
        self._store = store
        self._on_video = on_video
        self._guides = guides
        self._judge: FrameJudge | None = None

    def judge_frames(self, job: VideoJob, iqa_footer: Mapping[str, str]) -> Made:
        """The table `judgements` of one video.

        Args:
            iqa_footer: see `select_frames`.

        Raises:
            SkippedError: no judge is set, or it cannot be had and the setting says to do without.
            NetworkError: it cannot be reached, and the setting says that this is an error.
            ModelUnavailableError: likewise, it refuses.
        """
        if self._settings.judge.url is None:
            raise SkippedError("no judge is set: set judge.url and judge.model to have one look at the best candidates")
        wanted = self._wanted(job, iqa_footer)
        try:
            return self._judged(job, wanted)
        except (NetworkError, ModelUnavailableError) as error:
            unavailable = error
        raise skip_or_raise(unavailable, self._settings.judge.on_unavailable)

    def _wanted(self, job: VideoJob, iqa_footer: Mapping[str, str]) -> list[int]:
        """The candidates that the judge is asked about, best first."""
        tables = replace(score_tables(job, iqa_footer), judgements=None)
        footer = None if tables.clip_scores is None else job.footer("clip_scores")
        choice = choose(
            job.table("candidate_frames"),
            tables,
            settings=judged_selection(self._settings),
            guidance=self._guides.of_video(job.video_id, footer),
        )
        frame_indices: list[int] = choice.selections.column("frame_index").to_pylist()
        return frame_indices

    def _judged(self, job: VideoJob, wanted: list[int]) -> Made:
        asked = self._settings.judge
        judge = self._judge_of_run()
        num_before = judge.num_requests
        rows: list[dict[str, Any]] = []
        left: set[int] = set()
        with fetched_frames(job, wanted, self._settings.video) as frames:
            for frame in frames:
                try:
                    verdict = judge.judge(frame.rgb(asked.image_height), on_wait=partial(self._on_video, job.video_id))
                except RequestsUsedUpError:  # a later one may be known already
                    left.add(frame.frame_index)
                    # A row, so that it does not count as one that was not worth a look.
                    verdict = Verdict(None, None, "was not looked at: judge.max_requests was reached")
                rows.append(
                    {
                        "video_id": job.video_id,
                        "frame_index": frame.frame_index,
                        "judge_score": verdict.score,
                        "reason": verdict.reason,
                        "model": asked.model,
                        "error": verdict.error,
                    }
                )
        footer = {"model": asked.model, "prompt_sha256": prompt_sha256(asked)}
        metrics: dict[str, int | float | str] = {"num_requests": judge.num_requests - num_before}
        notes = self._notes([row for row in rows if row["frame_index"] not in left], num_left=len(left))
        if notes:
            metrics["note"] = "; ".join(notes)
        return Made({"judgements": table_from_rows("judgements", rows)}, footer, metrics, is_complete=not left)

    def _notes(self, rows: list[dict[str, Any]], *, num_left: int) -> list[str]:
        errors = [str(row["error"]) for row in rows if row["error"] is not None]
        notes = []
        if errors:
            how_many = f"{len(errors)} of {len(rows)} rows have an error"
            notes.append(f"{how_many}, the first: {errors[0]} (--recompute tries them again)")
        if num_left:
            notes.append(
                f"{num_left} of {len(rows) + num_left} candidates were not judged: judge.max_requests "
                f"({self._settings.judge.max_requests}) was reached; run again to go on, or raise it"
            )
        return notes

    def _judge_of_run(self) -> FrameJudge:
        if self._judge is None:
            cache = JudgeCache(self._store.judge_cache_path)
            self._judge = ChatJudge(self._settings.judge, key=judge_key(), cache=cache)
        return self._judge
