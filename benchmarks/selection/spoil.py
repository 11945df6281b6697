"""Defects that make frames bad, on stacks of frames, and drawn cards. Pure; seeded where drawn."""

import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]

# (N,) share of the full brightness, or of the new shot.
FloatArray = npt.NDArray[np.float64]

_WORDS = (
    "ABOUT THE HARBOUR",
    "CHAPTER TWO",
    "The long way home",
    "Directed by A. Nonymous",
    "LIVE",
    "Breaking: nothing happened",
    "EPISODE 4",
    "Interview with the gardener",
    "SUMMER SALE",
    "Next week",
    "Written for the screen",
    "Subscribe for more",
)


def ramp(num_frames: int) -> FloatArray:
    """From just above 0 to just below 1 in even steps: what is mixed in by each frame of a fade or dissolve.

    >>> ramp(3).tolist()
    [0.25, 0.5, 0.75]
    """
    return (np.arange(num_frames) + 1) / (num_frames + 1)


def scaled(frames: UInt8Array, levels: FloatArray) -> UInt8Array:
    """Each frame darkened to its share of the brightness."""
    import cv2

    return np.stack([cv2.convertScaleAbs(frame, alpha=level) for frame, level in zip(frames, levels, strict=True)])


def mixed(old: UInt8Array, new: UInt8Array, shares: FloatArray) -> UInt8Array:
    """Each pair of frames mixed, `shares` of the new one."""
    import cv2

    pairs = zip(old, new, shares, strict=True)
    return np.stack([cv2.addWeighted(first, 1 - share, second, share, 0) for first, second, share in pairs])


def defocused(frames: UInt8Array, strength: float) -> UInt8Array:
    """As by a lens far out of focus: a disc of radius 7 to 12 pixels at 360 lines."""
    import cv2

    radius = round(frames.shape[1] / 360 * (7 + 5 * strength))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (x * x + y * y <= radius * radius).astype(np.float32)
    disc /= disc.sum()
    return np.stack([np.asarray(cv2.filter2D(frame, -1, disc), np.uint8) for frame in frames])


def panned(frames: UInt8Array, strength: float, seed: int) -> UInt8Array:
    """As by a camera that turns too fast: smeared sideways over 30 to 60 pixels of 640, and moving that way."""
    import cv2

    width = frames.shape[2]
    length = round(width / 640 * (30 + 30 * strength))
    step = length * (1 if seed % 2 else -1)
    # Mirrored at both ends, so that the picture goes on as it turns.
    wide = (np.concatenate([frame, frame[:, ::-1]], axis=1) for frame in frames)
    moved = (np.roll(frame, step * number, axis=1)[:, :width] for number, frame in enumerate(wide))
    return np.stack([np.asarray(cv2.blur(frame, (length, 1)), np.uint8) for frame in moved])


def overexposed(frames: UInt8Array, strength: float) -> UInt8Array:
    """Blown out: lifted by 80 levels and given 2.4 to 4.8 times the light, so that most of the picture is white."""
    levels = _rounded(80 + np.arange(256) * (2.4 + 2.4 * strength))
    return levels[frames]


def letterboxed(frames: UInt8Array, strength: float) -> UInt8Array:
    """Black bars above and below, each 12 to 18 % of the height."""
    bar = round(frames.shape[1] * (0.12 + 0.06 * strength))
    out = frames.copy()
    out[:, :bar] = out[:, -bar:] = 0
    return out


def repeated(frames: UInt8Array, strength: float, seed: int) -> UInt8Array:
    """The same shot once more: cut closer by 3 to 10 %, and up to 8 % brighter or darker."""
    import cv2

    rng = np.random.default_rng(seed)
    height, width = frames.shape[1:3]
    zoom = 1 + 0.03 + 0.07 * strength
    across, down = rng.random(2)
    part_width, part_height = round(width / zoom), round(height / zoom)
    x, y = round((width - part_width) * across), round((height - part_height) * down)
    light = 1 + rng.uniform(-0.08, 0.08)
    parts = frames[:, y : y + part_height, x : x + part_width]
    sized = (cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in parts)
    return np.stack([cv2.convertScaleAbs(part, alpha=light) for part in sized])


def black(num_frames: int, size: tuple[int, int], seed: int) -> UInt8Array:
    """Black with the grain of a camera whose lens is covered; size is (width, height)."""
    width, height = size
    rng = np.random.default_rng(seed)
    return np.stack([np.repeat(rng.integers(0, 5, (height, width, 1), np.uint8), 3, axis=2) for _ in range(num_frames)])


