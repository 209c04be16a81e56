"""Vectors of canonical JSON."""

from __future__ import annotations

from typing import Any

from ledger.proofs import canonical
from scripts.vector_sets import cases, vectors

BAD_TEXTS = {
    "empty": "",
    "broken": '{"a":',
    "two values": "1 2",
    "a comma at the end": "[1,]",
    "a comment": "[1/*one*/]",
    "single quotes": "{'a':1}",
    "a byte order mark": "\ufeff{}",
    "a float": "1.5",
    "a float without a fraction": "1.0",
    "an exponent": "1e3",
    "minus zero": "-0",
    "a leading zero": "01",
    "a plus": "+1",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "2^53": str(2**53),
    "-2^53": str(-(2**53)),
    "a thousand digits": "9" * 1000,
    "a key twice": '{"a":1,"a":1}',
    "a key twice, spelled in two ways": '{"a":1,"\\u0061":1}',
    "a key twice, inside": '[{"b":{"a":1,"a":2}}]',
    "a key in capitals": '{"A":1}',
    "an empty key": '{"":1}',
    "a key that begins with a digit": '{"1a":1}',
    "a key with a hyphen": '{"a-b":1}',
    "a key that ends in a newline": '{"a\\n":1}',
    "a lone high surrogate": '"\\ud83d"',
    "a lone low surrogate": '"\\udcb0"',
    "a string that is not NFC": '"e\\u0301"',
    "a compatibility character with a decomposition": '"\\u212b"',
    "a control character in a string": '"\x01"',
    "too deep": "[" * 65 + "]" * 65,
    "far too deep": "[" * 5000 + "]" * 5000,
}


@vectors("canonical")
def canonical_vectors() -> Any:
    """Values and their bytes; texts that no profile reader may accept."""
    values: list[Any] = [
        None,
        True,
        False,
        0,
        -1,
        2**53 - 1,
        -(2**53) + 1,
        "",
        "a",
        "\u5206\u671f\u4e50",
        "\U0001f4b0",
        "\u00e9",
        '"\\/\b\f\n\r\t\x00\x1f\x7f\u2028',
        [],
        {},
        [[], [{}]],
        {"b": 1, "a": 2, "a_b": 3, "a1": 4, "ab": 5},
        {"amount": "207.10", "currency": "CNY"},
        [None, [1, "1", True]],
    ]
    return {
        "values": [{"value": value, "bytes": canonical.encode(value).decode()} for value in values],
        "bad": cases("text", BAD_TEXTS),
        "other_spellings": [
            {"text": text, "bytes": canonical.encode(canonical.decode(text)).decode()}
            for text in (
                ' { "b" : 1 , "a" : [ ] } ',
                '"\\u0061\\/"',
                '"\\u5206\\ud83d\\udcb0"',
                '{"b":1,"a":2}',
                "\t\n1\r\n",
                '"\\u007f\\u001F"',
            )
        ],
    }
