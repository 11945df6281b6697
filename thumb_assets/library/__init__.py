"""Work across the videos of a library, for the command line and Dagster.

What belongs here: which videos have work left and what it will take, what videos share, what other settings would
choose, learning from labels, decisions of people, checks of what is stored. What does not: making a stage of a video
(pipeline), arithmetic without tables (survey, learn, select), reading and writing files (store).
"""
