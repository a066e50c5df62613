"""HTTP/1.1 as a server reads it (RFC 9112), for the front and for the Runtime API of the local cloud.

Strict wherever leniency would let two parties read one stream differently: a request that could be framed in two
ways is refused and its connection closed. Every wait has a limit, every loop an end.
"""
