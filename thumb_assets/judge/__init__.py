"""A vision-language model looks at a picture and says how good a thumbnail it is.

What belongs here: the interface `FrameJudge`, its adapter for servers that speak OpenAI's chat completions, what is
asked, how the answer is read, and the bounds of requests and waits. What does not: which frames are looked at
(pipeline, by select), where verdicts are kept (store), what follows from them (select).
"""
