"""Choice on real footage that was labelled by eye: `python -m benchmarks.footage FOLDER`.

What belongs here: reading the labels, the choosers that are compared, counts of bad picks, moments, repeats and
screens, the page and the contact sheets. What does not: how the project itself chooses (select), videos made with
planted defects (benchmarks.selection), any assertion on a figure.
"""
