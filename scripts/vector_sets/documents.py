"""Vectors of the files of a verification: trust root, receipts, acceptances, claim and seal proofs, encumbrances.

The log behind them is the sample of the tests. The bad files are made from good ones by one change each, and
signed anew, so that what is wrong lies below the signature unless its name says otherwise.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from ledger.errors import PoolproofError
from ledger.proofs import mpt
from ledger.proofs.canonical import b64encode
from ledger.proofs.encumbrance import (
    claim_key,
    claim_value,
    encode_holders,
    holder_id,
    pool_key,
    weak_asset_key,
)
from ledger.proofs.entries import RegisterEntry
from ledger.proofs.seal import SealHeader
from ledger.proofs.verify import verify_file
from scripts.vector_sets import Case, flip, vectors
from tests import samples as s

KEY, OTHER = bytes([10]) * 32, bytes([11]) * 32
HISTORY = s.links((0, {"bank": 600_000}), (3, {"bank": 600_000, "trust": 400_000}), (4, {"trust": 400_000}))

PLACE = s.encumbrance(HISTORY, bytes(range(16)))


def _log() -> s.SampleLog:
    log = s.SampleLog()
    log.append(s.record(0), s.signed_record(1), s.pledge_record(2, private=[]))
    log.append(*[s.record(index) for index in range(3, 7)])
    s.put_claim(log, KEY, PLACE, s.claim_state())
    log.register[pool_key("P1")] = bytes(64)
    log.publish()
    return log


LOG = _log()


def _case(name: str, data: bytes) -> Case:
    """A file with what the verifier makes of it: the levels, or the kind of error and its step."""
    result: Case = {"case": name, "file": data.decode()}
    try:
        verdict = verify_file(s.TRUST, data)
    except PoolproofError as error:
        return result | {"good": False, "error": error.code, "step": getattr(error, "step", None)}
    return result | {"good": True, "levels": sorted(str(level) for level in verdict.levels)}


@vectors("documents")
def document_vectors() -> Any:
    """Whole files, good and bad, under one trust root."""
    return {
        "trust": {"file": s.TRUST.encode().decode(), "fingerprint": s.TRUST.fingerprint},
        "receipts": _receipts(),
        "acceptances": _acceptances(),
        "claim_proofs": _claim_proofs(),
        "seal_proofs": _seal_proofs(),
        "tlog_proof": {
            "receipt": LOG.receipt(1).encode().decode(),
            "entry": LOG.entries[1].hex(),
            "log_key": s.LOG.verifier.vkey,
            "file": LOG.receipt(1).tlog_proof().decode(),
        },
    }


def _receipts() -> list[Case]:
    good = LOG.receipt(1)
    data = good.encode()
    size = len(LOG.entries)
    alone = s.SampleLog()
    alone.append(s.record(0, type="cash.settled"))
    alone.publish()
    ends_in_record = _log()
    ends_in_record.append(s.record(9))
    lying = _log()
    lying.entries[-1] = RegisterEntry(0, 2, bytes(32)).encode()
    forged = s.SampleLog()
    forged.append(s.signed_record(0).replace("207.10", "207.11"))
    forged.publish()
    signature = good.signature
    assert signature is not None
    cases = {
        "plain": LOG.receipt(0),
        "signed by its party": good,
        "a pledge with the pledgee's acceptance": LOG.receipt(2, disclosures=()),
        "cosigned": LOG.receipt(1, note=LOG.note(size, witnesses=2)),
        "no private field shown": LOG.receipt(1, disclosures=()),
        "before the log was bound to a chain": LOG.receipt(1, chain=None),
        "the first of two": s.simple_log(1).receipt(0),
        "signed by a stranger": LOG.receipt(1, by=s.STRANGER),
        "signed by the log key": LOG.receipt(1, by=s.LOG),
        "the signature changed": replace(good, signature=replace(signature, value=flip(signature.value))),
        "checkpoint by a stranger": LOG.receipt(1, note=LOG.note(size, by=s.STRANGER)),
        "another origin": LOG.receipt(1, origin="other.example/log"),
        "another chain": LOG.receipt(1, chain=replace(s.CHAIN.binding, chain_id=1)),
        "another index": LOG.receipt(1, index=2),
        "a proof hash changed": LOG.receipt(1, proof=(flip(good.proof[0]), *good.proof[1:])),
        "a proof hash left out": LOG.receipt(1, proof=good.proof[:-1]),
        "another record": LOG.receipt(1, record=s.record(0)),
        "a private value changed": LOG.receipt(1, disclosures=((*s.DISCLOSURE[:2], "other"),)),
        "a private value twice": LOG.receipt(1, disclosures=(s.DISCLOSURE, s.DISCLOSURE)),
        "settled cash without the bank's signature": alone.receipt(0),
        "the statement changed under its signature": forged.receipt(0),
        "a tree that ends in a record": ends_in_record.receipt(1),
        "a register entry that lies about its index": lying.receipt(1),
        "the register proof empty": LOG.receipt(1, register=replace(good.register, proof=())),
    }
    spelled = {
        "no newline at the end": data[:-1],
        "a space": data.replace(b'"index":', b'"index": '),
        "a member twice": data.replace(b'"index":1', b'"index":1,"index":1'),
        "a float": data.replace(b'"index":1', b'"index":1.0'),
        "base64 with spare bits": _spare_bits(data, good.proof[0]),
    }
    return [_case(name, receipt.encode()) for name, receipt in cases.items()] + [
        _case(name, changed) for name, changed in spelled.items()
    ]


def _spare_bits(data: bytes, value: bytes) -> bytes:
    text = b64encode(value)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = text[:-2] + alphabet[alphabet.index(text[-2]) ^ 1] + "="
    return data.replace(text.encode(), other.encode())


def _acceptances() -> list[Case]:
    texts = [s.record(index) for index in range(7)]
    batch = s.acceptances(10, texts)
    good = batch[3]
    return [
        *[_case(f"number {at} of seven", one.encode()) for at, one in enumerate(batch)],
        _case("a batch of one", s.acceptances(0, texts[:1])[0].encode()),
        _case("another digest", replace(good, digest=flip(good.digest)).encode()),
        _case("another index", replace(good, index=12).encode()),
        _case("another time", replace(good, batch=replace(good.batch, anchor_by=s.POSTED)).encode()),
        _case("signed by a stranger", s.acceptances(10, texts, by=s.STRANGER)[0].encode()),
    ]


def _claim_proofs() -> list[Case]:
    facts: dict[str, Any] = {
        "encumbrance": PLACE,
        "state": s.claim_state(),
        "history": HISTORY,
    }
    swapped = (replace(HISTORY[0], digest=HISTORY[1].digest), *HISTORY[1:])
    cases = {
        "pledged": LOG.claim_proof(KEY, **facts),
        "absent": LOG.claim_proof(OTHER),
        "absent, by the proof of another": LOG.claim_proof(KEY, proof=LOG.claim_proof(OTHER).proof),
        "another state": LOG.claim_proof(KEY, **facts | {"state": s.claim_state(principal="1.00")}),
        "a change left out": LOG.claim_proof(KEY, **facts | {"history": HISTORY[1:]}),
        "a change by another record": LOG.claim_proof(KEY, **facts | {"history": swapped}),
        "signed by a stranger": LOG.claim_proof(KEY, **facts, by=s.STRANGER),
    }
    return [_case(name, proof.encode()) for name, proof in cases.items()]


def _seal_proofs() -> list[Case]:
    claims = s.sealed_claims(7)
    keys = sorted(claims, key=lambda asset_key: claims[asset_key].key)
    first, last = keys[0], keys[-1]
    header = s.seal_header(claims)
    dollars = s.seal_header(s.sealed_claims(1), currency="USD")
    state = {key: s.claim_state(loan=f"L{at}") for at, key in enumerate(claims, 1)}

    def log(*headers: SealHeader) -> s.SampleLog:
        sealed = _log()
        s.put_seal(sealed, *(headers or (header,)))
        sealed.entries.pop()
        sealed.publish()
        return sealed

    sealed = log()
    good = sealed.seal_proof(header, claims, first)
    shown = sealed.seal_proof(header, claims, first, state=state[first])
    both = log(header, dollars)
    others = (("USD", dollars.seal),)
    fewer = {key: leaf for key, leaf in claims.items() if key != last}
    foreign = replace(header, pool="P2")
    late = replace(header, size=len(sealed.entries))
    lower = replace(header, total=header.total._replace(receivable=header.total.receivable - 1))
    cases = {
        "with the state opened": shown,
        "the state kept back": good,
        "the last of seven": sealed.seal_proof(header, claims, last, state=state[last]),
        "a pool of two currencies": both.seal_proof(header, claims, first, others=others),
        "a seal of another pool": sealed.seal_proof(foreign, claims, first),
        "the seal of the other currency left out": both.seal_proof(header, claims, first),
        "a seal over one claim less": sealed.seal_proof(s.seal_header(fewer), fewer, first),
        "a seal of lower sums": sealed.seal_proof(lower, claims, first),
        "a seal that the register does not hold, of two that were made": sealed.seal_proof(
            replace(header, restates=bytes(32)), claims, first
        ),
        "the size sealed is not before the register": log(late).seal_proof(late, claims, first),
        "sums that are not those of the tree": log(lower).seal_proof(lower, claims, first),
        "another head of the pool": sealed.seal_proof(
            header, claims, first, pool=replace(good.pool, head=bytes(32))
        ),
        "the place of another": sealed.seal_proof(header, claims, first, index=1),
        "a leaf of another share": sealed.seal_proof(header, claims, first, leaf=replace(good.leaf, share=1)),
        "a claim of another pool": sealed.seal_proof(
            header, claims, first, asset_key=KEY, leaf=replace(good.leaf, key=claim_key(KEY))
        ),
        "a step left out": sealed.seal_proof(header, claims, first, path=good.path[:-1]),
        "another state": sealed.seal_proof(header, claims, first, state=state[last]),
        "signed by a stranger": sealed.seal_proof(header, claims, first, by=s.STRANGER),
    }
    data = good.encode()
    spelled = {
        "a total with a zero too many": data.replace(b'\\"credit\\":\\"5.00\\"', b'\\"credit\\":\\"5.000\\"'),
        "the asset key of another": data.replace(first.hex().encode(), last.hex().encode()),
    }
    return [_case(name, proof.encode()) for name, proof in cases.items()] + [
        _case(name, changed) for name, changed in spelled.items()
    ]


@vectors("encumbrances")
def encumbrance_vectors() -> Any:
    """Keys, values, holders and the chained history of a claim's place."""
    steps = []
    for count in range(len(HISTORY) + 1):
        place = s.encumbrance(HISTORY[:count], bytes(range(16)))
        link = HISTORY[count - 1] if count else None
        steps.append(
            {
                "version": place.version,
                "record_digest": None if link is None else link.digest.hex(),
                "holders": encode_holders(place.holders).hex(),
                "history": place.history.hex(),
                "encumbrance": place.encode().hex(),
                "digest": hashlib.sha256(place.encode()).hexdigest(),
            }
        )
    state = s.claim_state()
    place = PLACE
    return {
        "holder_ids": {name: holder_id(name).hex() for name in ("bank", "trust")},
        "claim_keys": {KEY.hex(): claim_key(KEY).hex(), OTHER.hex(): claim_key(OTHER).hex()},
        "pool_keys": {"P1": pool_key("P1").hex()},
        "weak_asset_key": {
            "origin": s.ORIGIN, "loan": "L1", "claim": "c1", "key": weak_asset_key(s.ORIGIN, "L1", "c1").hex(),
        },
        "history": steps,
        "state": state.encode().decode(),
        "claim_value": claim_value(place.encode(), state.encode()).hex(),
        "register_root": mpt.root(LOG.register).hex(),
    }  # fmt: skip
