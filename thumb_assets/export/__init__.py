"""Turns selections into picture files, and proves that each file is the frame it claims to be.

What belongs here: names and sizes of stills, writing them with their facts inside, replacing a video's folder as a
whole, cutting the frames to other shapes, chapters as files, the checks on the result, and the figures people look at.
What does not: choosing frames (select), storing tables (store).
"""
