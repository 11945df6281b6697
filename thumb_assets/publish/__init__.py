"""Tells other systems what was made of a video: a row of a database, a request to an address, a signed message.

What belongs here: what is told of the stills, the two targets of the asset `published`, and signatures. What does not:
requests as such (http), which videos are told of and when (pipeline, serve), what waits to be told (store), listening
for requests (serve).
"""
