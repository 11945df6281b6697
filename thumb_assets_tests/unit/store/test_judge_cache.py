"""Kept answers of the judge."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from thumb_assets.errors import ContractError
from thumb_assets.store.judge_cache import JudgeCache


def test_answers_are_kept_by_key_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "judge_cache" / "answers.sqlite"
    cache = JudgeCache(path)
    assert cache.get("a") is None
    cache.put("a", "one")
    cache.put("b", "two")
    cache.put("a", "three é")
    again = JudgeCache(path)
    assert [again.get(key) for key in "abc"] == ["three é", "two", None]


def test_several_can_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: JudgeCache(path).put(f"{number % 10}", f"{number % 10}"), range(40)))
    assert [JudgeCache(path).get(str(number)) for number in range(10)] == [str(number) for number in range(10)]


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    path.write_bytes(b"junk" * 1000)
    with pytest.raises(ContractError, match="delete it: the frames are judged again"):
        JudgeCache(path).get("a")
