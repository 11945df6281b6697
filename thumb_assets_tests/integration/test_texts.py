"""The stage `texts` from the file on: writing in a made video is read, found by words, and titles chapters."""

import av
import cv2
import numpy as np
import pytest

from thumb_assets.settings.load import load_settings
from thumb_assets.stages.texts import STAGE
from thumb_assets.store.parquet import TableStore
from thumb_assets.weights.resolve import find_local
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

STAGES = (*WITHOUT_MODELS, "texts")
RATE, SECONDS, SIZE = 10, 4, (640, 360)
SLIDES = (("Annual budget", "Revenue and costs"), ("Harbour of Lisbon", "Ships arrive at noon"), None, ("Thank you",))


@pytest.fixture(autouse=True)
def models():
    if any(find_local(model) is None for model in STAGE.models(load_settings(overrides=["texts.is_on=true"]))):
        pytest.skip("rapidocr, whose wheel holds the models, is not installed")


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    """A video of four pictures of 4 s, the third without writing."""
    pictures = [slide(lines, 30 + 40 * place) for place, lines in enumerate(SLIDES)]
    return shown(tmp_path_factory.mktemp("texts") / "slides.mp4", pictures)


def shown(path, pictures):
    """A video of pictures of 4 s."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18", "preset": "ultrafast"})
        (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p"
        for index in range(RATE * SECONDS * len(pictures)):
            picture = pictures[index // (RATE * SECONDS)]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def slide(lines, level):
    picture = np.full((*SIZE[::-1], 3), (level, 40, 90), np.uint8)
    cv2.rectangle(picture, (400, 200), (600, 340), (200, level, 20), -1)
    for place, line in enumerate(lines or ()):
        cv2.putText(picture, line, (30, 90 + 90 * place), cv2.FONT_HERSHEY_SIMPLEX, 1.4 - 0.6 * place, (255,) * 3, 2)
    return picture


def made(data_dir, path, *overrides, stages=STAGES):
    (video_id,) = register(data_dir, [path])
    results = run_stages(
        data_dir, [video_id], stages, settings=load_settings(overrides=["texts.is_on=true", *overrides])
    )
    failed = {stage: each.message for (_, stage), each in results.items() if each.status == "failed"}
    assert failed == {}
    return video_id, TableStore(data_dir), results


def test_writing_is_read_where_it_stands(slides, data_dir):
    video_id, store, _ = made(data_dir, slides)
    seconds = dict(
        zip(
            *(
                store.read("candidate_frames", video_id).column(name).to_pylist()
                for name in ("frame_index", "pts_seconds")
            ),
            strict=True,
        )
    )
    rows = store.read("texts", video_id).to_pylist()
    for row in rows:
        assert row["text"] in SLIDES[int(seconds[row["frame_index"]] // SECONDS)]
        assert 0 <= row["x"] < row["x"] + row["width"] <= SIZE[0]
        assert 0 <= row["y"] < row["y"] + row["height"] <= SIZE[1]
    assert {row["text"] for row in rows} == {line for lines in SLIDES if lines for line in lines}


def test_words_find_what_is_written_and_the_reason_quotes_it(slides, data_dir):
    words = ("selection.looking_for=ships arrive", "selection.top_k=1")
    video_id, store, _ = made(data_dir, slides, *words)
    (row,) = store.read("selections", video_id).to_pylist()
    assert SECONDS <= row["pts_seconds"] < 2 * SECONDS
    assert 'writing "Ships arrive at noon"' in row["reason"]


def test_chapters_are_titled_by_their_largest_line(slides, data_dir):
    chapters = ("chapters.is_on=true", "chapters.min_chapter_seconds=2", "chapters.eps=0.0001")
    video_id, store, _ = made(data_dir, slides, *chapters, stages=(*STAGES, "chapters"))
    titles = store.read("chapters", video_id).column("title").to_pylist()
    assert titles
    assert set(titles) <= {lines[0] for lines in SLIDES if lines}


def test_fewer_pictures_are_read_where_it_is_said(slides, data_dir):
    video_id, store, _ = made(data_dir, slides, "texts.max_frames=1")
    texts = {row["text"] for row in store.read("texts", video_id).to_pylist()}
    assert 0 < len(texts) <= 2


def test_it_can_be_turned_off(slides, data_dir):
    _, _, results = made(data_dir, slides, "texts.is_on=false")
    (result,) = [each for (_, stage), each in results.items() if stage == "texts"]
    assert (result.status, "texts.is_on=true" in result.message) == ("skipped", True)


def test_a_picture_that_comes_back_is_read_once(tmp_path, data_dir):
    """So that others have their place among `max_frames`, and each time it is shown its words are known."""
    first, second = slide(SLIDES[0], 30), slide(SLIDES[1], 70)
    path = shown(tmp_path / "back.mp4", [first, second, slide(None, 110), first])
    video_id, store, _ = made(data_dir, path, "texts.max_frames=2")
    candidates = store.read("candidate_frames", video_id)
    seconds = dict(zip(*(candidates.column(name).to_pylist() for name in ("frame_index", "pts_seconds")), strict=True))
    rows = store.read("texts", video_id).to_pylist()
    read = {(int(seconds[row["frame_index"]] // SECONDS), row["text"]) for row in rows}
    assert read == {*((place, line) for place in (0, 3) for line in SLIDES[0]), *((1, line) for line in SLIDES[1])}
