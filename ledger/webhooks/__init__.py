"""Telling parties what has happened, by HTTP: Standard Webhooks (https://www.standardwebhooks.com).

What there is to tell is found (:mod:`~ledger.webhooks.sources`) or announced where it happens
(:func:`ledger.webhooks.messages.announce`), and written once. A :class:`~ledger.webhooks.courier.Courier` signs it and
posts it to the :class:`~ledger.webhooks.endpoints.Endpoints` of those who may see it, again and again until each has
it. No message goes to the inside of this network (:mod:`~ledger.webhooks.guard`).
"""
