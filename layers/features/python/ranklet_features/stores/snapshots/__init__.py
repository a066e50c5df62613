"""Resident tables that are not in the package: their files, fetched from S3 when the function starts.

An object `s3://$RANKLET_SNAPSHOTS/tables/<physical>/<file>` becomes a file of the same name in a folder of /tmp, which
`stores/resident.py` then maps like one of the package. Graphs and weights for which a package has no room come the same
way, from `artefacts/<physical>/<file>`. The way of a file:

    fetch.py      which files, where to, in how much time; one process at a time fetches a table
    download.py   ranges → a partial file → its SHA-256 → the name under which it may be opened
    progress.py   how far it is, for the log
    replies.py    one reply of S3 → bytes, or what went wrong and whether trying again can help
    bucket.py     signed GETs, some of them on their way at the same time

Lambda keeps /tmp when it ends a slow INIT and starts the function anew, so a download goes on where it was cut off. A
file is never opened before its SHA-256 is that of the manifest, which a build made and a certificate covers.

Protocol: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""
