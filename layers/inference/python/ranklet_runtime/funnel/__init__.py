"""A funnel: models that retrieve, pre-rank and rank as one request, each with its own time.

handler.py    Lambda's entry point; function.py: an event in, an answer out
wire.py       what a caller sends and gets
cascade.py    the stages in order, each in its time; candidates.py: who goes on, and where they stand
opening.py    the stages of a bundle; sides.py, facts.py: what each reads of a request, and of an item
here.py       stages in this process, with retrieving.py the first one; there.py: in functions of their own
plan.py       manifest.json of a funnel; counting.py: its metrics
"""
