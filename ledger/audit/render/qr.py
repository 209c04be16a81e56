"""The QR code of a report, as SVG."""

from __future__ import annotations

#: Medium error correction: a fold or a coffee stain on paper costs no reading.
_CORRECTION = "m"


def svg(code: str, *, standalone: bool = False) -> str:
    """A QR code of ``code``, black on white with its quiet zone, without a size of its own."""
    import segno

    made = segno.make(code, error=_CORRECTION, micro=False)
    shown = made.svg_inline(omitsize=True, dark="#000", light="#fff", svgclass=None, lineclass=None)
    text = str(shown)
    return text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) if standalone else text
