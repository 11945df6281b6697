"""The models that there are: their source, their licence, and their place on this machine.

What belongs here: the registry (`models.json`), the search for files (the user's folder, the caches, the hub or the
model's own address), checks of what was found, and whether `models.licence` lets a model be used. What does not:
loading a model, so no torch and no cv2, and settings. A machine without a network learns so within seconds, never after
a minute of retries.
"""
