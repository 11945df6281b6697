"""Scores pictures against prompts: embeddings of pictures and texts, and the arithmetic on their cosines.

What belongs here: the encoder behind one Protocol, its preprocessing, prompts, clip_score, and one loaded model per
process. What does not: which frames are scored (candidates), what a score is worth beside others (select), where
weights come from (weights). Only this room imports open_clip.
"""
