"""Layers: third-party code from plain pins plus our own, built for a target without Docker.

A layer goes through stages, each one file: `targets` says for whom, `pins` what, `fetch` gets it, `prune` takes away
what no function needs, `elf` what no loader reads, `trim` what NumPy's import does for readers, `bytecode` compiles
what is left, `layers` joins it all and caches; `sizes` holds Lambda's limit.
"""
