"""A small S3 for functions that fetch tables when they start: GET and HEAD of objects that are files here.

objects.py   a key → its bytes, or a range of them, as S3 answers
server.py    LocalS3: the server as a handle
"""

from ranklet.local.s3.server import BUCKET, LocalS3

__all__ = ["BUCKET", "LocalS3"]
