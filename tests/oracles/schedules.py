"""Plans of instalments and annual costs, slowly: from the description in ``docs/schedules.md`` alone.

Terms are the JSON members of an event's data, amounts are fractions of the major unit, days are walked one by one.
The level instalment is found by trying two payments and drawing a line through what they leave.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

MINOR = {"CNY": 2, "USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}
ONE = timedelta(days=1)


def is_leap(year: int) -> bool:
    return (date(year, 12, 31) - date(year, 1, 1)).days == 365


def month_length(year: int, month: int) -> int:
    day = date(year, month, 28)
    while (day + ONE).month == month:
        day += ONE
    return day.day


def month_later(day: date, months: int, anchor: int) -> date:
    year, month = day.year, day.month
    for _ in range(abs(months)):
        month += 1 if months > 0 else -1
        if month == 13:
            year, month = year + 1, 1
        if month == 0:
            year, month = year - 1, 12
    return date(year, month, min(anchor, month_length(year, month)))


def days(start: date, end: date) -> list[date]:
    """Each day from the first, which counts, to the last, which does not."""
    return [start + ONE * i for i in range((end - start).days)]


def year_part(convention: str, start: date, end: date, anchor: int) -> Fraction:
    if convention == "30/360":
        first, last = (d.year * 360 + d.month * 30 + (30 if d.day == 31 else d.day) for d in (start, end))
        return Fraction(last - first, 360)
    if convention == "actual/360":
        return Fraction(len(days(start, end)), 360)
    if convention == "actual/365":
        return Fraction(len(days(start, end)), 365)
    if convention == "actual/actual":
        return sum((Fraction(1, 366 if is_leap(d.year) else 365) for d in days(start, end)), Fraction(0))
    assert convention == "1/12"

    def falls_on(day: date) -> bool:
        return day == month_later(day, 0, anchor)

    months = 0
    if falls_on(start) and not falls_on(end):
        while month_later(start, months + 1, anchor) <= end:
            months += 1
        stub = days(month_later(start, months, anchor), end)
    else:
        on = anchor if falls_on(end) else end.day
        while month_later(end, -months - 1, on) >= start:
            months += 1
        stub = days(start, month_later(end, -months, on))
    return Fraction(months, 12) + Fraction(len(stub), 365)


def moved(day: date, rule: str, holidays: set[date], worked: set[date]) -> date:
    def open_for_business(d: date) -> bool:
        return d not in holidays and (d.strftime("%a") not in ("Sat", "Sun") or d in worked)

    later = earlier = day
    while not open_for_business(later):
        later += ONE
    while not open_for_business(earlier):
        earlier -= ONE
    if rule == "following":
        return later
    if rule == "modified_following":
        return later if later.month == day.month else earlier
    return earlier if rule == "preceding" else day


def due_dates(terms: dict[str, Any]) -> tuple[list[date], list[date], int]:
    """(unmoved dates, moved dates, the anchor day)."""
    holidays = {date.fromisoformat(text) for text in terms.get("holidays", [])}
    worked = {date.fromisoformat(text) for text in terms.get("workdays", [])}
    rule = terms.get("business_days", "none")
    first = date.fromisoformat(terms.get("first_due") or terms["maturity"])
    anchor = terms.get("due_day", first.day)
    for months in (0, -1, 1):
        candidate = month_later(first, months, anchor)
        if moved(candidate, rule, holidays, worked) == first:
            first = candidate
            break
    unmoved = [first] + [month_later(first, i, anchor) for i in range(1, terms["instalments"])]
    if len(terms.get("maturity", "")) == 10:
        maturity = date.fromisoformat(terms["maturity"])
        if moved(unmoved[-1], rule, holidays, worked) != maturity:
            unmoved[-1] = maturity
    return unmoved, [moved(day, rule, holidays, worked) for day in unmoved], anchor


def rounded(value: Fraction, terms: dict[str, Any]) -> Fraction:
    unit = Fraction(1, 10 ** MINOR[terms["currency"]])
    below = value // unit * unit
    above = below if below == value else below + unit
    half = value - below == above - value
    rule = terms.get("rounding")
    if rule is None:
        assert below == value
        return value
    if rule == "down":
        return below
    if rule == "up":
        return above
    if half:
        return above if rule == "half_up" or (below / unit) % 2 else below
    return below if value - below < above - value else above


Line = tuple[Fraction, Fraction]


def run(
    owed: Fraction, parts: list[Fraction], rate: Fraction, principal_of: Any, terms: dict[str, Any]
) -> list[Line]:
    """(principal, interest) of each instalment; ``principal_of(i, owed, interest)`` is cut to what is owed."""
    lines = []
    for i, part in enumerate(parts):
        interest = rounded(owed * rate * part, terms)
        principal = owed if i == len(parts) - 1 else min(principal_of(i, owed, interest), owed)
        lines.append((principal, interest))
        owed -= principal
    return lines


def left_after(owed: Fraction, parts: list[Fraction], rate: Fraction, payment: Fraction) -> Fraction:
    for part in parts:
        owed += owed * rate * part - payment
    return owed


def annuity(
    owed: Fraction, parts: list[Fraction], rate: Fraction, lead: int, terms: dict[str, Any]
) -> list[Line]:
    unpaid = left_after(owed, parts[lead:], rate, Fraction(0))
    by_one = unpaid - left_after(owed, parts[lead:], rate, Fraction(1))
    instalment = rounded(unpaid / by_one, terms)

    def with_extra(extra: Fraction) -> list[Line]:
        def principal_of(i: int, _: Fraction, interest: Fraction) -> Fraction:
            if i < lead:
                return Fraction(0)
            return max(Fraction(0), instalment - interest) + (extra if i == lead else 0)

        return run(owed, parts, rate, principal_of, terms)

    plain = with_extra(Fraction(0))
    if terms.get("residual") != "first" or lead == len(parts) - 1 or sum(plain[-1]) == instalment:
        return plain
    unit = Fraction(1, 10 ** MINOR[terms["currency"]])
    below = owed % unit
    steps = 1
    while sum(with_extra(below + steps * unit)[-1]) > instalment:
        steps *= 2
    least = instalment - plain[lead][1]
    while (
        below + (steps - 1) * unit >= -least and sum(with_extra(below + (steps - 1) * unit)[-1]) <= instalment
    ):
        steps -= 1
    return with_extra(below + steps * unit)


def linear(
    owed: Fraction, parts: list[Fraction], rate: Fraction, lead: int, terms: dict[str, Any]
) -> list[Line]:
    count = len(parts) - lead
    share = rounded(owed / count, terms)
    first = max(Fraction(0), owed - share * (count - 1)) if terms.get("residual") == "first" else share

    def principal_of(i: int, _owed: Fraction, _interest: Fraction) -> Fraction:
        return Fraction(0) if i < lead else first if i == lead else share

    return run(owed, parts, rate, principal_of, terms)


def plan(terms: dict[str, Any], principal: str, start: str) -> list[list[Any]]:
    """[number, due date, principal, interest, fee] of each instalment, amounts as fractions."""
    owed = Fraction(principal)
    found: list[list[Any]] = []
    upfront = [fee for fee in terms.get("fees", []) if fee["when"] == "upfront"]
    if upfront:
        total = sum(
            Fraction(f.get("amount", 0)) + rounded(owed * Fraction(f.get("rate", 0)), terms) for f in upfront
        )
        found.append([0, date.fromisoformat(start), Fraction(0), Fraction(0), total])
    if terms["amortisation"] == "explicit":
        for i, line in enumerate(terms["plan"]):
            amounts = [Fraction(line.get(name, 0)) for name in ("principal", "interest", "fee")]
            found.append([i + 1, date.fromisoformat(line["due"]), *amounts])
        return found
    unmoved, due, anchor = due_dates(terms)
    convention = terms.get("day_count", "actual/365")
    ends = unmoved if convention == "1/12" else due
    parts, before = [], date.fromisoformat(start)
    for end in ends:
        parts.append(year_part(convention, before, end, anchor))
        before = end
    rate, lead = Fraction(terms["annual_rate"]), terms.get("interest_only", 0)
    if terms["amortisation"] == "annuity":
        lines = annuity(owed, parts, rate, lead, terms)
    elif terms["amortisation"] == "linear":
        lines = linear(owed, parts, rate, lead, terms)
    else:
        lines = run(owed, parts, rate, lambda *_: Fraction(0), terms)
    for i, (redeemed, interest) in enumerate(lines):
        fee = Fraction(0)
        for each in terms.get("fees", []):
            if each["when"] == "instalment":
                fee += Fraction(each.get("amount", 0))
                fee += rounded(owed * Fraction(each.get("rate", 0)) * parts[i], terms)
        found.append([i + 1, due[i], redeemed, interest, fee])
        owed -= redeemed
    return found


def annual_cost(flows: list[tuple[str, str]], measure: str) -> Decimal:
    """By halving an interval that holds the growth in a month."""
    dated = [(date.fromisoformat(day), Decimal(amount)) for day, amount in flows]
    first = dated[0][0]
    anchor = max(day.day for day, _ in dated)
    monthly = all(day == month_later(day, 0, anchor) for day, _ in dated)
    with localcontext() as context:
        context.prec = 36

        def months(day: date) -> Decimal:
            if monthly:
                return Decimal((day.year - first.year) * 12 + day.month - first.month)
            return Decimal((day - first).days) * 12 / 365

        def worth(growth: Decimal) -> Decimal:
            return sum((amount * growth ** -months(day) for day, amount in dated), Decimal(0))

        low, high = Decimal("0.001"), Decimal(2) ** 10
        rising = worth(high) > 0
        for _ in range(100):
            middle = (low + high) / 2
            if (worth(middle) > 0) == rising:
                high = middle
            else:
                low = middle
        cost = low**12 - 1 if measure == "effective" else 12 * (low - 1)
        return cost.quantize(Decimal("1e-12"))
