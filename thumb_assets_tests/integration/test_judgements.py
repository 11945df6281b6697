"""The stage `judgements` from the file on: through the engine, the command line and Dagster's checks."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.defs.checks import CHECKS
from thumb_assets.library.backlog import backlog_of
from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.stages import default_stages, stage_settings_sha256
from thumb_assets.settings.environment import JUDGE_KEY_VARIABLE
from thumb_assets.settings.load import load_settings
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import contract_problems
from thumb_assets_tests.support.judge_server import MODEL, JudgeServer, brightness, judge_server
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages
from thumb_assets_tests.support.synthetic import MULTI_SHOT_CUTS, MULTI_SHOT_KINDS, read_frame_index
from thumb_assets_tests.support.web import free_port

MakeVideo = Callable[[str], Path]
STAGES = [*WITHOUT_MODELS, "judgements"]
KEY = "sk-the-key-of-the-test"


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    with judge_server() as running:
        yield running


@pytest.fixture
def video_id(synthetic_videos: MakeVideo, data_dir: Path) -> str:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    return video_id


def judge(data_dir: Path, video_id: str, *overrides: str, is_recomputed: bool = False) -> StageResult:
    settings = load_settings(overrides=overrides)
    results = run_stages(data_dir, [video_id], STAGES, settings=settings, is_recomputed=is_recomputed)
    others = {result.status for result in results.values() if result.stage != "judgements"}
    assert others == {"done"}, results  # whatever becomes of the judge
    return results[video_id, "judgements"]


def rows_of(data_dir: Path, video_id: str) -> list[dict]:
    return TableStore(data_dir).read("judgements", video_id).to_pylist()


def test_it_is_off_unless_a_url_is_set(data_dir: Path, video_id: str, server: JudgeServer) -> None:
    assert "judgements" not in default_stages(load_settings())
    assert "judgements" in default_stages(load_settings(overrides=server.overrides))
    result = judge(data_dir, video_id)
    assert result.status == "skipped"
    assert result.message is not None
    assert "judge.url" in result.message
    assert not TableStore(data_dir).has("judgements", video_id)


def test_the_best_candidates_are_shown_and_each_verdict_is_of_its_own_frame(
    data_dir: Path, video_id: str, server: JudgeServer
) -> None:
    result = judge(data_dir, video_id, *server.overrides, "selection.top_k=1")
    assert result.status == "done", result.message
    store = TableStore(data_dir)
    assert contract_problems("judgements", store.read("judgements", video_id)) == []
    rows = rows_of(data_dir, video_id)
    assert 1 < len(rows) == len(server.asked) == result.metrics["num_requests"]
    for row, asked in zip(rows, server.asked, strict=True):
        assert read_frame_index(asked.picture) == row["frame_index"]
        assert (row["judge_score"], row["model"], row["error"]) == (brightness(asked.picture), MODEL, None)
    kinds = {MULTI_SHOT_KINDS[sum(row["frame_index"] >= cut for cut in MULTI_SHOT_CUTS) - 1] for row in rows}
    assert "black" not in kinds  # what selection rejects costs nothing
    best = store.read("selections", video_id)["frame_index"][0].as_py()
    assert best in {row["frame_index"] for row in rows}
    footer = store.footer("judgements", video_id)
    assert footer is not None
    assert footer["model"] == MODEL
    assert re.fullmatch("[0-9a-f]{64}", footer["prompt_sha256"])
    scores = Catalog(store.catalog_path).query("SELECT judge_score FROM frame_scores WHERE judge_score IS NOT NULL")
    assert sorted(row["judge_score"] for row in scores) == sorted(row["judge_score"] for row in rows)


def test_only_as_many_as_asked_for_are_shown_and_more_later_cost_only_themselves(
    data_dir: Path, video_id: str, server: JudgeServer
) -> None:
    judge(data_dir, video_id, *server.overrides, "judge.max_candidates=1")
    (first,) = rows_of(data_dir, video_id)
    judge(data_dir, video_id, *server.overrides)
    rows = rows_of(data_dir, video_id)
    assert first in rows
    assert len(server.asked) == len(rows) > 1


def test_what_if_says_that_the_judge_was_asked_about_what_was_best_before(
    data_dir: Path, video_id: str, server: JudgeServer
) -> None:
    line = ["what-if", "--data-dir", str(data_dir), "--set", "selection.weights.sharpness=0.9"]
    run_stages(data_dir, [video_id], STAGES)
    assert "the judge looked" not in CliRunner().invoke(main, line).output
    judge(data_dir, video_id, *server.overrides)
    run_stages(data_dir, [video_id], ["selections"])
    assert "the judge looked at what was best before (1 video)" in CliRunner().invoke(main, line).output


def test_a_second_run_asks_nothing_and_gives_the_same_tables(
    data_dir: Path, video_id: str, server: JudgeServer
) -> None:
    judge(data_dir, video_id, *server.overrides)
    store, num_asked = TableStore(data_dir), len(server.asked)
    path = store.table_path("judgements", video_id)
    before = path.read_bytes()
    assert judge(data_dir, video_id, *server.overrides).is_unchanged
    again = judge(data_dir, video_id, *server.overrides, is_recomputed=True)
    assert (again.is_unchanged, again.metrics["num_requests"]) == (False, 0)
    assert path.read_bytes() == before
    assert len(server.asked) == num_asked
    with judge_server() as moved:  # the same model elsewhere
        assert judge(data_dir, video_id, *moved.overrides).is_unchanged
    assert not judge(data_dir, video_id, *server.overrides, "judge.prompt=Is it bright?").is_unchanged
    assert len(server.asked) == 2 * num_asked


def test_what_the_values_depend_on_is_in_the_hash_and_nothing_else() -> None:
    def sha256(*overrides: str) -> str:
        return stage_settings_sha256("judgements", load_settings(overrides=overrides))

    known = ("judge.url=http://127.0.0.1:1/v1", "judge.model=m")
    same = ["judge.max_requests=5", "judge.max_retries=0", "judge.timeout_seconds=5", "selection.top_k=7"]
    assert {sha256(*known, change) for change in same} == {sha256(*known)}
    others = ["judge.model=n", "judge.image_height=500", "judge.max_candidates=3", "selection.min_gap_seconds=9"]
    assert len({sha256(*known, change) for change in [*others, *same]}) == len(others) + 1


def test_what_the_bound_leaves_is_noted_and_done_by_the_next_runs(
    data_dir: Path, video_id: str, server: JudgeServer
) -> None:
    settings = load_settings(overrides=[*server.overrides, "judge.max_requests=2"])
    store = TableStore(data_dir)
    check = CHECKS["judgements"]["covers_best_candidates"]
    overrides = (*server.overrides, "judge.max_requests=2")
    first = judge(data_dir, video_id, *overrides)
    assert first.status == "done"
    num_wanted = len(rows_of(data_dir, video_id))
    assert num_wanted > 2
    assert f"{num_wanted - 2} of {num_wanted} candidates were not judged: judge.max_requests (2)" in str(
        first.metrics["note"]
    )
    verdict = check(video_id, "judgements", store, settings)
    assert (verdict.is_passed, verdict.num_checked, verdict.num_failed) == (False, num_wanted, num_wanted - 2)
    (left,) = backlog_of([Library(data_dir).find(video_id)], STAGES, settings, store)
    assert left.work == "stale"
    for _ in range(num_wanted):
        last = judge(data_dir, video_id, *overrides)
    assert last.is_unchanged
    assert len(rows_of(data_dir, video_id)) == len(server.asked) == num_wanted
    assert check(video_id, "judgements", store, settings).is_passed


def test_the_bound_holds_over_all_videos_of_a_run(
    synthetic_videos: MakeVideo, data_dir: Path, server: JudgeServer
) -> None:
    ids = register(data_dir, [synthetic_videos(name) for name in ("multi_shot", "cfr", "vfr")])
    settings = load_settings(overrides=[*server.overrides, "judge.max_requests=3"])
    results = run_stages(data_dir, ids, STAGES, settings=settings)
    assert {result.status for result in results.values()} == {"done"}
    assert len(server.asked) == 3
    unseen = results[ids[2], "judgements"].tables["judgements"]
    assert unseen.column("judge_score").null_count == unseen.num_rows > 0
    assert set(unseen.column("error").to_pylist()) == {"was not looked at: judge.max_requests was reached"}
    # It is as good as what was looked at, rather than worse: nobody knows.
    judged = results[ids[2], "selections"].tables["selections"]
    assert judged.column("judge_percentile").null_count == judged.num_rows > 0


def test_a_frame_without_a_verdict_has_its_error_and_the_others_theirs(
    data_dir: Path, video_id: str, server: JudgeServer
) -> None:
    server.contents = ["no", "no", None]
    result = judge(data_dir, video_id, *server.overrides)
    rows = rows_of(data_dir, video_id)
    assert [row["error"] is None for row in rows] == [False] + [True] * (len(rows) - 1)
    assert (rows[0]["judge_score"], rows[0]["reason"]) == (None, None)
    assert "1 of " in str(result.metrics["note"])
    verdict = CHECKS["judgements"]["covers_best_candidates"](
        video_id, "judgements", TableStore(data_dir), load_settings()
    )
    assert (verdict.is_passed, verdict.num_failed) == (False, 1)
    assert rows[0]["error"] in verdict.sample[0]
    judge(data_dir, video_id, *server.overrides, is_recomputed=True)
    assert all(row["error"] is None for row in rows_of(data_dir, video_id))
    assert len(server.asked) == len(rows) + 2  # two for the first, then it once more


def test_a_server_that_is_away_leaves_the_stage_out_or_fails_it_for_now(data_dir: Path, video_id: str) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    away = (f"judge.url={url}", "judge.model=m", "judge.max_retries=0")
    skipped = judge(data_dir, video_id, *away)
    assert skipped.status == "skipped"
    assert skipped.message is not None
    assert url in skipped.message
    assert "start the server" in skipped.message
    results = run_stages(
        data_dir, [video_id], STAGES, settings=load_settings(overrides=[*away, "judge.on_unavailable=error"])
    )
    failed = results[video_id, "judgements"]
    assert failed.error is not None
    assert not failed.error.is_permanent
    assert results[video_id, "stills"].status == "done"  # the judge is no input that they need


def test_a_busy_server_is_asked_again_and_a_wrong_key_is_said(
    data_dir: Path, video_id: str, server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(JUDGE_KEY_VARIABLE, f"{KEY}\n")
    server.statuses, server.error_message = [401], "wrong key {key}"
    results = run_stages(
        data_dir,
        [video_id],
        STAGES,
        settings=load_settings(overrides=[*server.overrides, "judge.on_unavailable=error"]),
    )
    refused = results[video_id, "judgements"]
    assert refused.error is not None
    assert refused.error.is_permanent
    assert JUDGE_KEY_VARIABLE in str(refused.message)
    server.statuses = [429, 200]
    server.contents = [json.dumps({"score": 5, "reason": f"you are {KEY}"})]
    assert judge(data_dir, video_id, *server.overrides).status == "done"
    assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {KEY}"}
    for path in data_dir.rglob("*"):  # no secret lies anywhere
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert KEY not in str(refused.message)


def test_the_sparse_pass_gives_the_judge_its_frames_too(data_dir: Path, video_id: str, server: JudgeServer) -> None:
    overrides = (*server.overrides, "sparse.is_on=true", "sparse.min_sync_frames=2")
    assert judge(data_dir, video_id, *overrides).status == "done"
    assert [read_frame_index(asked.picture) for asked in server.asked] == [
        row["frame_index"] for row in rows_of(data_dir, video_id)
    ]


def test_the_command_judges_in_its_child_process(
    synthetic_videos: MakeVideo, data_dir: Path, server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(JUDGE_KEY_VARIABLE, KEY)
    video = str(synthetic_videos("multi_shot"))
    before = "videos,frames,shots,candidate_frames,sharpness"
    first = CliRunner().invoke(main, ["run", video, "--data-dir", str(data_dir), "--stages", before])
    assert first.exit_code == 0, first.output
    sets = [part for override in server.overrides for part in ("--set", override)]
    command = ["run", "--data-dir", str(data_dir), "--stages", "judgements,selections", *sets]
    result = CliRunner().invoke(main, [*command, "--set", "judge.max_requests=2"])
    assert result.exit_code == 0, result.output
    assert "judge.max_requests (2) was reached" in " ".join(result.output.split())
    assert len(server.asked) == 2
    assert CliRunner().invoke(main, command).exit_code == 0
    assert len({read_frame_index(asked.picture) for asked in server.asked}) == len(server.asked) > 2
    assert server.asked[-1].headers["authorization"] == f"Bearer {KEY}"
    wrong = CliRunner().invoke(main, ["run", video, "--data-dir", str(data_dir), "--set", f"judge.url={server.url}"])
    assert wrong.exit_code == 2
    assert "judge.model" in wrong.output
