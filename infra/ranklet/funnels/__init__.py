"""Funnels: models that retrieve, pre-rank and rank as one request. `functions/<name>/funnel.toml` names them.

settings.py  funnel.toml, as typed frozen records
stages.py    whether the models that it names go together, and what each reads
layout.py    one function for all stages, or one for each
golden.py    its requests; proof.py replays them, and the stages one by one beside it
building.py  from all of that to a proven bundle; ready.py the one that may be deployed
openapi.py   its document
evaluating/  how good each stage is, and the whole beside each of them alone
"""
