"""Reports to other systems: a row of a database, a request to an address, a signed message.

What belongs here: the report of a video's stills, the two targets of the asset `published`, and signatures. What does
not: requests as such (http), which videos are reported and when (pipeline, serve), messages that wait (store),
listening for requests (serve).
"""
