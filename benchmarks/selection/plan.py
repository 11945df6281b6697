"""The recipe of a made video: which segment follows which, out of which footage, with which defect."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

WIDTH, HEIGHT, RATE = 640, 360, 25
SPLITS = ("tuning", "test")
NUM_MOMENTS = 3
DEFECTS = (
    "black",
    "fade",
    "dissolve",
    "blur",
    "pan",
    "flash",
    "title",
    "overlay",
    "logo",
    "letterbox",
    "damage",
    "duplicate",
)
# What a segment may be; a good frame is of a moment or its duplicate.
GOOD_KINDS = ("moment", "duplicate")

_MIN_SECONDS, _MAX_SECONDS = 30.0, 44.0
_SECONDS = {
    "moment": (2.6, 4.0),
    "duplicate": (2.5, 3.5),
    "black": (1.6, 3.0),
    "blur": (3.2, 5.0),
    "pan": (3.0, 5.0),
    "flash": (1.6, 2.6),
    "title": (2.6, 4.4),
    "overlay": (3.2, 5.0),
    "logo": (3.4, 3.4),
    "letterbox": (3.2, 5.0),
    "damage": (3.2, 5.0),
}
# What grows where the video is too short; the others are as long as such things are.
_GROWING = ("black", "blur", "pan", "title", "overlay", "letterbox", "damage")
_LONGEST_SEGMENT = 8.0
_FADE_FRAMES = (20, 40)
_DISSOLVE_FRAMES = (25, 45)
# Of a flash in the midst of a good moment: long enough that some of it stays when the margins are taken off.
_INNER_FLASH_FRAMES = (8, 12)


@dataclass(frozen=True)
class SceneStretch:
    """A stretch of footage: its place in the list of all, what it shows, its length at RATE."""

    index: int
    scene: str
    num_frames: int


@dataclass(frozen=True)
class Segment:
    """Frames of one making.

    Attributes:
        kind: `moment`, or one of DEFECTS.
        num_frames: its length.
        stretch: the footage, by its place in the list; None where the pictures are drawn.
        first: the footage's frame it begins with.
        other_stretch: of a dissolve: what is mixed in; `other_first` is the first frame of that.
        moment: the good moment shown, 0..2; its duplicate has the same. Also of the fades around it.
        other_moment: of a dissolve: the moment it goes over to.
        direction: of a fade: `in` or `out`.
        strength: how strong the defect is, 0..1.
        seed: of what is drawn or damaged.
    """

    kind: str
    num_frames: int
    stretch: int | None = None
    first: int = 0
    other_stretch: int | None = None
    other_first: int = 0
    moment: int | None = None
    other_moment: int | None = None
    direction: str = ""
    strength: float = 0.5
    seed: int = 0


@dataclass(frozen=True)
class Plan:
    """A made video: number `number` of its split."""

    split: str
    number: int
    defects: tuple[str, ...]
    segments: tuple[Segment, ...]

    @property
    def name(self) -> str:
        """Such as `tuning-07`."""
        return f"{self.split}-{self.number:02d}"

    @property
    def num_frames(self) -> int:
        """Number of frames of the whole video."""
        return sum(segment.num_frames for segment in self.segments)


def deal_defects(split: str, number: int) -> tuple[str, ...]:
    """The 4 to 6 defects of a video: over the split, each kind comes equally often.

    Videos are dealt one after the other, so that a video's defects do not depend on how many are made.
    """
    uses: Counter[str] = Counter(dict.fromkeys(DEFECTS, 0))
    dealt: tuple[str, ...] = ()
    for each in range(number + 1):
        chance = random.Random(f"defects {split} {each}")  # noqa: S311 - variety, not secrecy
        order = sorted(DEFECTS, key=lambda kind: (uses[kind], chance.random()))
        # Two that can be long, so that the video is.
        longer = [kind for kind in order if kind in _GROWING][:2]
        rest = [kind for kind in order if kind not in longer]
        dealt = tuple(sorted([*longer, *rest[: 2 + each % 3]]))
        uses.update(dealt)
    return dealt


def plan_video(split: str, number: int, stretches: Sequence[SceneStretch]) -> Plan:
    """The recipe of a video.

    Args:
        split: one of SPLITS.
        number: from 0 on; the seed.
        stretches: those of the split; at least nine scenes.
    """
    chance = random.Random(f"plan {split} {number}")  # noqa: S311
    defects = deal_defects(split, number)
    by_scene: dict[str, list[SceneStretch]] = {}
    for stretch in stretches:
        by_scene.setdefault(stretch.scene, []).append(stretch)
    scenes = sorted(by_scene)
    turns = _scenes_of(split, number, scenes)
    others = [scene for scene in scenes if scene not in turns]
    chance.shuffle(others)
    spare = iter([chance.choice(by_scene[scene]) for scene in others])
    moments = [_moment(place, chance.choice(by_scene[scene]), chance) for place, scene in enumerate(turns)]
    blocks = _with_joins(moments, defects, chance)
    for kind in defects:
        if kind in {"fade", "dissolve"}:
            continue
        if kind == "duplicate":
            blocks.append([_duplicate(chance.choice(moments), chance)])
        elif kind in {"black", "title", "logo"}:
            blocks.append([_drawn(kind, chance)])
        else:
            blocks.append([_spoiled(kind, next(spare), chance)])
    segments = [segment for block in _ordered(blocks, chance) for segment in block]
    return Plan(split, number, defects, tuple(_lengthened(segments)))


def _scenes_of(split: str, number: int, scenes: Sequence[str]) -> list[str]:
    """The scenes of the good moments: all take turns, in rounds that are shuffled anew."""
    videos_per_round = len(scenes) // NUM_MOMENTS
    turn, place = divmod(number, videos_per_round)
    order = list(scenes)
    random.Random(f"scenes {split} {turn}").shuffle(order)  # noqa: S311
    return order[place * NUM_MOMENTS : (place + 1) * NUM_MOMENTS]


def _moment(place: int, stretch: SceneStretch, chance: random.Random) -> Segment:
    num_frames = _length("moment", chance)
    first = chance.randint(0, max(stretch.num_frames - num_frames, 0))
    return Segment("moment", num_frames, stretch.index, first, moment=place)


def _with_joins(moments: Sequence[Segment], defects: Sequence[str], chance: random.Random) -> list[list[Segment]]:
    """The moments as blocks that stay together: with a fade around one, a dissolve between two, a flash within one."""
    blocks = [[moment] for moment in moments]
    order = list(range(len(moments)))
    chance.shuffle(order)
    if "flash" in defects:
        blocks[order[0]] = _flashed(moments[order[0]], chance)
    if "fade" in defects:
        blocks[order[1]] = _faded(blocks[order[1]], chance)
    if "dissolve" in defects:
        old, new = blocks[order[2]], blocks[order[0]]
        dissolve = _dissolve(old[-1], new[0], chance)
        blocks = [[*old, dissolve, *_moved_on(new, dissolve.num_frames)], blocks[order[1]]]
    return blocks


def _flashed(moment: Segment, chance: random.Random) -> list[Segment]:
    length = chance.randint(*_INNER_FLASH_FRAMES)
    before = round(moment.num_frames * chance.uniform(0.35, 0.6))
    after = moment.num_frames - before - length
    flash = replace(moment, kind="flash", num_frames=length, first=moment.first + before, strength=1.0)
    last = replace(moment, num_frames=after, first=moment.first + before + length)
    return [replace(moment, num_frames=before), flash, last]


def _faded(block: list[Segment], chance: random.Random) -> list[Segment]:
    into, out = chance.randint(*_FADE_FRAMES), chance.randint(*_FADE_FRAMES)
    first, last = block[0], block[-1]
    fade_in = replace(first, kind="fade", num_frames=into, direction="in")
    block = _moved_on(block, into)
    fade_out = replace(last, kind="fade", num_frames=out, first=_end(block[-1]), direction="out")
    return [fade_in, *block, fade_out]


def _dissolve(old: Segment, new: Segment, chance: random.Random) -> Segment:
    return Segment(
        "dissolve",
        chance.randint(*_DISSOLVE_FRAMES),
        old.stretch,
        _end(old),
        other_stretch=new.stretch,
        other_first=new.first,
        moment=old.moment,
        other_moment=new.moment,
    )


def _moved_on(block: list[Segment], num_frames: int) -> list[Segment]:
    """The footage goes on from where the fade or dissolve before it ended."""
    return [replace(segment, first=segment.first + num_frames) for segment in block]


def _duplicate(moment: Segment, chance: random.Random) -> Segment:
    num_frames = _length("duplicate", chance)
    return replace(
        moment, kind="duplicate", num_frames=num_frames, strength=chance.random(), seed=chance.randrange(1 << 30)
    )


def _drawn(kind: str, chance: random.Random) -> Segment:
    return Segment(kind, _length(kind, chance), strength=chance.random(), seed=chance.randrange(1 << 30))


def _spoiled(kind: str, stretch: SceneStretch, chance: random.Random) -> Segment:
    num_frames = _length(kind, chance)
    first = chance.randint(0, max(stretch.num_frames - num_frames, 0))
    return Segment(kind, num_frames, stretch.index, first, strength=chance.random(), seed=chance.randrange(1 << 30))


def _ordered(blocks: list[list[Segment]], chance: random.Random) -> list[list[Segment]]:
    """Shuffled; a logo comes first, a moment and its duplicate not one after the other."""
    while True:
        chance.shuffle(blocks)
        blocks.sort(key=lambda block: block[0].kind != "logo")
        neighbours = pairwise(blocks)
        if all(_shown(old[-1]) != _shown(new[0]) or _shown(old[-1]) is None for old, new in neighbours):
            return blocks


def _shown(segment: Segment) -> int | None:
    return segment.moment if segment.stretch is not None else None


def _lengthened(segments: Sequence[Segment]) -> list[Segment]:
    """Long enough: what can grow grows in proportion; cut down likewise where the whole is too long."""
    total = sum(segment.num_frames for segment in segments)
    growing = sum(segment.num_frames for segment in segments if segment.kind in _GROWING)
    wanted = min(max(total, _MIN_SECONDS * RATE), _MAX_SECONDS * RATE)
    factor = (growing + wanted - total) / growing if growing else 1.0
    longest = round(_LONGEST_SEGMENT * RATE)
    return [
        replace(segment, num_frames=min(round(segment.num_frames * factor), longest))
        if segment.kind in _GROWING
        else segment
        for segment in segments
    ]


def _length(kind: str, chance: random.Random) -> int:
    return round(chance.uniform(*_SECONDS[kind]) * RATE)


def _end(segment: Segment) -> int:
    return segment.first + segment.num_frames
