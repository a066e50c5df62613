"""How good each stage of a funnel is by itself, and the funnel beside each of them alone.

measures.py  NDCG, recall and AUC
held_out.py  requests whose answers are known: of a file, or of whoever makes them
run.py       asks funnel and stages, in this process and with their tables on this machine
"""
