"""Reads video files: what they are, every displayed frame with its identity, and one exact frame again.

What belongs here: probing, the only decode loop of the project, exact fetches, the rules of colour and geometry. What
does not: any judgement of a picture, any table file, any model. Arrays leave this room as RGB or luma, upright, with
square pixels, without combs, in the colours of sRGB.
"""
