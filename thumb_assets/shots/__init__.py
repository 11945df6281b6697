"""Cuts a video into shots: a detector that is fed frame by frame, and counts them by itself.

What belongs here: building a detector from the settings (PySceneDetect's, or the learned TransNetV2), feeding it, and
turning what it says into shots that tile the video. What does not: decoding (video), choosing frames in a shot
(candidates). A library's own frame numbers are not used: on variable-rate video they are time x average rate, not the
index of a frame.
"""
