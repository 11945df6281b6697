"""When the learned scorer counts, and that the key of a choice follows its file exactly then."""

from pathlib import Path

import pytest

from thumb_assets.errors import ContractError, MissingInputError
from thumb_assets.pipeline.guidance import Guides, learned_head_sha256, load_learned_head
from thumb_assets.pipeline.stages import stage_key
from thumb_assets.settings.load import load_settings
from thumb_assets.store.learned_head import write_learned_head
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.unit.select.test_learned_head import a_head


@pytest.fixture
def store(data_dir: Path) -> TableStore:
    return TableStore(data_dir)


def settings_of(mode: str):
    return load_settings(overrides=[f"selection.learned={mode}"])


@pytest.mark.parametrize(
    ("mode", "is_better", "counts"),
    [
        ("auto", True, True),
        ("auto", False, False),
        ("force", True, True),
        ("force", False, True),
        ("off", True, False),
        ("off", False, False),
    ],
)
def test_a_scorer_counts_as_the_setting_says(store: TableStore, mode: str, is_better: bool, counts: bool) -> None:
    write_learned_head(store, a_head(), is_better=is_better, facts={})
    settings = settings_of(mode)
    assert (load_learned_head(settings, store) is not None) is counts
    assert (Guides(settings, store).of_video("clip-0a1b2c3d", None).scorer is not None) is counts
    assert (learned_head_sha256(settings, store) is not None) is counts


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_without_a_file_there_is_none(store: TableStore, mode: str) -> None:
    assert load_learned_head(settings_of(mode), store) is None
    assert learned_head_sha256(settings_of(mode), store) is None


def test_forced_without_a_file_it_is_an_error(store: TableStore) -> None:
    with pytest.raises(MissingInputError, match="run `thumb-assets learn` first"):
        load_learned_head(settings_of("force"), store)
    assert learned_head_sha256(settings_of("force"), store) is None


def test_a_damaged_file_has_a_key_of_its_own_so_that_the_choice_says_so(store: TableStore) -> None:
    path = write_learned_head(store, a_head(), is_better=True, facts={})
    before = learned_head_sha256(settings_of("auto"), store)
    path.write_bytes(b"junk")
    with pytest.raises(ContractError):
        load_learned_head(settings_of("auto"), store)
    assert learned_head_sha256(settings_of("auto"), store) not in {before, None}
    assert load_learned_head(settings_of("off"), store) is None


def test_the_file_s_content_is_what_counts(store: TableStore) -> None:
    hashes = []
    for intercept in (0.25, 0.5, 0.25):
        write_learned_head(store, a_head(intercept=intercept), is_better=True, facts={})
        hashes.append(learned_head_sha256(settings_of("auto"), store))
    assert hashes[0] == hashes[2] != hashes[1]


def test_the_key_of_selections_depends_on_the_scorer() -> None:
    facts = {"source": ("a" * 64, "clip.mp4"), "inputs": {"videos": "b"}}
    without, one, other = (
        stage_key("selections", load_settings(), **facts, guides={"learned": learned}) for learned in (None, "c", "d")
    )
    assert len({without, one, other}) == 3
