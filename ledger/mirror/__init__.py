"""The partner's own check: what a party may see is downloaded into a mirror, and audited there by the same code.

:mod:`ledger.mirror.form` fixes what travels, :mod:`ledger.mirror.serving` and :mod:`ledger.mirror.settled` are the
side of the log's owner. On the partner's side :mod:`ledger.mirror.remote` asks, :mod:`ledger.mirror.download` fetches
what is not there yet, and :mod:`ledger.mirror.build` derives a store from it, which :func:`ledger.audit.perform.audit`
goes through. A mirror trusts the trust root and the chain, and nothing that the server says.
"""
