"""Maps HDR, wide gamuts and rare encodings to an sRGB picture, as formulas and as a table for FFmpeg's lut3d. Pure.

HDR becomes SDR by method A of ITU-R BT.2446-1, made for 1000 cd/m2 programmes and judged by eye: it bends the luminance
and keeps hues. The same table serves scoring and export, whatever the size.
"""

import numpy as np
import numpy.typing as npt

from thumb_assets.video.colour import Colours

FloatArray = npt.NDArray[np.float64]

# Points per axis. With tetrahedral interpolation 99 % of a picture's values are within 2.4 levels of 255 of the formula
# for PQ, 1.5 for HLG, the rest at the edge of the gamut; 33 points: 6 and 3.3; 97: 1.2 and 1.0, and a second to make.
LUT_SIZE = 65

# BT.2020, table 4: luminance of its primaries.
_LUMINANCE_2020 = np.array([0.2627, 0.6780, 0.0593])
# BT.2087 (linear BT.2020 to BT.709) and the same for Display P3 (SMPTE EG 432-1), both with D65 white.
_TO_BT709 = {
    "bt709": np.eye(3),
    "bt2020": np.array(
        [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]]
    ),
    "p3": np.array(
        [[1.224940, -0.224940, 0.000000], [-0.042057, 1.042057, 0.000000], [-0.019638, -0.078636, 1.098274]]
    ),
}
# BT.2100, table 7: linear BT.2020 to LMS, and L'M'S' of PQ and of HLG to ICtCp.
_TO_LMS = np.array([[1688, 2146, 262], [683, 2951, 462], [99, 309, 3688]]) / 4096
_TO_ICTCP = {
    "pq": np.array([[2048, 2048, 0], [6610, -13613, 7003], [17933, -17390, -543]]) / 4096,
    "hlg": np.array([[2048, 2048, 0], [3625, -7465, 3840], [9500, -9212, -288]]) / 4096,
}
# R', G', B' out of Y, Cg, Co: ITU-T H.273, equations for MatrixCoefficients 8.
_FROM_YCGCO = np.array([[1, -1, 1], [1, 1, 0], [1, -1, -1]])
# The middle of chroma in 16 bits.
_NEUTRAL = 32768 / 65535
# BT.2100, table 5: the constants of HLG.
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
# BT.1886: what a display makes of SDR video, which sRGB pictures take over unchanged.
_SDR_GAMMA = 2.4
_SDR_PEAK_NITS = 100.0


def pq_to_nits(signal: FloatArray) -> FloatArray:
    """Display light, cd/m2, of a PQ signal 0..1: SMPTE ST 2084, also BT.2100 table 4.

    >>> pq_to_nits(np.array([0.0, 0.5080784, 1.0])).round(1)
    array([    0.,   100., 10000.])
    """
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = np.clip(signal, 0, 1) ** (1 / m2)
    return np.asarray(10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1))


def nits_to_pq(nits: FloatArray) -> FloatArray:
    """PQ signal 0..1 of display light, cd/m2; the inverse of `pq_to_nits`.

    >>> nits_to_pq(np.array([0.0, 100.0, 10000.0])).round(3)
    array([0.   , 0.508, 1.   ])
    """
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = (np.clip(nits, 0, 10_000) / 10_000) ** m1
    return np.asarray(((c1 + c2 * power) / (1 + c3 * power)) ** m2)


def hlg_to_nits(signal: FloatArray, *, peak_nits: float) -> FloatArray:
    """Display light, cd/m2, of an HLG signal (..., 3) 0..1 on a display of that peak: BT.2100 table 5, OOTF included.

    >>> hlg_to_nits(np.array([[1.0, 1.0, 1.0], [0.75, 0.75, 0.75]]), peak_nits=1000).round(0)[:, 0]
    array([1000.,  203.])
    """
    scene = _hlg_to_scene(signal)
    luminance = scene @ _LUMINANCE_2020
    gamma = 1.2 + 0.42 * np.log10(peak_nits / 1000)
    return np.asarray(peak_nits * scene * np.maximum(luminance, 1e-9)[..., None] ** (gamma - 1))


def _hlg_to_scene(signal: FloatArray) -> FloatArray:
    """Scene light 0..1 of an HLG signal: the inverse OETF of BT.2100, table 5."""
    signal = np.clip(signal, 0, 1)
    return np.asarray(np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _HLG_C) / _HLG_A) + _HLG_B) / 12))


def _scene_to_hlg(scene: FloatArray) -> FloatArray:
    scene = np.clip(scene, 0, 1)
    bright = _HLG_A * np.log(np.maximum(12 * scene - _HLG_B, 1e-9)) + _HLG_C
    return np.asarray(np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright))


