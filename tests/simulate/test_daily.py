"""The simulation as daily files: by their mappings they are the very same events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ledger.exchange import plan
from ledger.simulate import Options
from ledger.simulate.daily import Daily
from ledger.tapes import csv, mapping
from tests.simulate.running import events


def test_the_files_are_the_events(tmp_path: Path) -> None:
    options = Options(loans=40, months=2)
    daily = Daily(options)
    forms = {name: mapping.load(name, text) for name, text in daily.mappings().items()}
    expected = plan.parse(daily.plan())
    read: dict[tuple[str, str], dict[str, Any]] = {}
    as_rows = 0
    for of_day in daily.files():
        assert [one.name for one in of_day][:2] == ["loans", "repayments"]
        for file in of_day:
            assert (file.party, file.name) in {(one.party, one.name) for one in expected.file}
            if file.mapping is None:
                found = [json.loads(line) for line in file.data.splitlines()]
            elif file.rows:
                (tmp_path / "file").write_bytes(file.data)
                found = [
                    one
                    for one in csv.read(tmp_path / "file", forms[file.mapping], party=file.party)
                    if isinstance(one, dict)
                ]
                as_rows += len(found)
            else:
                found = []
            assert len(found) == file.rows
            read.update({(one["party"], one["id"]): one | {"posted": file.day.isoformat()} for one in found})
    told = {(one["party"], one["id"]): one for one in events(options)}
    assert read == told
    assert as_rows > len(told) / 2
