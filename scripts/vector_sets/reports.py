"""Vectors of audit reports: whole files with their digests and codes, and codes in other spellings."""

from __future__ import annotations

from typing import Any

from ledger.audit import reportfile
from ledger.audit.reportfile import ReportCode
from scripts.vector_sets import vectors
from tests.audit.render import samples


@vectors("reports")
def report_vectors() -> Any:
    """Files as text, because they are."""
    made = {
        "bare": samples.bare(),
        "eventful": samples.eventful(),
        "chinese": samples.chinese(),
        "hostile": samples.hostile(),
    }
    code = str(ReportCode.of(samples.eventful()))
    return {
        "good": [
            {
                "case": name,
                "file": reportfile.encode(report).decode(),
                "found": reportfile.found(report).decode(),
                "sha256": reportfile.digest(report),
                "code": str(ReportCode.of(report)),
            }
            for name, report in made.items()
        ],
        "bad_codes": [
            {"case": "empty", "code": ""},
            {"case": "no members", "code": "poolproof:report?"},
            {"case": "another scheme", "code": code.replace("poolproof", "POOLPROOF")},
            {"case": "a member is missing", "code": code.replace("&pool=SDART-2026-1", "")},
            {"case": "a member is unknown", "code": f"{code}&x=1"},
            {"case": "a member stands twice", "code": f"{code}&pool=again"},
            {"case": "a leading zero", "code": code.replace("size=", "size=0")},
            {"case": "a letter is escaped that need not be", "code": code.replace("sdart", "%73dart")},
            {"case": "a slash is escaped", "code": code.replace("sdart.example/", "sdart.example%2F")},
            {"case": "a digest is short", "code": code[:-1]},
            {"case": "an empty member at the end", "code": f"{code}&"},
        ],
    }
