"""Datasets for training: the rows, licences, duplicates and splits, and one file per format.

What belongs here: what a dataset says of a picture, under which licence it may be used, which videos must not be
parted, the dataset's card, and how each format is written and read back. What does not: gathering a library's pictures
and putting the folder in place (library), picture files themselves (export), finding near neighbours (survey).
"""
