"""The file of an audit's report, its digest, and the short text by which two papers are compared.

A report file is canonical JSON and a newline; other spellings of the same JSON are read as well. Reading is strict:
exactly the members that :meth:`~ledger.audit.report.AuditReport.to_json` gives, and counts, outcomes and severities
must follow from the rest::

    {"media_type":"application/vnd.poolproof.audit-report.v1+json","basis":{…},"counts":{…},"findings":[…],…}

The digest is over what was found and not over the words for it (:func:`found`): a sentence that a later version says
better changes no digest that somebody has signed. Words are made anew from codes and facts whenever a report is shown;
those in a file must be ours where the file names this version as its maker, and else are left alone.

The text of a QR code names what the report stands on and its digest, in one spelling::

    poolproof:report?origin=…&pool=…&size=…&root=<hex>&as_of=…&trust=<hex>&sha256=<hex>
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from ledger.audit.catalogue import CATALOGUE, PROCEDURES
from ledger.audit.findings import Evidence, Finding, Procedure
from ledger.audit.render.words import LANGUAGES
from ledger.audit.report import MAKER, MEDIA_TYPE, Asked, AuditReport, Basis
from ledger.errors import MalformedError, VerificationError
from ledger.proofs import canonical
from ledger.proofs.documents import Form
from ledger.proofs.trust import GRADES

_WHAT: Final = "audit report"
#: A million findings, at about 500 bytes each: beyond any report that a person will open.
MAX_REPORT: Final = 512 << 20
_MAX_ITEMS: Final = 2_000_000
_HEX32: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DECIMAL: Final = re.compile(r"(?!-0$)-?(0|[1-9][0-9]*)(\.[0-9]{0,7}[1-9])?")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
#: Members of a finding that are words, and sentences of the basis.
_TEXTS: Final = frozenset(("text", "text_zh", "said"))
_SENTENCES: Final = frozenset(("steps", "not_checked"))
_SCHEME: Final = "poolproof:report?"
#: A code is read off paper; an origin has at most 255 bytes, three letters each when they are escaped.
_MAX_CODE: Final = 2_000


def encode(report: AuditReport) -> bytes:
    """The file's bytes."""
    return canonical.encode_file(report.to_json())


def decode(data: bytes) -> AuditReport:
    """Read a file, in any spelling of its JSON. Raises :class:`MalformedError`."""
    return read(canonical.decode(data, what=_WHAT, limit=MAX_REPORT))


def found(report: AuditReport) -> bytes:
    """What was found, and of what: the file without its words, canonical JSON and a newline.

    Left out are who made it, the sentences on what was seen, shown and not checked, why something is undetermined, and
    the texts of findings with what errors said.
    """
    document = report.to_json(wordless=True)
    del document["made_by"], document["sees"]
    document["basis"] = {name: value for name, value in document["basis"].items() if name not in _SENTENCES}
    document["procedures"] = [
        {name: value for name, value in one.items() if name != "reasons"} for one in document["procedures"]
    ]
    return canonical.encode_file(document)


def digest(report: AuditReport) -> str:
    """SHA-256 of what was found, in hex: what papers carry and attestations name."""
    return hashlib.sha256(found(report)).hexdigest()


