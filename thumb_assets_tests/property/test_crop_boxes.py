"""Invariants of every crop, whatever the faces: by trying every position and saying the rules in another way."""

from fractions import Fraction
from math import ceil, floor

from hypothesis import given
from hypothesis import strategies as st

from thumb_assets.export.crop_box import FaceBox, crop_box

# Small frames, so that edges touch often and every position can be tried; the ratios people use and odd ones.
sides = st.integers(1, 90)
ratios = st.sampled_from(["16:9", "9:16", "1:1", "4:5", "21:9", "2:3"]) | st.builds(
    "{}:{}".format, st.integers(1, 100), st.integers(1, 100)
)
# Whole numbers, halves and anything between; some reach out of the frame or lie beside it.
numbers = st.integers(-20, 110).map(float) | st.integers(-20, 110).map(lambda v: v + 0.5) | st.floats(-20, 110)
lengths = st.integers(0, 60).map(float) | st.floats(0, 60)
faces = st.builds(FaceBox, numbers, numbers, lengths, lengths, st.sampled_from([0.0, 0.5, 0.7, 0.9, 1.0]))
crowds = st.lists(faces, max_size=6)
centres = st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1))


def inside(face, width, height):
    """The part of a face inside the frame, or None: (left, top, right, bottom)."""
    left, right = max(0.0, face.x), min(float(width), face.x + face.width)
    top, bottom = max(0.0, face.y), min(float(height), face.y + face.height)
    return (left, top, right, bottom) if left < right and top < bottom else None


def is_whole(part, x, y, box):
    return part[0] >= x and part[1] >= y and part[2] <= x + box.width and part[3] <= y + box.height


def is_touched(part, x, y, box):
    return part[0] < x + box.width and part[2] > x and part[1] < y + box.height and part[3] > y


def places(box, width, height):
    return [(x, y) for x in range(width - box.width + 1) for y in range(height - box.height + 1)]


def cut_and_held(parts, box, width, height):
    """By position: how many faces that could be whole somewhere are cut there, and how many are whole."""
    everywhere = places(box, width, height)
    fitting = [part for part in parts if any(is_whole(part, x, y, box) for x, y in everywhere)]
    return {
        (x, y): (
            sum(is_touched(part, x, y, box) and not is_whole(part, x, y, box) for part in fitting),
            sum(is_whole(part, x, y, box) for part in fitting),
        )
        for x, y in everywhere
    }


@given(sides, sides, ratios, crowds, centres)
def test_it_lies_inside_and_is_the_largest_of_its_ratio(width, height, aspect_ratio, crowd, centre):
    box = crop_box(width, height, aspect_ratio, faces=crowd, salience_centre=centre)
    assert box.width >= 1
    assert box.height >= 1
    assert 0 <= box.x <= width - box.width
    assert 0 <= box.y <= height - box.height
    assert box.width == width or box.height == height
    across, down = map(int, aspect_ratio.split(":"))
    ratio = Fraction(across, down)
    # One side is the frame's, and the other right to a pixel (or at least one).
    if box.width == width and box.height == height:
        assert abs(width - height * ratio) <= 1 or abs(height - width / ratio) <= 1
    elif box.height == height:
        assert abs(box.width - height * ratio) < 1
    else:
        assert abs(box.height - width / ratio) < 1


@given(sides, sides, ratios, faces, centres)
def test_a_single_face_that_fits_is_never_cut(width, height, aspect_ratio, face, centre):
    part = inside(face, width, height)
    if part is None:  # assume() would complain of too many of them
        return
    box = crop_box(width, height, aspect_ratio, faces=[face], salience_centre=centre)
    assert box.rule == "faces"
    can_be_whole = any(is_whole(part, x, y, box) for x, y in places(box, width, height))
    assert is_whole(part, box.x, box.y, box) == can_be_whole
    assert (box.num_faces, box.num_faces_cut) == (1, int(not can_be_whole))


@given(sides, sides, ratios, st.lists(faces, min_size=1, max_size=6))
def test_no_face_that_fits_is_cut_where_a_place_with_a_face_cuts_none(width, height, aspect_ratio, crowd):
    parts = [part for face in crowd if (part := inside(face, width, height))]
    box = crop_box(width, height, aspect_ratio, faces=crowd)
    by_place = cut_and_held(parts, box, width, height)
    num_cut, num_held = by_place[box.x, box.y]
    if any(cut == 0 and held for cut, held in by_place.values()):
        assert num_cut == 0
    can_be_whole = [any(is_whole(part, *place, box) for place in by_place) for part in parts]
    if parts and all(can_be_whole):
        assert num_held, "all faces fit, and none is whole"


