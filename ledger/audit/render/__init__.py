"""How an audit's report is shown: in a terminal, as one printable HTML file, and as PDF/A, in English or 简体中文.

All three show one view (:mod:`.view`), so that they cannot say different things; its words are in ``words.toml``.
"""
