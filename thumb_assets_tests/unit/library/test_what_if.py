"""What-if against `choose` on the same stored tables: it must foresee what the engine would select."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from benchmarks.what_if import score_tables, write_clip_scores, write_library
from thumb_assets.clip.scorer import Prompts, clip_scores_from_embeddings, greatest_similarity
from thumb_assets.errors import MissingInputError, SettingsError
from thumb_assets.library.what_if import NewPrompts, WhatIf, has_new_prompts, what_if
from thumb_assets.select.choose import choose
from thumb_assets.select.measure import TABLES_OF_SCORES
from thumb_assets.settings.load import load_settings
from thumb_assets.store.decisions import decide
from thumb_assets.store.kept_candidates import KeptCandidates
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.stored_form import OWN_FOOTER_KEYS
from thumb_assets.tables.conform import content_sha256, empty_table

IDS = [f"video-{number:08x}" for number in range(3)]
MODEL = {"model_name": "made-up", "pretrained": "none"}


@pytest.fixture
def store(data_dir: Path) -> TableStore:
    store = TableStore(data_dir)
    write_library(store, len(IDS), 40)
    return store


def prompts_of(num_dimensions: int = 64, **footer: str) -> NewPrompts:
    texts = np.random.default_rng(5).standard_normal((5, num_dimensions)).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    return NewPrompts(Prompts(texts[:1], texts[1:3], texts[3:]), {**MODEL, "prompts_sha256": "new"} | footer)


def frames_then(result: WhatIf) -> dict[str, list[int]]:
    return {video.video_id: [frame for frame, _ in video.then] for video in result.videos}


def engine_s(store: TableStore, video_id: str, settings, **of_prompts: np.ndarray) -> list[int]:
    """Selection by `choose`, with other columns of `clip_scores`."""
    tables = {name: store.read_or_none(name, video_id) for name in TABLES_OF_SCORES}
    for name, values in of_prompts.items():
        place = tables["clip_scores"].schema.get_field_index(name)
        tables["clip_scores"] = tables["clip_scores"].set_column(
            place, tables["clip_scores"].schema.field(place), [values]
        )
    choice = choose(store.read("candidate_frames", video_id), score_tables(tables), settings=settings.selection)
    return choice.selections.sort_by("rank").column("frame_index").to_pylist()


def fingerprints(store: TableStore) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in store.tables_dir.rglob("*.parquet")}


def test_the_same_settings_change_nothing(store: TableStore) -> None:
    result = what_if(store, load_settings())
    assert [video.video_id for video in result.videos] == IDS
    assert result.changes == ()
    assert all(video.now == video.then for video in result.videos)


@pytest.mark.parametrize(
    "overrides",
    [
        ["selection.top_k=5"],
        ["selection.top_k=1000", "selection.distinct_shots=false"],
        ["selection.weights.sharpness=0", "selection.weights.clip=0"],
        ["selection.reject.min_luma_mean=150"],
        ["selection.reject.max_motion=5", "selection.reject.max_share=0.5"],
        ["selection.strategy=keyframes", "selection.top_k=auto"],
        ["selection.diversify=mmr", "selection.diversity_weight=0.9"],
        ["selection.preset=action", "selection.top_k=9"],
        ["selection.window_seconds=[20, 50]"],
        ["selection.face_bonus=1", "selection.clear_face_height=0"],
        ["selection.min_gap_seconds=60"],
    ],
)
def test_other_settings_select_what_the_engine_would(store: TableStore, overrides: list[str]) -> None:
    before = fingerprints(store)
    settings = load_settings(overrides=overrides)
    result = what_if(store, settings)
    assert frames_then(result) == {video_id: engine_s(store, video_id, settings) for video_id in IDS}
    assert result.changes
    assert fingerprints(store) == before


def test_a_slider_that_moves_to_and_fro_chooses_as_if_it_never_had(store: TableStore) -> None:
    kept = KeptCandidates(store)
    moves = [["selection.weights.sharpness=0"], ["selection.weights.sharpness=2"], ["selection.top_k=6"]]
    moves += [["selection.preset=action"], [], ["selection.shot_weight=0", "selection.reject.min_contrast_share=0.99"]]
    moves += [["selection.similarity.descriptor_weight=1"], ["selection.face_bonus=1"], *moves]
    found = []
    for number, overrides in enumerate(moves):
        if number == 4:
            decide(store, IDS[0], {0: "pin"})
        settings = load_settings(overrides=overrides)
        found.append(what_if(store, settings, kept=kept))
        anew = what_if(store, settings)
        assert found[-1].videos == anew.videos
        assert found[-1].table.equals(anew.table)
    assert len({str(frames_then(result)) for result in found}) > 5


def test_a_rule_that_every_candidate_breaks_drops_none(store: TableStore) -> None:
    settings = load_settings(overrides=["selection.reject.min_luma_mean=255", "selection.top_k=7"])
    assert frames_then(what_if(store, settings)) == {video_id: engine_s(store, video_id, settings) for video_id in IDS}


def test_the_table_has_each_frame_of_now_and_then_once(store: TableStore) -> None:
    result = what_if(
        store, load_settings(overrides=["selection.top_k=2", "selection.weights.iqa=5"]), video_ids=IDS[:1]
    )
    (video,) = result.videos
    rows = result.table.to_pylist()
    assert {row["video_id"] for row in rows} == {IDS[0]}
    by_now = sorted((row["rank_now"], row["frame_index"], row["pts_seconds"]) for row in rows if row["rank_now"])
    by_then = sorted((row["rank_then"], row["frame_index"], row["pts_seconds"]) for row in rows if row["rank_then"])
    assert tuple((frame, seconds) for _, frame, seconds in by_now) == video.now
    assert tuple((frame, seconds) for _, frame, seconds in by_then) == video.then
    assert len(rows) == len({row["frame_index"] for row in rows}) == len({*video.now, *video.then})
    scores = [row["combined_score_then"] for row in sorted(rows, key=lambda row: row["rank_then"] or 99)]
    assert scores[2:] == [None] * (len(rows) - 2)
    assert scores[0] >= scores[1]


def test_new_prompts_are_scored_from_the_stored_embeddings(store: TableStore) -> None:
    settings, prompts = load_settings(overrides=["selection.weights.clip=9"]), prompts_of()
    result = what_if(store, settings, prompts=prompts)
    for video_id in IDS:
        embeddings = np.array(store.read("clip_scores", video_id).column("embedding").to_pylist(), np.float16)
        texts = prompts.prompts
        positive, _, scores = clip_scores_from_embeddings(embeddings, positive=texts.positive, negative=texts.negative)
        title_cards = greatest_similarity(embeddings, texts.title_card)
        columns = {"positive_similarity": positive, "clip_score": scores, "title_card_similarity": title_cards}
        assert frames_then(result)[video_id] == engine_s(store, video_id, settings, **columns)
    assert result.rescored == set(IDS)
    assert frames_then(result) != frames_then(what_if(store, settings))


def test_prompts_that_are_the_stored_ones_keep_the_stored_scores(store: TableStore) -> None:
    result = what_if(store, load_settings(), prompts=prompts_of(prompts_sha256="c" * 64))
    assert result.changes == ()
    assert result.rescored == frozenset()


def test_a_video_without_embeddings_keeps_its_scores(store: TableStore) -> None:
    empty = empty_table("clip_scores")
    footer = store_footer(store) | {"content_sha256": content_sha256(empty)}
    store.write("clip_scores", empty, video_id=IDS[0], footer=footer)
    result = what_if(store, load_settings(), prompts=prompts_of())
    assert result.rescored == set(IDS[1:])
    assert [video.video_id for video in result.videos] == IDS


@pytest.mark.parametrize("key", ["model_name", "pretrained"])
def test_prompts_of_another_model_are_refused_in_one_line(store: TableStore, key: str) -> None:
    with pytest.raises(
        SettingsError, match=r"video-0000000\d: its embeddings are of the model made-up \(none\)"
    ) as error:
        what_if(store, load_settings(), prompts=prompts_of(**{key: "another"}))
    assert "\n" not in str(error.value)


def test_embeddings_of_each_size_are_held_against_their_own_prompts(store: TableStore) -> None:
    write_clip_scores(store, 1, 40, 16)
    assert what_if(store, load_settings(), video_ids=IDS[:1], prompts=prompts_of(16)).rescored == {IDS[0]}


def test_without_embeddings_prompts_say_which_stage_to_run(store: TableStore) -> None:
    for video_id in IDS:
        store.delete("clip_scores", video_id)
    with pytest.raises(MissingInputError, match="run the stage `clip_scores` first"):
        what_if(store, load_settings(), prompts=prompts_of())


def test_without_selections_it_says_which_stage_to_run(store: TableStore, data_dir: Path) -> None:
    for video_id in IDS:
        store.delete("selections", video_id)
    with pytest.raises(MissingInputError, match="run the stage `selections` first"):
        what_if(store, load_settings())
    with pytest.raises(MissingInputError, match="run `thumb-assets run PATH` first"):
        what_if(TableStore(data_dir / "nothing"), load_settings())
    with pytest.raises(MissingInputError, match="run the stage `videos` first"):
        what_if(store, load_settings(), video_ids=["never-00000000"])


def test_only_prompts_that_were_given_are_new() -> None:
    assert not has_new_prompts(load_settings(overrides=["clip.device=cpu", "selection.top_k=5"]))
    assert has_new_prompts(load_settings(overrides=['clip.negative_prompts=["a wall"]']))
    assert has_new_prompts(load_settings(overrides=['clip.title_card_prompts=["credits"]']))


def store_footer(store: TableStore) -> dict[str, str]:
    footer = store.footer("clip_scores", IDS[0]) or {}
    return {key: value for key, value in footer.items() if key not in OWN_FOOTER_KEYS}
