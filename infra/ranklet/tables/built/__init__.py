"""Versions that were built elsewhere, by `ranklet tables build`: pinned and pushed without gathering their rows here.

record.py     what a build says of itself: its training run, its files and what each holds, golden requests' rows
place.py      where a build lies: a folder, or a prefix of a bucket
opened.py     a build that is whole, held against its version
wanted.py     the keys that golden requests read of a table
pinning.py    a table of model.toml that names a build → the very version, with the rows that the proof reads
items.py      the build's items, numbered, read out of its files a part at a time
"""
