"""Counts with their words, as commands say them: one event, two events."""

from __future__ import annotations


def noun(count: int, one: str, several: str = "") -> str:
    """The word for ``count`` of it; ``several`` where that is not ``one`` with an s."""
    return one if count == 1 else several or f"{one}s"


def counted(count: int, one: str, several: str = "") -> str:
    """The count, thousands apart, and its word."""
    word = noun(count, one, several)
    return f"{count:,} {word}"
