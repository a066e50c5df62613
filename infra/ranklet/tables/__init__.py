"""Embedding tables at build time: read the author's vectors, pin a version, write it where it will be read.

sources/ reads rows, one module a format; source.py sorts and checks them, through files. pin.py packs them and names
the version by its content; placement.py weighs where it is read (room.py). files.py writes the on-disk
forms: what the function maps (resident) and what is staged for DynamoDB or, by snapshot.py, for S3. push.py writes a
DynamoDB table and reads it back.

What is there afterwards: versions.py (DynamoDB) and snapshots_there.py (S3) describe versions, deployed.py reads from
the functions who names them; listing.py, verify.py, get.py, diff.py, upsert.py and prune.py are the verbs of
`ranklet tables`.
"""