def rgb_signal(signal: FloatArray, colours: Colours) -> FloatArray:
    """R'G'B' of a stream out of its three channels, where `colours.encoding` says that they are others.

    Args:
        signal: (..., 3), 0..1, chroma around 32768/65535: R'G'B', or Y Cg Co, or I Ct Cp.

    >>> rgb_signal(np.array([[0.25, _NEUTRAL + 0.25, _NEUTRAL]]), Colours(encoding="ycgco"))
    array([[0. , 0.5, 0. ]])
    """
    if colours.encoding == "yuv":
        return signal
    centred = signal - np.array([0, _NEUTRAL, _NEUTRAL])
    if colours.encoding == "ycgco":
        return np.asarray(np.clip(centred @ _FROM_YCGCO.T, 0, 1))
    is_hlg = colours.transfer == "hlg"
    cones = np.clip(centred @ np.linalg.inv(_TO_ICTCP["hlg" if is_hlg else "pq"]).T, 0, 1)
    light = (_hlg_to_scene(cones) if is_hlg else pq_to_nits(cones)) @ np.linalg.inv(_TO_LMS).T
    return _scene_to_hlg(light) if is_hlg else nits_to_pq(light)


def tone_map(nits: FloatArray, *, peak_nits: float) -> FloatArray:
    """HDR display light in BT.2020 as SDR light 0..1 in BT.2020: ITU-R BT.2446-1, method A.

    Args:
        nits: (..., 3), cd/m2.
        peak_nits: the HDR display's peak; brighter light is cut there.

    >>> tone_map(np.array([[0.0, 0.0, 0.0], [1000.0, 1000.0, 1000.0]]), peak_nits=1000).round(3)[:, 1]
    array([0., 1.])
    """
    signal = np.clip(nits / peak_nits, 0, 1) ** (1 / 2.4)
    luma = signal @ _LUMINANCE_2020
    rho_hdr, rho_sdr = (1 + 32 * (peak / 10_000) ** (1 / 2.4) for peak in (peak_nits, _SDR_PEAK_NITS))
    perceived = np.log1p((rho_hdr - 1) * luma) / np.log(rho_hdr)
    knee = -1.1510 * perceived**2 + 2.7811 * perceived - 0.6302
    bent = np.where(perceived <= 0.7399, 1.0770 * perceived, np.where(perceived < 0.9909, knee, 0.5 + 0.5 * perceived))
    mapped = (rho_sdr**bent - 1) / (rho_sdr - 1)
    # Step 4 of the method divides the colour differences by 1.1 and takes from luma what red gains.
    scale = mapped / np.maximum(1.1 * luma, 1e-6)
    blue, red = scale * (signal[..., 2] - luma), scale * (signal[..., 0] - luma)
    corrected = mapped - np.maximum(0.1 * red / 1.4746, 0)
    red, blue = corrected + red, corrected + blue
    green = (corrected - _LUMINANCE_2020[0] * red - _LUMINANCE_2020[2] * blue) / _LUMINANCE_2020[1]
    return np.asarray(np.clip(np.stack([red, green, blue], axis=-1), 0, 1) ** _SDR_GAMMA)


def map_to_sdr(signal: FloatArray, colours: Colours) -> FloatArray:
    """A stream's colours as R'G'B' of an sRGB picture.

    Args:
        signal: (..., 3), 0..1, as the stream's matrix gives it, or its channels of another encoding.

    Returns:
        (..., 3), 0..1; what BT.709 cannot show is cut.

    >>> map_to_sdr(np.array([[0.25, 0.5, 0.75]]), Colours())
    array([[0.25, 0.5 , 0.75]])
    """
    signal = rgb_signal(signal, colours)
    if colours.transfer == "pq":
        light = tone_map(pq_to_nits(signal), peak_nits=colours.peak_nits)
    elif colours.transfer == "hlg":
        light = tone_map(hlg_to_nits(signal, peak_nits=colours.peak_nits), peak_nits=colours.peak_nits)
    else:
        light = np.clip(signal, 0, 1) ** _SDR_GAMMA
    return np.asarray(np.clip(light @ _TO_BT709[colours.primaries].T, 0, 1) ** (1 / _SDR_GAMMA))


def cube_text(colours: Colours) -> str:
    """The mapping as a .cube file, red running fastest, as FFmpeg's lut3d reads it."""
    axis = np.linspace(0, 1, LUT_SIZE)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    table = map_to_sdr(np.stack([red, green, blue], axis=-1).reshape(-1, 3), colours)
    rows = "\n".join(f"{red:.6f} {green:.6f} {blue:.6f}" for red, green, blue in table.tolist())
    return f"LUT_3D_SIZE {LUT_SIZE}\n{rows}\n"
