"""Quality of the choice on videos with known good moments and defects: `python -m benchmarks.selection`.

What belongs here: the stretches of footage, videos made of them by recipe with the truth of every frame, the choosers
that are compared, the measures, the page. What does not: how the project itself chooses (select), any assertion on a
figure.
"""
