"""Every setting of Poolproof: one frozen model, filled once at the start of a process.

A value comes from the environment (``POOLPROOF_`` and the setting's name in capitals), else from
``config.toml`` in the home directory (which ``poolproof init`` writes, with the names in small letters), else
from the default that stands here. A ``POOLPROOF_`` variable or a line of ``config.toml`` that names no
setting is refused: a misspelt database URL must not quietly become an empty SQLite file.

Each field carries its unit and the reason for its default; ``docs/settings.md`` is made from them and a test
compares the two. The policy that verifiers apply (finality, grade, greatest anchor age, keys) is not here:
it stands in the trust root.
"""

from ledger.settings.explain import as_markdown, explain, facts
from ledger.settings.model import CONFIG_NAME, Network, Settings, networks
from ledger.settings.sources import OTHER_VARIABLES, variable

__all__ = [
    "CONFIG_NAME",
    "OTHER_VARIABLES",
    "Network",
    "Settings",
    "as_markdown",
    "explain",
    "facts",
    "networks",
    "variable",
]
