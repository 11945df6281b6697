"""Takes webhooks that announce videos and tells when their stills are there.

What belongs here: the web service, what a request may ask, getting the video, following its work, sending messages.
What does not: signatures (publish), the HTTP client (http), the rows that outlive a crash (store), and Dagster, which
the command line hands over as a `Launcher` (defs).
"""
