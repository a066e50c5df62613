"""A funnel: models that retrieve, pre-rank and rank as one request, each with its own time.

handler.py   Lambda's entry point; function.py an event in, an answer out
wire.py      what a caller sends and gets
cascade.py   the stages in order: who goes on, what is left out when time runs out
here.py      a stage in this process; there.py one in a function of its own
plan.py      manifest.json of a funnel
"""
