"""Feature assembly and embedding stores: the same code in training and in Lambda.

This is the lowest floor: it imports numpy, orjson, msgpack and the standard library, and
nothing of ranklet above it. `FeaturePlan` turns columns into tensors; a store turns keys into rows.
"""
