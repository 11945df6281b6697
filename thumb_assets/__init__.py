"""Turns a video library into the few frames worth keeping. This file holds the version and nothing else."""

__version__ = "0.1.0"
