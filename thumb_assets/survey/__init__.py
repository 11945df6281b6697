"""Compares videos: finds frames that several of them share, and the distribution of scores in the library.

What belongs here: nearest neighbours among many vectors, what makes two frames of different videos alike, groups of
such frames, quantiles of scores; arrays in, arrays out, the same whatever the order of videos. What does not: what is
alike within a video and what follows from any of it (select), reading and writing (store, library). Only this room
imports usearch.
"""
