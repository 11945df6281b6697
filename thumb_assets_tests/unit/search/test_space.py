"""The sealed vectors against comparing with all, while a library changes and its files are damaged."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from thumb_assets.search.space import Unit, VectorSpace

NUM_SEALED, COUNT, DIMENSIONS = 200, 30, 24


def vectors_of(unit: Unit) -> np.ndarray:
    """Vectors of norm 1, the same for the same name and version; every seventh row has none."""
    random = np.random.default_rng(zlib.crc32(f"{unit.name} {unit.version}".encode()))
    vectors = random.standard_normal((unit.count, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[::7] = 0
    return vectors


def units_of(number: int, *, changed: frozenset[int] = frozenset(), gone: frozenset[int] = frozenset()) -> list[Unit]:
    return [
        Unit(f"video-{each}", "b" if each in changed else "a", COUNT + each % 3)
        for each in range(number)
        if each not in gone
    ]


def opened(folder: Path | None, units: list[Unit]) -> VectorSpace:
    return VectorSpace(
        folder, "space", units, lambda place, rows: vectors_of(units[place])[rows], num_sealed=NUM_SEALED
    )


def assert_answers_right(space: VectorSpace, units: list[Unit]) -> None:
    """Nearly all of the ten nearest are found, cosines are right, and nothing else is."""
    everything = np.concatenate([vectors_of(unit) for unit in units])
    known = everything.any(axis=1)
    hits = 0
    for row in np.flatnonzero(known)[::40].tolist():
        positions, cosines = space.nearest(everything[row], number=10)
        assert positions[0] == row
        assert known[positions].all()
        np.testing.assert_allclose(cosines, everything[positions] @ everything[row], atol=2e-3)
        exact = np.argsort(np.where(known, -(everything @ everything[row]), np.inf))[:10]
        hits += len(np.intersect1d(positions, exact)) / 10
    assert hits / len(np.flatnonzero(known)[::40]) > 0.97


def sealed(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.usearch")}


def test_a_small_library_has_no_files_and_is_searched_whole(tmp_path: Path) -> None:
    units = units_of(4)
    assert_answers_right(opened(tmp_path, units), units)
    assert list(tmp_path.iterdir()) == []


def test_files_follow_a_library_that_grows_changes_and_shrinks(tmp_path: Path) -> None:
    units = units_of(30)
    assert_answers_right(opened(tmp_path, units), units)
    first = sealed(tmp_path)
    assert len(first) == 4
    assert sum(unit.count for unit in units) > 4 * NUM_SEALED  # and some are in no file yet
    for later in (units_of(32), units_of(32, changed=frozenset({3, 20})), units_of(32, gone=frozenset({0, 31}))):
        space = opened(tmp_path, later)
        assert space.notes == []
        assert_answers_right(space, later)
        assert sealed(tmp_path) == first, "what is sealed is not made again for a few videos"
    half = units_of(30, gone=frozenset(range(15)))
    assert_answers_right(opened(tmp_path, half), half)
    more = units_of(60, gone=frozenset(range(15)))
    assert_answers_right(opened(tmp_path, more), more)
    named = {entry["file"] for entry in json.loads((tmp_path / "space.json").read_text())["segments"]}
    assert named == set(sealed(tmp_path)), "files of which too little counts are gone"


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("*.usearch", _flip),
        ("*.usearch", lambda path: path.write_bytes(path.read_bytes()[:1000])),
        ("*.usearch", lambda path: path.write_bytes(b"")),
        ("*.usearch", Path.unlink),
        ("space.json", _flip),
        ("space.json", lambda path: path.write_text("[]")),
        ("space.json", lambda path: path.write_text('{"version": 1, "segments": [{"file": "../../x", "units": 3}]}')),
        ("space.json", Path.unlink),
    ],
)
def test_what_is_damaged_is_made_again_and_said(tmp_path: Path, name: str, damage: Callable[[Path], object]) -> None:
    units = units_of(20)
    opened(tmp_path, units)
    damage(min(tmp_path.glob(name)))
    space = opened(tmp_path, units)
    assert any("made again" in note for note in space.notes)
    assert_answers_right(space, units)
    again = opened(tmp_path, units)
    assert again.notes == []
    assert_answers_right(again, units)


def test_where_nothing_can_be_kept_it_answers_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    units = units_of(20)
    space = opened(tmp_path / "file" / "search", units)
    assert any("cannot be kept" in note for note in space.notes)
    assert_answers_right(space, units)


def test_a_space_without_vectors_answers_nothing(tmp_path: Path) -> None:
    positions, cosines = opened(tmp_path, []).nearest(np.ones(DIMENSIONS, np.float32), number=5)
    assert (positions.tolist(), cosines.tolist()) == ([], [])
