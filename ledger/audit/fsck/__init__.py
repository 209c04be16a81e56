"""fsck: every digest, tile, root, register and checkpoint once more from the records, and against the chain.

Trusts the record bytes and the keys that the log names, nothing else in the store. Each problem says what is
wrong, where, and under a stable code:

``record``      a record's bytes, chain or admission            ``tile``        a stored tile
``gap``         an index without an entry                       ``register``    a register entry or its pages
``subject``     a subject's chain or folded state               ``checkpoint``  a checkpoint's root or signature
``claim``       a claim's place or its history                  ``batch``       a batch's acceptance
``disclosure``  a private field that does not open              ``receipt``     a stored receipt
``log``         the counters that the next append starts from   ``trust``       an issued trust root
``seal``        the kept leaves of a seal                  ``store``       a value that does not fit its column
``anchor``      an anchor that the log, its evidence or the contract contradicts
``erasure``     bytes that are gone without a subject.erased that names them, or are here in spite of one

Erased records are counted, not reported, where a subject.erased of the log names exactly them. What is not there and
contradicts nothing, such as leaves of a seal that can be worked out again, is a note and no problem.
"""

from ledger.audit.fsck.check import fsck
from ledger.audit.fsck.outbox import Contract
from ledger.audit.fsck.problems import Problem, Report

__all__ = ["Contract", "Problem", "Report", "fsck"]
