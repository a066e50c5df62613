"""Text of a file that becomes a name, or a word of a vocabulary."""

from __future__ import annotations


def writable(text: str) -> bool:
    """Whether it can be written as UTF-8: JSON can escape halves of a letter, which nothing else takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
