"""From HDR or wide-gamut colours to what an sRGB picture can show, as formulas and as a table for FFmpeg's lut3d. Pure.

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


def hlg_to_nits(signal: FloatArray, *, peak_nits: float) -> FloatArray:
    """Display light, cd/m2, of an HLG signal (..., 3) 0..1 on a display of that peak: BT.2100 table 5, OOTF included.

    >>> hlg_to_nits(np.array([[1.0, 1.0, 1.0], [0.75, 0.75, 0.75]]), peak_nits=1000).round(0)[:, 0]
    array([1000.,  203.])
    """
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    signal = np.clip(signal, 0, 1)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = scene @ _LUMINANCE_2020
    gamma = 1.2 + 0.42 * np.log10(peak_nits / 1000)
    return np.asarray(peak_nits * scene * np.maximum(luminance, 1e-9)[..., None] ** (gamma - 1))


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
    """R'G'B' of a stream as R'G'B' of an sRGB picture.

    Args:
        signal: (..., 3), 0..1, as the stream's matrix gives it.

    Returns:
        (..., 3), 0..1; what BT.709 cannot show is cut.

    >>> map_to_sdr(np.array([[0.25, 0.5, 0.75]]), Colours())
    array([[0.25, 0.5 , 0.75]])
    """
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
