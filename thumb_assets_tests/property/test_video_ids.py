"""Whatever a file is called, its id is one safe name inside the folder."""

import hashlib
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thumb_assets.errors import ContractError
from thumb_assets.store.identity import verify_video_id, video_id_for
from thumb_assets.store.parquet import TableStore

_ROOT = Path("/library/data").absolute()
_STORE = TableStore(_ROOT)
# Every character a POSIX name can hold, lone surrogates (bytes that are no UTF-8) included, and many dots and dashes.
# No file is called "." or "..".
_NAMES = st.text(st.one_of(st.characters(exclude_characters="/\0"), st.sampled_from("..--__ ,aé")), min_size=1).filter(
    lambda name: name not in {".", ".."}
)
_HASHES = st.binary(max_size=4).map(lambda content: hashlib.sha256(content).hexdigest())


@given(name=_NAMES, sha256=_HASHES)
def test_ids_match_the_pattern_and_stay_inside(name, sha256):
    video_id = video_id_for(Path(name), sha256)
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", video_id)
    assert ".." not in video_id
    assert video_id.endswith(f"-{sha256[:8]}")
    assert verify_video_id(video_id) == video_id
    for path in (_STORE.table_path("frames", video_id), _STORE.stills_dir(video_id)):
        assert Path(os.path.normpath(path)) == path
        assert path.is_relative_to(_ROOT)
    assert video_id_for(Path("elsewhere") / name, sha256) == video_id_for(Path(name), sha256)


@given(text=st.text(max_size=120))
def test_any_other_key_is_refused_or_safe(text):
    try:
        path = _STORE.table_path("frames", text)
    except ContractError as error:
        message = str(error)
    else:
        assert path.parent == _ROOT / "tables" / "frames"
        assert path.name == f"{text}.parquet"
        return
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("separator", ["/", "\\", "\n", "\0", ":", " "])
@given(left=st.from_regex(r"[a-z0-9]{1,5}", fullmatch=True), right=st.from_regex(r"[a-z0-9]{0,5}", fullmatch=True))
def test_separators_are_refused(separator, left, right):
    with pytest.raises(ContractError):
        verify_video_id(left + separator + right)
