"""What every call to AWS needs, whichever the service: where to, whose, signed, over a kept connection.

    endpoint.py     where a service is       credentials.py  whose requests
    sigv4.py        signatures               connection.py   one kept connection, and heads.py what it answers

Nothing here knows DynamoDB or S3; both stand on it, and a function that reads neither imports none of it.
"""