def title_card(num_frames: int, size: tuple[int, int], seed: int) -> UInt8Array:
    """One to three lines of text on one colour or a gradient; size is (width, height)."""
    rng = np.random.default_rng(seed)
    width, height = size
    first, second = rng.integers(0, 150, 3), rng.integers(0, 150, 3)
    if rng.random() < 0.5:
        second = first
    down = np.linspace(0, 1, height)[:, None, None]
    card = _rounded(np.broadcast_to(first * (1 - down) + second * down, (height, width, 3)))
    lines = rng.choice(_WORDS, size=int(rng.integers(1, 4)), replace=False)
    for place, line in enumerate(lines):
        y = round(height * (0.5 + 0.17 * (place - (len(lines) - 1) / 2)))
        _write(card, str(line), centre=(width // 2, y), lines=height * (0.11 if place == 0 else 0.07))
    return np.repeat(card[None], num_frames, axis=0)


def overlaid(frames: UInt8Array, seed: int) -> UInt8Array:
    """Footage with text on it: a lower third with a band, or a large caption across the middle."""
    rng = np.random.default_rng(seed)
    height, width = frames.shape[1:3]
    colour, words = rng.integers(20, 160, 3), rng.choice(_WORDS, size=2, replace=False)
    is_lower_third = rng.random() < 0.5
    out = frames.copy()
    for frame in out:
        if is_lower_third:
            top, bottom = round(0.70 * height), round(0.92 * height)
            band = frame[top:bottom, : round(0.85 * width)]
            band[:] = _rounded(band * 0.15 + colour * 0.85)
            _write(frame, str(words[0]), centre=(round(0.42 * width), round(0.77 * height)), lines=height * 0.09)
            _write(frame, str(words[1]), centre=(round(0.42 * width), round(0.87 * height)), lines=height * 0.055)
        else:
            _write(frame, str(words[0]), centre=(width // 2, round(0.45 * height)), lines=height * 0.17)
            _write(frame, str(words[1]), centre=(width // 2, round(0.64 * height)), lines=height * 0.11)
    return out


def logo_intro(num_frames: int, size: tuple[int, int], seed: int) -> UInt8Array:
    """A ring that grows around a name; the same seed gives the same animation. size is (width, height)."""
    import cv2

    rng = np.random.default_rng(seed)
    width, height = size
    ground, colour = rng.integers(5, 60, 3), tuple(int(each) for each in rng.integers(120, 256, 3))
    name = "STUDIO " + "".join(rng.choice(list("ABDEKLMNORSTUVX"), 4))
    frames = []
    for number in range(num_frames):
        frame = np.broadcast_to(ground.astype(np.uint8), (height, width, 3)).copy()
        grown = min(1.0, (number + 1) / (0.45 * num_frames))
        radius = round(height * 0.32 * (1 - (1 - grown) ** 3))
        centre = (width // 2, round(height * 0.45))
        cv2.circle(frame, centre, radius, colour, thickness=max(2, height // 40), lineType=cv2.LINE_AA)
        turn = 360 * number / num_frames
        cv2.ellipse(frame, centre, (radius // 2, radius // 2), turn, 0, 240, colour, max(2, height // 60), cv2.LINE_AA)
        if grown == 1.0:
            _write(frame, name, centre=(width // 2, round(height * 0.88)), lines=height * 0.10)
        frames.append(frame)
    return np.stack(frames)


def _write(frame: UInt8Array, text: str, *, centre: tuple[int, int], lines: float) -> None:
    """White text with a dark edge, at most 92 % of the width; `lines` is the height of its capitals in pixels."""
    import cv2

    face, scale = cv2.FONT_HERSHEY_DUPLEX, lines / 22
    (width, _), _ = cv2.getTextSize(text, face, scale, 1)
    scale *= min(1.0, 0.92 * frame.shape[1] / max(width, 1))
    thickness = max(1, round(scale * 1.8))
    (width, height), _ = cv2.getTextSize(text, face, scale, thickness)
    x, y = centre[0] - width // 2, centre[1] + height // 2
    cv2.putText(frame, text, (x, y), face, scale, (10, 10, 10), thickness + 3, cv2.LINE_AA)
    cv2.putText(frame, text, (x, y), face, scale, (245, 245, 245), thickness, cv2.LINE_AA)


def _rounded(values: npt.NDArray[np.floating]) -> UInt8Array:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
