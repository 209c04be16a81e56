"""Names of pools and loans as arguments: bare, or with the prefix under which records and reports print them.

``loan:B-1`` is what a report shows of the loan ``B-1``, and what is copied from there is understood. One prefix is
taken off; a loan that is itself called ``loan:B-1`` is asked for as ``loan:loan:B-1``.
"""

from __future__ import annotations

from typing import Annotated, Final

import typer

_POOL: Final = "pool:"
_LOAN: Final = "loan:"


def pool_name(text: str | None) -> str | None:
    """A pool's name; None where the option was left out."""
    return None if text is None else text.removeprefix(_POOL)


def loan_name(text: str | None) -> str | None:
    """A loan's name, or a claim as LOAN/CLAIM; None where the option was left out."""
    return None if text is None else text.removeprefix(_LOAN)


def loan_names(texts: list[str] | None) -> list[str] | None:
    """Names of loans; None where none was given."""
    return None if texts is None else [text.removeprefix(_LOAN) for text in texts]


Pool = Annotated[
    str, typer.Argument(metavar="POOL", help="The pool's name, with or without `pool:`.", callback=pool_name)
]
Loan = Annotated[
    str, typer.Argument(metavar="LOAN", help="The loan's name, with or without `loan:`.", callback=loan_name)
]
