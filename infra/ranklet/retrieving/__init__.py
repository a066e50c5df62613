"""Retrieval at build time: from a table's vectors to an index whose recall was measured.

attributes  what filters ask, from a file          kmeans     lists around centroids
queries     held-out users as vectors              writing    the index's files
recall      how much of exact search is found      making     all of it: `make`
replay      golden requests and their forms        fresh      items after the build
"""
