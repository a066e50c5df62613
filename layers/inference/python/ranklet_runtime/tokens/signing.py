"""Bytes ↔ a text that only a holder of the key can make: HMAC-SHA256 (RFC 2104), in base64 for URLs (RFC 4648).

    version (1 byte) | which key (4) | HMAC of the others (32) | content

Which key it was says a digest of it; what is compared is compared in constant time.
"""

from __future__ import annotations

from binascii import b2a_base64
from functools import lru_cache

from ranklet_runtime.events import from_base64
from ranklet_runtime.tokens.keys import Keys

VERSION = b"\x01"
NAMED, SIGNED = 5, 37
"""Where the name of the key ends, and where the content begins."""
TO_URL, FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")
ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Signing:
    """Signs with the first key, and takes what any of them signed."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def sealed(self, content: bytes, deadline: float | None = None) -> str:
        """The text. Raises as `Keys.all`."""
        key = self._keys.all(deadline)[0]
        head = VERSION + name(key)
        return _text(head + _mac(key, head, content) + content)

    def opened(self, text: str, deadline: float | None = None) -> bytes | None:
        """The content; None for a text that no key of ours signed. Raises as `Keys.all`."""
        raw = _bytes(text)
        if raw is None or len(raw) <= SIGNED or raw[:1] != VERSION:
            return None
        # Imported here, as below: a function may be asked for no token.
        import hmac

        head, mac, content = raw[:NAMED], raw[NAMED:SIGNED], raw[SIGNED:]
        named = [key for key in self._keys.all(deadline) if name(key) == head[1:]]
        named = named or [key for key in self._keys.all(deadline, unknown=True) if name(key) == head[1:]]
        return content if any(hmac.compare_digest(_mac(key, head, content), mac) for key in named) else None


@lru_cache(maxsize=16)
def name(key: bytes) -> bytes:
    """Tells keys apart without telling them."""
    import hashlib

    return hashlib.sha256(b"ranklet token key " + key).digest()[: NAMED - 1]


def _mac(key: bytes, head: bytes, content: bytes) -> bytes:
    import hmac

    return hmac.digest(key, head + content, "sha256")


def _text(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).translate(TO_URL).rstrip(b"=").decode()


def _bytes(text: str) -> bytes | None:
    """None for what is not the one text of some bytes."""
    if not text.isascii():
        return None
    encoded = text.encode()
    if encoded.translate(None, ALPHABET):
        return None  # something is left that is no letter of it
    try:
        raw = from_base64()(encoded.translate(FROM_URL) + b"=" * (-len(encoded) % 4))
    except ValueError:
        return None
    # The last letter may hold bits that no byte has: of several texts with the same bytes one is ours.
    last = len(raw) - (len(raw) % 3 or 3)
    return raw if text.endswith(_text(raw[last:])) else None
