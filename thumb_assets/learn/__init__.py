"""Learns what people like: from labels of frames to the head that `select` scores candidates with.

What belongs here: reading labels, training, and the comparison on videos that were held out. What does not: the
features and the prediction (select), where the head is kept (store), which tables are read (library) and when the head
is used (pipeline). scikit-learn and scipy are imported inside the functions, and nowhere else.
"""