def _wordless(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document whose findings have no texts."""
    findings = [
        {name: value for name, value in one.items() if name not in _TEXTS} for one in document["findings"]
    ]
    return {**document, "findings": findings}


def read(value: object) -> AuditReport:
    """The report that the decoded ``value`` is. Raises :class:`MalformedError` with what is wrong and where."""
    if not isinstance(value, dict) or value.get("media_type") != MEDIA_TYPE:
        raise MalformedError(_WHAT, f"media_type is not {MEDIA_TYPE}")
    form = Form(value, _WHAT, "", _REPORT)
    findings = form.items("findings", _finding, most=_MAX_ITEMS)
    report = AuditReport(
        pool=form.text("pool"),
        title=form.text("title"),
        rules_version=form.integer("rules_version"),
        tolerances=_tolerances(form),
        made_by=form.text("made_by"),
        sees=_texts(form, "sees"),
        basis=_basis(form.raw("basis")),
        asked=_asked(form.raw("asked")),
        procedures=_counted(form.items("procedures", _procedure), findings),
        findings=findings,
        numbers=_values(form, "numbers", (str, int)),
        totals=dict(form.items("totals", _total)),
    )
    ours = report.made_by == MAKER
    printed = report.to_json(wordless=not ours)
    _same(printed, value if ours else _wordless(value), report.made_by)
    return report


def _counted(procedures: tuple[Procedure, ...], findings: tuple[Finding, ...]) -> tuple[Procedure, ...]:
    """The procedures with what was found under them: it is counted again, not taken from the file."""
    named = {one.name: one for one in procedures}
    for finding in findings:
        if (procedure := named.get(finding.entry.procedure)) is not None:
            procedure.found(finding)
    return procedures


def _same(printed: Mapping[str, Any], value: Mapping[str, Any], made_by: str) -> None:
    """Refuse what does not follow from the rest: outcomes, counts, severities and words."""
    for name, expected in printed.items():
        if expected == value[name]:
            continue
        path = name
        if isinstance(expected, list) and len(expected) == len(value[name]):
            at = next(at for at, one in enumerate(expected) if one != value[name][at])
            member = next(key for key in expected[at] if expected[at][key] != value[name][at][key])
            path = f"{name}[{at}].{member}"
        reason = f"{path} is not what this version derives from the rest"
        raise MalformedError(_WHAT, f"{reason}; the file names {made_by or 'nothing'} as its maker")


_BASIS: Final = frozenset(Basis.__dataclass_fields__)
_REPORT: Final = frozenset(
    (
        *("media_type", "pool", "title", "rules_version", "tolerances", "made_by", "sees", "basis", "asked"),
        *("outcome", "counts"),
        *("procedures", "findings", "numbers", "totals"),
    )
)


def _basis(value: object) -> Basis:
    form = Form(value, _WHAT, "basis", _BASIS)
    return Basis(
        origin=form.text("origin"),
        size=form.integer("size"),
        root=form.text("root", _HEX32),
        register_root=form.text("register_root", _HEX32),
        as_of=_day(form, "as_of"),
        fingerprint=form.text("fingerprint", _HEX32),
        level=form.choice("level", ("published", "cosigned", "anchored", "final")),
        grade=form.optional("grade", lambda name: form.choice(name, GRADES)),
        contract=form.optional("contract", lambda name: form.text(name, _ADDRESS)),
        chain_id=form.optional("chain_id", form.integer),
        anchored_at=form.optional("anchored_at", form.text),
        steps=_texts(form, "steps"),
        not_checked=_texts(form, "not_checked"),
    )


def _asked(value: object) -> Asked:
    form = Form(value, _WHAT, "asked", {"since", "tapes"})
    return Asked(since=form.integer("since"), tapes=form.items("tapes", _digest))


def _tolerances(form: Form) -> dict[str, str]:
    tolerances = _values(form, "tolerances", (str,))
    for name, text in tolerances.items():
        if _NAME.fullmatch(name) is None:
            form.fail("tolerances", f"names {name!r}, which no rule can")
        if _DECIMAL.fullmatch(text) is None:
            form.fail(f"tolerances.{name}", "is not a decimal in its one spelling")
    return tolerances


def _digest(value: object, path: str) -> str:
    text: str = _of_type(value, path, (str,))
    if _HEX32.fullmatch(text) is None:
        raise MalformedError(_WHAT, f"{path} is no SHA-256 in hex")
    return text


def _day(form: Form, name: str) -> str:
    text = form.text(name, re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"))
    try:
        date.fromisoformat(text)
    except ValueError:
        form.fail(name, "is no day")
    return text


def _procedure(value: object, path: str) -> Procedure:
    members = {"name", "outcome", "unit", "asked", "undetermined", "findings", "reasons"}
    form = Form(value, _WHAT, path, members)
    reasons = form.items("reasons", _reason)
    form.integer("findings")
    return Procedure(
        name=form.choice("name", tuple(PROCEDURES)),
        unit=form.text("unit"),
        asked=form.integer("asked"),
        undetermined=form.integer("undetermined"),
        reasons=dict(reasons),
    )


def _reason(value: object, path: str) -> tuple[str, int]:
    form = Form(value, _WHAT, path, {"reason", "times"})
    return form.text("reason"), form.integer("times")


def _finding(value: object, path: str) -> Finding:
    members = {"code", "severity", "subject", "claim", "text", "text_zh", "facts", "said", "evidence"}
    form = Form(value, _WHAT, path, members)
    code = form.text("code")
    if code not in CATALOGUE:
        form.fail("code", f"is {code!r}, which this version does not know")
    for name in ("text", "text_zh"):
        form.text(name)
    facts, said = _values(form, "facts", (str, int)), _values(form, "said", (str,))
    if facts.keys() & said.keys():
        form.fail("said", "names what stands among the facts")
    finding = Finding(
        code=code,
        subject=form.text("subject"),
        claim=form.optional("claim", form.text),
        facts=facts | said,
        evidence=form.items("evidence", _evidence),
    )
    try:
        for language in LANGUAGES:
            finding.text(language)
    except (KeyError, ValueError, IndexError):
        form.fail("facts", "do not fill the words of the finding")
    return finding


def _evidence(value: object, path: str) -> Evidence:
    form = Form(value, _WHAT, path, {"index", "digest"})
    return Evidence(form.integer("index"), form.text("digest", _HEX32))


def _total(value: object, path: str) -> tuple[str, dict[str, Any]]:
    form = Form(value, _WHAT, path, {"currency", "amounts", "breakdowns"})
    breakdowns = form.raw("breakdowns")
    if not isinstance(breakdowns, dict):
        form.fail("breakdowns", "is not an object")
    inner = Form(breakdowns, _WHAT, form.path("breakdowns"), set(breakdowns))
    parts = {name: dict(inner.items(name, _part)) for name in breakdowns}
    return form.text("currency"), {**_values(form, "amounts", (str,)), **parts}


def _part(value: object, path: str) -> tuple[str, str]:
    form = Form(value, _WHAT, path, {"name", "amount"})
    return form.text("name"), form.text("amount")


def _texts(form: Form, name: str) -> tuple[str, ...]:
    return form.items(name, lambda value, path: _of_type(value, path, (str,)))


def _values(form: Form, name: str, types: tuple[type, ...]) -> dict[str, Any]:
    value = form.raw(name)
    if not isinstance(value, dict):
        form.fail(name, "is not an object")
    return {key: _of_type(one, f"{form.path(name)}.{key}", types) for key, one in value.items()}


def _of_type(value: Any, path: str, types: tuple[type, ...]) -> Any:
    if type(value) not in types:
        raise MalformedError(_WHAT, f"{path} is not {' or '.join(one.__name__ for one in types)}")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCode:
    """What a report can be told apart by: what it stands on, and its digest."""

    origin: str
    pool: str
    size: int
    root: str
    as_of: str
    #: fingerprint of the trust root
    trust: str
    sha256: str

    @classmethod
    def of(cls, report: AuditReport) -> ReportCode:
        """The code of a report."""
        basis = report.basis
        return cls(
            origin=basis.origin, pool=report.pool, size=basis.size, root=basis.root, as_of=basis.as_of,
            trust=basis.fingerprint, sha256=digest(report),
        )  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> ReportCode:
        """Read exactly what :meth:`__str__` prints. Raises :class:`MalformedError`."""
        what = "report code"
        if len(text) > _MAX_CODE or not text.startswith(_SCHEME):
            raise MalformedError(what, f"it does not begin with {_SCHEME}")
        form = Form(
            dict(parse_qsl(text.removeprefix(_SCHEME), keep_blank_values=True)),
            what,
            "",
            set(cls.__dataclass_fields__),
        )
        size = form.text("size", re.compile(r"0|[1-9][0-9]{0,15}"))
        code = cls(
            origin=form.text("origin"), pool=form.text("pool"), size=int(size), root=form.text("root", _HEX32),
            as_of=form.text("as_of"), trust=form.text("trust", _HEX32), sha256=form.text("sha256", _HEX32),
        )  # fmt: skip
        if str(code) != text:
            raise MalformedError(what, "not in its one spelling")
        return code

    def __str__(self) -> str:
        members = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return _SCHEME + urlencode(members, safe="/:", quote_via=quote)

    def compare(self, other: ReportCode) -> None:
        """Show that both are of one report. Raises :class:`VerificationError` naming what differs."""
        names = [name for name in self.__dataclass_fields__ if getattr(self, name) != getattr(other, name)]
        if names:
            raise VerificationError(
                f"not the same report: {', '.join(names)} differ",
                step="report",
                evidence={name: [getattr(self, name), getattr(other, name)] for name in names},
            )
