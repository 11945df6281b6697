"""Whatever strangers call their files, nothing is written outside the folder meant for it."""

import os
from pathlib import Path, PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from thumb_assets.errors import ContractError
from thumb_assets.library.arriving import file_name_for
from thumb_assets.store.library import VIDEO_SUFFIXES
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.remote import is_inside

FOLDER = "/srv/library"
NASTY = st.text(alphabet=st.sampled_from("ab./\\:~\0\n %2eé\u202e-_"), max_size=40) | st.text(max_size=300)


@given(name=NASTY)
def test_a_fetched_file_has_a_plain_name_of_a_video(name: str) -> None:
    safe = file_name_for(name)
    assert PurePosixPath(safe).name == safe
    assert safe.isascii()
    assert not safe.startswith((".", "-", "_"))
    assert "\\" not in safe
    assert PurePosixPath(safe).suffix.lower() in VIDEO_SUFFIXES
    assert len(safe) <= 130
    assert file_name_for(safe) == safe


@given(name=NASTY)
def test_a_name_that_counts_as_inside_is(name: str) -> None:
    if is_inside(name):
        joined = os.path.normpath(os.path.join(FOLDER, name))  # noqa: PTH118 - as the system would read it
        assert joined.startswith(FOLDER + "/")


@given(video_id=NASTY)
def test_a_partition_key_names_files_below_the_data_folder_or_none(video_id: str) -> None:
    store = TableStore(Path(FOLDER))
    for make in (store.stills_dir, store.crops_dir, lambda key: store.table_path("frames", key)):
        try:
            path = make(video_id)
        except ContractError:
            continue
        assert os.path.normpath(path) == str(path)
        assert path.is_relative_to(FOLDER)
        assert len(path.relative_to(FOLDER).parts) <= 3
