"""Finds faces in one picture.

What belongs here: the detectors behind one Protocol, the boxes they return in pixels of the picture they were given,
eyes, mouth and gaze of the faces in them, and which models are used. What does not: what a face is worth (select), the
choice of the frames and their decoding (pipeline, video), or where the model files come from (weights). BGR, which
OpenCV wants, does not leave this room.
"""
