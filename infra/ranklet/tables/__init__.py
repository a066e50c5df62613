"""Embedding tables at build time: read the author's vectors, pin a version, write it where it will be read.

source.py reads and checks vectors and keys. pin.py decides placement and names the version by its
content. files.py writes the two on-disk forms: what the function maps (resident) and what goes
into DynamoDB. push.py writes a DynamoDB table and reads it back.
"""
