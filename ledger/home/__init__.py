"""The composition root of command line, worker and API: settings in, opened parts out.

:class:`Home` opens each part when it is first asked for, so that a command pays only for what it uses. Where things
lie in its directory is in :mod:`ledger.home.files`. :func:`loops` puts together from these parts what a worker does.
"""

from ledger.home.duties import loops
from ledger.home.parts import Home

__all__ = ["Home", "loops"]
