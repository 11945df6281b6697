"""The rules by which a stream's numbers become a picture, as the page tells them; they live in `thumb_assets.video`."""

RULES = """\
## Rules

They are written beside the code that follows them, in `thumb_assets/video/`; this is their sum.

**Which frame.** `frame_index` counts the displayed frames from 0, as FFmpeg's `n` does: what an edit list hides, a
codec never shows, or a damaged file no longer gives has no number. A fetched frame is accepted when its stamp, the
hashes of its planes and, where it is interlaced, those of its neighbours are the ones recorded; else the video is
decoded from the start and counted. A file that decodes to something else than before is refused. Damaged files are
decoded with one thread, as what more threads make of them depends on their number.

**Which stream.** The one with the largest pictures, the first where several are alike; never cover art.

**Matrix.** As tagged. Untagged: BT.2020 where the primaries are BT.2020 or the transfer is PQ or HLG, else BT.709
from 720 lines or 1280 columns on, else BT.601, which is the rule of mpv and VLC.

**Range.** As tagged. Untagged RGB and the old full-range formats (yuvj) are full, all else is limited.

**Transfer.** PQ and HLG are HDR. Every other curve is taken as it is for sRGB, as players do.

**Primaries.** BT.2020 and Display P3 are mapped to BT.709, and untagged HDR is BT.2020; what BT.709 cannot show is
cut. Those of BT.601 are taken for BT.709, as FFmpeg's scaler and most players do: a few levels in saturated colours.

**HDR.** Method A of ITU-R BT.2446-1, which bends the luminance and keeps hues; PQ by SMPTE ST 2084, HLG by BT.2100
with its system gamma. The peak is the mastering display's where a PQ stream tells a credible one (over 100 and up to
10,000 cd/m²), else 1000 cd/m²; brighter light is cut there.

**Rounding.** Pictures are converted with full chroma resolution and to the nearest value, so white is 255 and not
253. HDR goes through 16 bits and a table of 65 points per axis with tetrahedral interpolation, and is rounded once.

**Interlaced.** Frames flagged as two fields pass through FFmpeg's `bwdif`, with their neighbours, and show the moment
of the first field; frames that are not flagged are left alone. One frame stays one frame.

**Shape.** First square pixels, enlarging the shorter side of the pixel so that none is lost; then mirroring, then the
turn, rounded to a multiple of 90 degrees. Crops that the stream itself carries are applied to the pixel, then those of
the container (MP4's `clap`, Matroska's PixelCrop), rounded to whole chroma samples as by FFmpeg.

## Known limits

- Dolby Vision's own picture (profile 5, and 10 without a base layer of another kind) is not converted: its colours come
  out wrong, towards green and violet. MP4 and Matroska say so in their header, and a note of `videos` warns.
- BT.2020 with constant luminance is taken for BT.2020 without.
- Chroma whose place is not tagged (most VP8, VP9, AV1 and MPEG-4) is enlarged as if it lay in the middle, which is what
  FFmpeg's own scaler does; zimg takes it for lying left. It is half a pixel, and why such rows differ most above.
- HDR10+ and other metadata that change from scene to scene are not read.
- Transparency is ignored.
- Turns by other angles than quarters are rounded.
- A video that changes its size on the way is shown in the size of its first frame, and one that changes its colour tags
  in the colours of its first frame.
"""
