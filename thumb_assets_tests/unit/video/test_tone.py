"""HDR and wide gamut: the formulas at the values their standards give, the table against the formulas, real files."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import av
import numpy as np
import pytest

from thumb_assets.video.colour import Colours
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.rendition import _mapping_graph, render
from thumb_assets.video.tone import hlg_to_nits, map_to_sdr, pq_to_nits, tone_map
from thumb_assets_tests.unit.video.test_colours import yuv

HLG, PQ, BT2020, P3 = 18, 16, 9, 12
MAPPED = [
    Colours(matrix=9, transfer="pq", primaries="bt2020"),
    Colours(matrix=9, transfer="hlg", primaries="bt2020"),
    Colours(matrix=9, transfer="sdr", primaries="bt2020"),
    Colours(matrix=1, transfer="sdr", primaries="p3"),
]


def grey(value):
    return np.full((1, 3), value, np.float64)


def test_known_levels():
    # BT.2408, table 1: HDR reference white, 203 cd/m2, is 58 % of PQ and 75 % of HLG.
    assert pq_to_nits(np.array([0.58]))[0] == pytest.approx(203, rel=0.01)
    assert hlg_to_nits(grey(0.75), peak_nits=1000)[0, 0] == pytest.approx(203, rel=0.01)


def test_tone_mapping_keeps_greys_grey_and_order():
    nits = np.geomspace(0.01, 1000, 200)
    mapped = tone_map(np.repeat(nits[:, None], 3, axis=1), peak_nits=1000)
    assert np.ptp(mapped, axis=1).max() < 1e-6
    assert (np.diff(mapped[:, 0]) > 0).all()
    assert mapped[-1, 0] == pytest.approx(1, abs=1e-3)


def test_reference_white_is_bright_and_leaves_room_for_highlights():
    signal = map_to_sdr(grey(0.75), MAPPED[1])[0, 0]
    assert 0.6 < signal < 0.95


@pytest.mark.parametrize("colours", MAPPED, ids=str)
def test_white_and_black_stay(colours):
    white = 1.0 if colours.transfer != "pq" else 0.7518  # 1000 cd/m2 in PQ
    assert map_to_sdr(grey(white), colours) == pytest.approx(1, abs=0.003)
    assert map_to_sdr(grey(0.0), colours) == pytest.approx(0, abs=0.003)


@pytest.mark.parametrize("colours", MAPPED[1:], ids=str)
def test_white_of_a_video_is_white(colours):
    picture = av.VideoFrame(32, 32, "yuv420p10le")
    for plane, value in zip(picture.planes, (940, 512, 512), strict=True):
        plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
    assert render(picture, "rgb8", width=32, height=32, colours=colours).min() == 255
    assert render(picture, "rgb16", width=32, height=32, colours=colours).min() > 65400


def test_threads_and_failures_do_not_mix_pictures_up():
    def flat(level):
        return av.VideoFrame.from_ndarray(np.full((20, 30, 3), level, np.uint16), format="rgb48le")

    def shown(level):
        return int(render(flat(level), "rgb8", width=30, height=20, colours=MAPPED[1])[0, 0, 0])

    levels = [9000, 21000, 33000, 45000]
    expected = {level: shown(level) for level in levels}
    assert len(set(expected.values())) == len(levels)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(shown, levels * 40)) == [expected[level] for level in levels] * 40
    # One that was pushed and never pulled, as after an interrupt, in a graph that takes no more.
    left = flat(65535).reformat(format="gbrp16le")
    left.pts, left.time_base = 0, Fraction(1, 25)
    graph = _mapping_graph(30, 20, MAPPED[1])
    graph.push(left)
    graph.push(None)
    with pytest.raises(EOFError):
        shown(9000)
    assert shown(21000) == expected[21000]


def test_wide_gamut_colours_gain_saturation():
    # The same numbers mean a stronger red in BT.2020 than in BT.709.
    mapped = map_to_sdr(np.array([[0.6, 0.3, 0.3]]), MAPPED[2])[0]
    assert mapped[0] > 0.6
    assert mapped[1] < 0.3


@pytest.mark.parametrize("colours", MAPPED, ids=str)
def test_the_table_is_as_good_as_the_formula(colours):
    # Colours as a picture holds them: mostly unsaturated, of every brightness.
    rng = np.random.default_rng(5)
    signal = np.clip(rng.random((90, 160, 1)) + rng.normal(0, 0.08, (90, 160, 3)), 0, 1)
    picture = av.VideoFrame.from_ndarray((signal * 65535).round().astype(np.uint16), format="rgb48le")
    rgb = render(picture, "rgb8", width=160, height=90, colours=colours).astype(int)
    error = np.abs(rgb - 255 * map_to_sdr(signal, colours))
    assert np.quantile(error, 0.99) <= 2.5
    assert error.mean() < 0.3  # rounding alone is 0.25


def write_hdr(path, rgb, *, transfer, primaries=BT2020, num_frames=2):
    """Flat frames of one BT.2020 colour, 10 bits, without loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_range = 9, 1
        context.color_trc, context.color_primaries = transfer, primaries
        for number in range(num_frames):
            picture = av.VideoFrame(320, 180, "yuv420p10le")
            for plane, value in zip(picture.planes, yuv(rgb, "bt2020"), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value << 2, np.uint16).tobytes())
            picture.pts = number
            picture.colorspace, picture.color_range = 9, 1
            picture.color_trc, picture.color_primaries = transfer, primaries
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "pq"), (HLG, "hlg"), (14, "sdr")])
@pytest.mark.parametrize("rgb", [(130, 130, 130), (150, 100, 90), (0, 0, 0), (125, 140, 145)])
def test_a_tagged_file_is_mapped_alike_in_every_size(tmp_path, transfer, name, rgb):
    with VideoDecoder(write_hdr(tmp_path / "hdr.mkv", rgb, transfer=transfer)) as decoder:
        header, frame = decoder.header, next(iter(decoder))
    assert header.look.colours.transfer == name
    assert header.look.colours.needs_map
    expected = 255 * map_to_sdr(np.array([rgb]) / 255, header.look.colours)[0]
    for array in (frame.rgb(), frame.rgb(90)):
        assert np.abs(array.reshape(-1, 3) - expected).max() <= 3
    assert np.abs(frame.rgb16().reshape(-1, 3) / 257 - expected).max() <= 3
    luma = expected @ [0.2126, 0.7152, 0.0722]
    assert np.abs(frame.luma(90) - luma).max() <= 3