@given(sides, sides, ratios, st.lists(faces, min_size=1, max_size=6))
def test_all_are_whole_where_all_fit_together(width, height, aspect_ratio, crowd):
    parts = [part for face in crowd if (part := inside(face, width, height))]
    box = crop_box(width, height, aspect_ratio, faces=crowd)
    fit = any(all(is_whole(part, x, y, box) for part in parts) for x, y in places(box, width, height))
    if fit:
        assert all(is_whole(part, box.x, box.y, box) for part in parts)
        assert (box.num_faces, box.num_faces_cut) == (len(parts), 0)


@given(sides, sides, ratios, crowds)
def test_it_counts_what_it_shows(width, height, aspect_ratio, crowd):
    box = crop_box(width, height, aspect_ratio, faces=crowd)
    parts = [part for face in crowd if (part := inside(face, width, height))]
    shown = [part for part in parts if is_touched(part, box.x, box.y, box)]
    assert box.num_faces == len(shown)
    assert box.num_faces_cut == sum(not is_whole(part, box.x, box.y, box) for part in shown)


@given(sides, sides, ratios, crowds, centres, st.randoms(use_true_random=False))
def test_the_order_of_faces_changes_nothing(width, height, aspect_ratio, crowd, centre, random):
    box = crop_box(width, height, aspect_ratio, faces=crowd, salience_centre=centre)
    shuffled = random.sample(crowd, len(crowd))
    assert crop_box(width, height, aspect_ratio, faces=shuffled, salience_centre=centre) == box
    assert crop_box(width, height, aspect_ratio, faces=iter(crowd), salience_centre=centre) == box


def rank_of(position, faces, *, box, width, height):
    """The rules of `crop_box` for one position along the free axis, in plain numbers: the least is the best."""
    is_vertical = box.height < height
    size = box.height if is_vertical else box.width
    cut = is_any_held = False
    held = area_cut = Fraction(0)
    ideals = []
    for face in faces:
        part = inside(face, width, height)
        if not part:
            continue
        left, top, right, bottom = floor(part[0]), floor(part[1]), ceil(part[2]), ceil(part[3])
        start, end, breadth = (top, bottom, right - left) if is_vertical else (left, right, bottom - top)
        shown, possible = min(end, position + size) - max(start, position), min(end - start, size)
        weight = (end - start) * breadth * max(1, round(1000 * face.confidence))
        if shown == possible:
            is_any_held = True
            held += weight
            middle = Fraction(start + end, 2)
            ideal = middle - (Fraction(size, 3) if is_vertical else Fraction(size, 2))
            ideals.append((weight, start if is_vertical and end - start > size else ideal))
        elif shown > 0:
            cut |= end - start <= size
            area_cut += (possible - shown) * breadth
    ideal = sum(weight * place for weight, place in ideals) / held if ideals else Fraction(position)
    return (cut or not is_any_held, -held, area_cut, abs(position - ideal), position)


@given(sides, sides, ratios, st.lists(faces, min_size=1, max_size=6))
def test_it_is_the_first_of_all_positions_by_the_rules(width, height, aspect_ratio, crowd):
    box = crop_box(width, height, aspect_ratio, faces=crowd)
    if box.rule == "faces":
        positions = range(max(width - box.width, height - box.height) + 1)
        assert box.x + box.y == min(
            positions, key=lambda position: rank_of(position, crowd, box=box, width=width, height=height)
        )


@given(st.integers(600, 8000), st.integers(600, 8000), ratios, st.integers(0, 2**32), st.lists(st.floats(0, 1)))
def test_large_frames_with_many_faces_are_exact(width, height, aspect_ratio, seed, others):
    """The sums of areas and weights do not overflow, also where a face fills most of the frame."""
    small = [FaceBox((seed + 37 * i) % width, (seed + 91 * i) % height, 8, 8, 0.5) for i in range(100)]
    crowd = [*small, FaceBox(1, 1, width - 2, height - 2, 1.0), FaceBox(width / 3, 9, width / 4, height / 2, 0.9)]
    box = crop_box(width, height, aspect_ratio, faces=crowd)
    assert box == crop_box(width, height, aspect_ratio, faces=crowd[::-1])
    room = max(width - box.width, height - box.height)
    chosen = rank_of(box.x + box.y, crowd, box=box, width=width, height=height)
    for other in others:
        assert chosen <= rank_of(round(other * room), crowd, box=box, width=width, height=height)
