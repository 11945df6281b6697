"""The files that players and sites show of a video: sheets of tiles, BIF, WebVTT, animations, contact sheets.

What belongs here: small pictures of frames, the files made of them and their proof. What does not: which frames they
are (select), their table (tables).
"""