def test_the_transfer_and_primaries_are_told(tmp_path):
    with VideoDecoder(write_hdr(tmp_path / "hdr.mkv", (9, 9, 9), transfer=PQ)) as decoder:
        assert (decoder.header.color_transfer, decoder.header.color_primaries) == ("smpte2084", "bt2020")


def test_hdr_from_a_phone_keeps_its_sky(shared_dir):
    # Untreated, the HLG sky is grey and flat; mapped it has its colour, and next to nothing is cut.
    with VideoDecoder(shared_dir / "video" / "sample_edit_list.mp4") as decoder:
        frame = next(iter(decoder))
    rgb = frame.rgb(360).astype(float)
    sky = rgb[: rgb.shape[0] // 6].reshape(-1, 3).mean(axis=0)
    assert sky[0] - sky[2] > 15
    assert (rgb >= 254).all(axis=2).mean() < 0.02
    assert 90 < rgb.mean() < 160


def write_encoded(path, channels, *, matrix, transfer, primaries, pix_fmt="yuv444p10le"):
    """A flat frame of three channels (0..1, chroma around 0), limited range, 10 bits, without loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, pix_fmt
        context = stream.codec_context
        context.colorspace, context.color_range = matrix, 1
        context.color_trc, context.color_primaries = transfer, primaries
        picture = av.VideoFrame(320, 180, pix_fmt)
        luma, *chroma = channels
        codes = [round(4 * (16 + 219 * luma)), *(round(4 * (128 + 224 * each)) for each in chroma)]
        for plane, value in zip(picture.planes, codes, strict=True):
            plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
        picture.pts = 0
        picture.colorspace, picture.color_range = matrix, 1
        picture.color_trc, picture.color_primaries = transfer, primaries
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


YCGCO, ICTCP = 8, 14


@pytest.mark.parametrize("rgb", [(0, 0, 0), (255, 255, 255), (200, 30, 40), (40, 180, 60), (30, 50, 210)])
@pytest.mark.parametrize("pix_fmt", ["yuv444p10le", "yuv420p10le"])
def test_ycgco_shows_its_colours(tmp_path, rgb, pix_fmt):
    # ITU-T H.273: Y = (R + 2G + B) / 4, Cg = (2G - R - B) / 4, Co = (R - B) / 2.
    red, green, blue = (value / 255 for value in rgb)
    channels = (red + 2 * green + blue) / 4, (2 * green - red - blue) / 4, (red - blue) / 2
    path = write_encoded(tmp_path / "a.mkv", channels, matrix=YCGCO, transfer=1, primaries=1, pix_fmt=pix_fmt)
    with VideoDecoder(path) as decoder:
        frame = next(iter(decoder))
    for array in (frame.rgb(), frame.rgb(90), frame.rgb16() / 257):
        assert np.abs(array.reshape(-1, 3) - np.array(rgb)).max() <= 2


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "pq"), (HLG, "hlg")])
@pytest.mark.parametrize("rgb", [(130, 130, 130), (150, 100, 90), (0, 0, 0), (125, 140, 145), (160, 60, 70)])
def test_ictcp_shows_what_the_same_colour_as_yuv_shows(tmp_path, rgb, transfer, name):
    # BT.2100, tables 6 and 7, step by step from R'G'B' of BT.2020; greys have no Ct and no Cp.
    signal = np.array(rgb) / 255
    if name == "pq":
        light = pq_to_nits(signal) / 10_000
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    red, green, blue = light
    cones = np.array(
        [
            (1688 * red + 2146 * green + 262 * blue) / 4096,
            (683 * red + 2951 * green + 462 * blue) / 4096,
            (99 * red + 309 * green + 3688 * blue) / 4096,
        ]
    )
    if name == "pq":
        power = cones ** (2610 / 16384)
        long, medium, short = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
        tritan = (6610 * long - 13613 * medium + 7003 * short) / 4096
        protan = (17933 * long - 17390 * medium - 543 * short) / 4096
    else:
        logarithm = a * np.log(np.maximum(12 * cones - b, 1e-9)) + c
        long, medium, short = np.where(cones <= 1 / 12, np.sqrt(3 * cones), logarithm)
        tritan = (3625 * long - 7465 * medium + 3840 * short) / 4096
        protan = (9500 * long - 9212 * medium - 288 * short) / 4096
    channels = (long + medium) / 2, tritan, protan
    path = write_encoded(tmp_path / "a.mkv", channels, matrix=ICTCP, transfer=transfer, primaries=BT2020)
    with VideoDecoder(path) as decoder:
        header, frame = decoder.header, next(iter(decoder))
    as_yuv = Colours(matrix=9, transfer=name, primaries="bt2020", peak_nits=header.look.colours.peak_nits)
    expected = 255 * map_to_sdr(signal[None], as_yuv)[0]
    for array in (frame.rgb(), frame.rgb(90), frame.rgb16() / 257):
        assert np.abs(array.reshape(-1, 3) - expected).max() <= 4
    assert np.abs(frame.luma(90) - expected @ [0.2126, 0.7152, 0.0722]).max() <= 4
