"""Servicer files in: :mod:`ex102 <ledger.tapes.ex102>` and :mod:`csv <ledger.tapes.csv>` yield submissions.

Both ``read`` functions return a :class:`~ledger.tapes.model.Tape`: iterate it once for submissions (dicts) and
:class:`~ledger.tapes.model.Reject` values; its ``summary`` is complete at the end. No store access.
"""
