"""Validators: tags by which clients ask whether what they keep is still right (RFC 9110, 8.8.3 and 13.1.2)."""

from hashlib import sha256


def tag_of(content: bytes) -> str:
    """Return the tag of a content, or of what determines it."""
    return f'"{sha256(content).hexdigest()[:32]}"'


def is_known(tag: str, if_none_match: str) -> bool:
    """Return whether a client keeps what has a tag, by its `If-None-Match`; weak tags are as good."""
    known = [item.strip().removeprefix("W/") for item in if_none_match.split(",")]
    return tag.removeprefix("W/") in known or known == ["*"]
