"""Resolves the colours of a stream from its tags, and by documented rules (`resolve_colours`) where one is missing."""

import struct
from dataclasses import dataclass
from typing import Any, Literal

import av
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType

# FFmpeg's AVColorSpace, AVColorTransferCharacteristic and AVColorPrimaries (libavutil/pixfmt.h), by number.
COLOR_SPACES = {
    0: "rgb",
    1: "bt709",
    2: "unspecified",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    14: "ictcp",
}
COLOR_TRANSFERS = {
    1: "bt709",
    2: "unspecified",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    18: "arib-std-b67",
}
COLOR_PRIMARIES = {
    1: "bt709",
    2: "unspecified",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
}
COLOR_RANGES = {1: "limited", 2: "full"}

# Untagged video of at least this many lines or columns is BT.709, smaller is BT.601: the rule of mpv and VLC.
_HD_HEIGHT, _HD_WIDTH = 720, 1280
# What most HDR is mastered for, where the stream does not say; the nominal peak of HLG (BT.2100, note 5e).
_USUAL_PEAK_NITS = 1000.0
_MASTERING = struct.Struct(
    "<22i"
)  # AVMasteringDisplayMetadata: primaries, white point, min, max (rationals), two flags

# Encodings that no YUV matrix of swscale's undoes; see `tone`.
Encoding = Literal["yuv", "ycgco", "ictcp"]
_ENCODINGS: dict[str, Encoding] = {"ycgco": "ycgco", "ictcp": "ictcp"}
# The matrices swscale knows, by its numbers (swscale.h, SWS_CS_*).
Matrix = Literal[1, 4, 5, 7, 9]
_BT709: Matrix = 1
_BT601: Matrix = 5
_BT2020: Matrix = 9
_MATRICES: dict[str, Matrix] = {
    "bt709": 1,
    "fcc": 4,
    "bt470bg": 5,
    "smpte170m": 5,
    "smpte240m": 7,
    "bt2020nc": 9,
    "bt2020c": 9,
}


@dataclass(frozen=True)
class Colours:
    """Meaning of the numbers in a stream's pictures.

    Attributes:
        matrix: swscale's number of the YUV matrix; unused for RGB.
        is_full_range: whether luma takes the whole scale of its bits.
        transfer: `sdr`, `pq` (SMPTE ST 2084) or `hlg` (ARIB STD-B67).
        primaries: `bt709` (and what is nearly it), `bt2020` or `p3`.
        peak_nits: luminance of the brightest white the stream was made for, cd/m2; of `pq` and `hlg` only.
        is_grey: whether pictures have no chroma at all, with or without alpha.
        encoding: `yuv` where the matrix says all (RGB too), else one that the mapping undoes.
    """

    matrix: Matrix = _BT709
    is_full_range: bool = False
    transfer: Literal["sdr", "pq", "hlg"] = "sdr"
    primaries: Literal["bt709", "bt2020", "p3"] = "bt709"
    peak_nits: float = _USUAL_PEAK_NITS
    is_grey: bool = False
    encoding: Encoding = "yuv"

    @property
    def needs_map(self) -> bool:
        """True for HDR, a wide gamut or another encoding: an sRGB picture cannot show the numbers as they are."""
        return self.transfer != "sdr" or self.primaries != "bt709" or self.encoding != "yuv"


def resolve_colours(picture: av.VideoFrame, *, codec: av.Codec | None = None) -> Colours:
    """The colours of a stream, from its first picture's tags.

    - Range: as tagged; untagged RGB and the old full-range formats (yuvj) are full, and so is untagged grey of a
      lossless codec (raw, FFV1, JPEG 2000), where a grey is a level of a picture, as FFmpeg and most players show it;
      all else is limited.
    - Transfer: PQ and HLG are HDR. Every other one, tagged or not, is taken as it is for sRGB, which is what players
      do: the small difference between a camera's curve and a screen's is the look of video.
    - Primaries: BT.2020 and Display P3 are mapped to BT.709; untagged HDR is BT.2020. Those of BT.601 (625 and 525
      lines) are assumed to be BT.709, as FFmpeg's scaler and most players do: a few levels in saturated colours.
    - Matrix: as tagged; untagged with BT.2020 primaries or HDR is BT.2020, else BT.709 from 720 lines or 1280 columns
      on, else BT.601. YCgCo and ICtCp (BT.2100, table 7) are no matrix of swscale's, and are undone by the mapping.
    """
    space = COLOR_SPACES.get(int(picture.colorspace), "unspecified")
    transfer_tag = COLOR_TRANSFERS.get(int(picture.color_trc), "unspecified")
    primaries_tag = COLOR_PRIMARIES.get(int(picture.color_primaries), "unspecified")
    transfer: Literal["sdr", "pq", "hlg"] = "sdr"
    if transfer_tag in {"smpte2084", "arib-std-b67"}:
        transfer = "pq" if transfer_tag == "smpte2084" else "hlg"
    primaries: Literal["bt709", "bt2020", "p3"] = "bt709"
    if primaries_tag == "bt2020" or (transfer != "sdr" and primaries_tag == "unspecified"):
        primaries = "bt2020"
    elif primaries_tag == "smpte432":
        primaries = "p3"
    is_hd = picture.height >= _HD_HEIGHT or picture.width >= _HD_WIDTH
    untagged = _BT2020 if primaries == "bt2020" else _BT709 if is_hd else _BT601
    color_range = COLOR_RANGES.get(int(picture.color_range))
    is_grey = picture.format.name.startswith(("gray", "ya8", "ya16"))
    # H.264 and HEVC can be lossless too, and their grey is video: limited by their standards.
    is_still_codec = codec is not None and codec.lossless and (codec.intra_only or not codec.lossy)
    is_full = picture.format.is_rgb or picture.format.name.startswith("yuvj")
    is_full = is_full or (is_grey and is_still_codec and color_range is None)
    return Colours(
        matrix=_MATRICES.get(space, untagged),
        is_full_range=is_full or color_range == "full",
        transfer=transfer,
        primaries=primaries,
        peak_nits=_mastering_peak_nits(picture) if transfer == "pq" else _USUAL_PEAK_NITS,
        is_grey=is_grey,
        encoding="yuv" if picture.format.is_rgb or is_grey else _ENCODINGS.get(space, "yuv"),
    )


def side_data_of(picture: av.VideoFrame, kind: SideDataType) -> bytes | None:
    """A piece of what FFmpeg attaches to a picture, as it lies in memory."""
    try:
        # Not `picture.side_data`: the picture keeps that, which keeps the picture, and with it all that its decoder has
        # allocated, until Python looks for such rings: 126 MB of 1080p, 400 MB of 4K, for every file that is opened.
        found: Any = SideDataContainer(picture).get(kind)  # type: ignore[call-arg]  # not in the stubs
    except ValueError:  # PyAV reads all of it, and the decoder attached a kind (EXIF) that PyAV has no name for
        return None
    return None if found is None else bytes(found)


def _mastering_peak_nits(picture: av.VideoFrame) -> float:
    """The mastering display's peak where the picture carries it and it is credible."""
    side_data = side_data_of(picture, SideDataType.MASTERING_DISPLAY_METADATA)
    if side_data is None or len(side_data) < _MASTERING.size:
        return _USUAL_PEAK_NITS
    values = _MASTERING.unpack_from(side_data)
    (numerator, denominator), has_luminance = values[18:20], values[21]
    peak = numerator / denominator if has_luminance and denominator else 0.0
    return peak if 100 < peak <= 10_000 else _USUAL_PEAK_NITS
