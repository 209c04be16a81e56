"""What pages show, worked out: plain functions over the ledger that give frozen values. Templates only place them.

No rule of the ledger is here; a model asks, arranges and counts. What a reader may see is decided by
:mod:`ledger.access` before a model is made.
"""
