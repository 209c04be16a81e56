"""When a block of a chain counts as final: a policy per chain, taken from the trust root or the settings.

``tag:finalized`` and ``tag:safe`` ask the node (Ethereum since the merge); ``depth:N`` counts blocks below
the newest; ``instant`` is for chains whose blocks are final when they are made (Besu QBFT, FISCO PBFT).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ledger.errors import ConfigurationError

#: As :data:`ledger.proofs.trust.FINALITY`: what is bound to a log must fit into its trust root.
_FORM = re.compile(r"(?P<tag>tag:(finalized|safe))|depth:(?P<depth>[1-9][0-9]{0,5})|instant")


@dataclass(frozen=True, slots=True)
class Finality:
    """``tag`` names a block the node knows; without one, ``depth`` blocks below the newest are final."""

    tag: str | None
    depth: int

    @classmethod
    def parse(cls, text: str) -> Finality:
        """Read what ``str`` prints; raises :class:`ConfigurationError`."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ConfigurationError(
                f"finality policy {text!r}: use tag:finalized, tag:safe, depth:N or instant"
            )
        if match["tag"]:
            return cls(match["tag"].removeprefix("tag:"), 0)
        return cls(None, int(match["depth"] or 0))

    def __str__(self) -> str:
        if self.tag:
            return f"tag:{self.tag}"
        return f"depth:{self.depth}" if self.depth else "instant"
