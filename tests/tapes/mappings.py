"""Mappings that several tests read the same kind of file by."""

#: A file of the columns ``loan``, ``as of`` and ``balance``: what a servicer says is left of each loan.
BALANCES = """\
[[event]]
type = "balance.reported"
id = "bal:{loan}:{as of|digits}:{@sha256|short}"
subject = "loan:{loan}"
effective = { column = "as of", date = "YYYY-MM-DD" }
currency = "CNY"
[event.data]
tape = { column = "@sha256" }
place = { template = "line {@line}" }
currency = "CNY"
balance = { column = "balance", money = "yuan" }
"""
