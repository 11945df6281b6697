"""Measures the quality of a picture by itself: no-reference metrics, in their own units.

What belongs here: the metric behind one Protocol, its direction and range, batches, one error per picture that cannot
be scored, and keeping pyiqa's side effects in. What does not: thresholds and percentiles (select), decoding and scaling
(video), where weights come from (weights). Only this room imports pyiqa, which is an extra: its licence is
PolyForm-Noncommercial. PIQE is our own and needs neither it nor torch.
"""
