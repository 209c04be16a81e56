"""Re-deriving everything from the records; the same code for server, partner and test.

An audit of a pool (:mod:`.perform`) goes over the log in ranges, in parallel (:mod:`.run`), and asks in this order:

1. the entries: hashed to the root that the checkpoint signs (:mod:`.integrity`), their records scanned on the way for
   what crosses pools (:mod:`.scan`);
2. the pool's loans: read and folded one by one (:mod:`.work`), their claims held against the register
   (:mod:`.places`), put to every check (:mod:`.checks`) and added up
   (:mod:`.collectors`);
3. the register: every holder at every size (:mod:`.encumbrance`), the pool's own chain (:mod:`.poolchain`), the seal
   (:mod:`.sealed`).

What that gives is a :mod:`.report` of :mod:`.findings`, each from the :mod:`.catalogue`; :mod:`.reportfile` is its
file, :mod:`.render` its paper. Beside it, over the same records: :mod:`.reconcile` for servicers' files,
:mod:`.analytics`, a loan's :mod:`.timeline`, :mod:`.sample`, :mod:`.watch`, and :mod:`.fsck` for the whole store.
"""
