"""A linear head over embeddings: what it computes, and which files it refuses."""

from pathlib import Path

import numpy as np
import pytest
import torch

from thumb_assets.clip.aesthetics import HEADS, AestheticHead
from thumb_assets.errors import ModelUnavailableError, RefusedModelError
from thumb_assets.weights.registry import get_model_file


def saved(path: Path, state: object) -> Path:
    torch.save(state, path)
    return path


def test_it_is_the_linear_layer_of_the_embedding_s_direction(tmp_path):
    layer = torch.nn.Linear(4, 1)
    embeddings = np.random.default_rng(1).standard_normal((6, 4)).astype(np.float16)
    embeddings[5] = 3 * embeddings[0]
    scores = AestheticHead(saved(tmp_path / "head.pth", layer.state_dict())).scores(embeddings)
    vectors = torch.nn.functional.normalize(torch.from_numpy(embeddings.astype(np.float32)), dim=1)
    np.testing.assert_allclose(scores, layer(vectors).detach().numpy()[:, 0], atol=1e-5)
    assert scores[5] == pytest.approx(scores[0], abs=2e-3), "how long an embedding is says nothing"


def test_nothing_of_no_embedding_is_no_number_that_is_none(tmp_path):
    head = AestheticHead(saved(tmp_path / "head.pth", {"weight": torch.ones(1, 3), "bias": torch.tensor([5.0])}))
    assert head.scores(np.zeros((1, 3), np.float16)).tolist() == [5.0]
    assert head.scores(np.zeros((0, 3), np.float16)).shape == (0,)


def test_embeddings_of_another_size_belong_to_another_clip(tmp_path):
    head = AestheticHead(saved(tmp_path / "head.pth", torch.nn.Linear(768, 1).state_dict()))
    with pytest.raises(ModelUnavailableError, match=r"head\.pth is a head for embeddings of 768 dimensions.* have 512"):
        head.scores(np.ones((2, 512), np.float16))


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"weight": torch.ones(1, 3)},
        {"weight": torch.ones(2, 3), "bias": torch.ones(2)},
        {"weight": torch.ones(3), "bias": torch.ones(1)},
        {"weight": torch.full((1, 3), float("nan")), "bias": torch.ones(1)},
        {"weight": "text", "bias": 3},
        [1, 2],
        torch.ones(3),
    ],
)
def test_what_is_no_head_is_named(tmp_path, state):
    with pytest.raises(ModelUnavailableError, match=r"other\.pth is no aesthetic head") as error:
        AestheticHead(saved(tmp_path / "other.pth", state))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\x80\x02."])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "damaged.pth"
    path.write_bytes(content)
    with pytest.raises((ModelUnavailableError, RefusedModelError), match=r"damaged\.pth"):
        AestheticHead(path)


class Hostile:
    def __reduce__(self):
        return print, ("run",)


def test_a_file_that_holds_code_is_refused_and_not_run(tmp_path, capsys):
    with pytest.raises(RefusedModelError, match="nothing of it was run"):
        AestheticHead(saved(tmp_path / "hostile.pth", {"weight": Hostile()}))
    assert "run" not in capsys.readouterr().out


def test_every_head_is_registered_with_its_terms_and_its_sum():
    for name in set(HEADS.values()):
        head = get_model_file(name)
        assert (head.licence, head.use, head.kind) == ("MIT", "commercial", "aesthetics")
        assert head.sha256 is not None
        assert head.url.endswith(head.file_names[0])
    import open_clip

    for model, tag in HEADS:
        assert tag in open_clip.list_pretrained_tags_by_model(model)
