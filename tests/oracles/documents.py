"""Receipts, acceptances, claim proofs and seal proofs, verified from the description of the formats alone.

Slow, without ``ledger``, and in another style: the whole check is one function, canonical JSON is whatever
RFC 8785's reference prints, and nothing is remembered. It answers with True or raises.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from typing import Any

import rfc8785

from tests.oracles import ed25519, patricia, rfc9162, signed_note, sumtree
from tests.oracles.signed_note import RefusedError, one_base64

SIGNED = {"repayment.confirmed", "cash.settled", "claim.released", "guarantor.compensated"}


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def need(condition: bool, what: str) -> None:
    if not condition:
        raise RefusedError(what)


def plain(value: Any) -> None:
    """The profile: no floats, safe integers, NFC, simple keys."""
    need(not isinstance(value, float), "float")
    if isinstance(value, str):
        need(unicodedata.normalize("NFC", value) == value, "not NFC")
    elif isinstance(value, list):
        for item in value:
            plain(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            need(re.fullmatch(r"[a-z][a-z0-9_]*", key, re.ASCII) is not None, "key")
            plain(item)


def canonical(data: bytes) -> Any:
    try:
        value = json.loads(data)
        plain(value)
        printed = rfc8785.dumps(value)
    except (ValueError, rfc8785.CanonicalizationError) as error:
        raise RefusedError(str(error)) from error
    need(printed == data, "not canonical")
    return value


def read(data: bytes, kind: str) -> Any:
    need(data[-1:] == b"\n", "no newline")
    value = canonical(data[:-1])
    need(isinstance(value, dict), "no object")
    need(value.get("media_type") == f"application/vnd.poolproof.{kind}.v1+json", "another kind")
    return value


def exact(value: Any, *members: str) -> Any:
    need(isinstance(value, dict) and set(value) == set(members), f"members: {members}")
    return value


def detached(signature: Any, message: bytes, vkeys: list[str]) -> None:
    exact(signature, "key", "value")
    for vkey in vkeys:
        if "+".join(vkey.split("+")[:2]) == signature["key"]:  # base64 may hold a plus too
            key = signed_note.key(vkey)
            need(ed25519.verify(key.public, message, one_base64(signature["value"])), "bad signature")
            return
    raise RefusedError("unknown key")


def valid(spans: Any, size: int) -> list[str]:
    return [
        span["key"] for span in spans if span["from"] <= size and (span["to"] is None or size <= span["to"])
    ]


def service_signed(trust: Any, document: Any, size: int) -> None:
    rest = {key: value for key, value in document.items() if key != "signature"}
    message = document["media_type"].encode() + b"\n" + rfc8785.dumps(rest)
    detached(document["signature"], message, valid(trust["service_keys"], size))


def published(trust: Any, document: Any) -> tuple[signed_note.Tree, bytes]:
    """The signed tree, and the register root that stands at its end."""
    need(document["origin"] == trust["origin"], "another log")
    chain = trust["chain"] or {}
    for name in ("chain_id", "contract", "log_id"):
        need(document[name] is None or document[name] == chain.get(name), "another chain")
    every = [span["key"] for span in trust["log_keys"]] + trust["witnesses"]["keys"]
    body, signers = signed_note.open_note(
        document["checkpoint"].encode(), [signed_note.key(k) for k in every]
    )
    tree = signed_note.checkpoint(body)
    need(tree.origin == trust["origin"], "checkpoint of another log")
    need(any(signed_note.key(k) in signers for k in valid(trust["log_keys"], tree.size)), "no log key")
    leaf = exact(document["register"], "entry", "proof")
    entry = one_base64(leaf["entry"])
    need(len(entry) == 53 and entry[:4] == b"PPR1" and entry[52:] == b"\0", "no register entry")
    need(int.from_bytes(entry[4:12], "big") == tree.size - 1, "register entry of another index")
    proof = [one_base64(item) for item in leaf["proof"]]
    need(
        rfc9162.inclusion_holds(tree.size - 1, tree.size, rfc9162.leaf(entry), proof, tree.root),
        "end of the tree",
    )
    service_signed(trust, document, tree.size)
    return tree, entry[20:52]


def receipt(trust_file: bytes, data: bytes) -> bool:
    trust = read(trust_file, "trust")
    document = exact(
        read(data, "receipt"), "media_type", "origin", "chain_id", "contract", "log_id", "index", "record",
        "disclosures", "proof", "checkpoint", "register", "signature",
    )  # fmt: skip
    tree, _ = published(trust, document)
    text = document["record"].encode()
    record = exact(
        canonical(text), "v", "origin", "id", "type", "subject", "seq", "prev", "effective", "posted", "party",
        "data", "private", "sig", "nonce",
    )  # fmt: skip
    need(record["origin"] == trust["origin"], "record of another log")
    need(record["private"] == sorted(set(record["private"])), "private")
    names = [name for _, name, _ in document["disclosures"]]
    need(len(set(names)) == len(names) and not set(names) & set(record["data"]), "names")
    for triple in document["disclosures"]:
        need(sha(rfc8785.dumps(triple)).hex() in record["private"], "disclosure")
    party = next((party for party in trust["parties"] if party["name"] == record["party"]), {"keys": []})
    if record["sig"] is None:
        need(record["type"] not in SIGNED, "must be signed")
    else:
        names_of_statement = ("origin", "id", "type", "subject", "effective", "party", "data")
        statement = rfc8785.dumps({name: record[name] for name in names_of_statement})
        detached(record["sig"], b"poolproof/statement/v1\n" + statement, party["keys"])
    if record["type"] in {"claim.pledged", "claim.sold"} and record["data"].get("acceptance") is not None:
        offered = {
            "origin": record["origin"], "pool": record["subject"][5:], "holder": record["data"]["holder"],
            "claims": record["data"]["claims"],
        }  # fmt: skip
        keys = [party["keys"] for party in trust["parties"] if party["name"] == offered["holder"]]
        message = b"poolproof/pledge-acceptance/v1\n" + rfc8785.dumps(offered)
        detached(record["data"]["acceptance"], message, keys[0] if keys else [])
    need(document["index"] < tree.size - 1, "index")
    leaf = rfc9162.leaf(sha(text) + b"\0\0\0\0\1")
    proof = [one_base64(item) for item in document["proof"]]
    need(rfc9162.inclusion_holds(document["index"], tree.size, leaf, proof, tree.root), "inclusion")
    return True


def acceptance(trust_file: bytes, data: bytes) -> bool:
    trust = read(trust_file, "trust")
    document = exact(
        read(data, "acceptance"), "media_type", "origin", "id", "party", "digest", "index", "posted", "anchor_by",
        "batch", "proof", "signature",
    )  # fmt: skip
    batch = exact(document["batch"], "first", "count", "root")
    need(document["origin"] == trust["origin"], "another log")
    signed = {name: document[name] for name in ("media_type", "origin", "posted", "anchor_by", "batch")}
    message = document["media_type"].encode() + b"\n" + rfc8785.dumps(signed)
    detached(document["signature"], message, valid(trust["service_keys"], batch["first"] + batch["count"]))
    names = [document[name] for name in ("digest", "id", "index", "party")]
    at, leaf = document["index"] - batch["first"], rfc9162.leaf(rfc8785.dumps(names))
    proof = [one_base64(item) for item in document["proof"]]
    need(
        at >= 0 and rfc9162.inclusion_holds(at, batch["count"], leaf, proof, one_base64(batch["root"])),
        "batch",
    )
    return True


def claim_proof(trust_file: bytes, data: bytes) -> bool:
    trust = read(trust_file, "trust")
    document = exact(
        read(data, "claim-proof"), "media_type", "origin", "chain_id", "contract", "log_id", "checkpoint",
        "register", "presence", "asset_key", "mpt", "encumbrance", "state", "history", "signature",
    )  # fmt: skip
    _, root = published(trust, document)
    key = sha(b"poolproof/claim/v1\0" + bytes.fromhex(document["asset_key"]))
    steps = [(bit, one_base64(sibling)) for bit, sibling in document["mpt"]["steps"]]
    other = document["mpt"]["other"]
    met = None if other is None else (one_base64(other[0]), one_base64(other[1]))
    if not document["presence"]:
        need(
            document["encumbrance"] is None and document["state"] is None and not document["history"],
            "absent",
        )
        need(patricia.holds(root, key, None, met, steps), "absence")
        return True
    place, state = one_base64(document["encumbrance"]), document["state"].encode()
    need(patricia.holds(root, key, sha(place) + sha(state), met, steps), "presence")
    canonical(state)
    version, history, holders = int.from_bytes(place[16:24], "big"), place[24:56], place[56:]
    folded, last = bytes(32), b"\0"
    for link in document["history"]:
        last = bytes([len(link["holders"])])
        for holder in link["holders"]:
            need(holder["party"] is None or party_id(holder["party"]) == holder["holder"], "name of a holder")
            last += bytes.fromhex(holder["holder"]) + holder["share"].to_bytes(4, "big")
        folded = sha(b"poolproof/history/v1\0" + folded + bytes.fromhex(link["digest"]) + last)
    need((version, history, holders) == (len(document["history"]), folded, last), "history")
    return True


def units(text: str) -> int:
    """An amount of a currency with two digits, in units of 1e-8."""
    found = re.fullmatch(r"(0|[1-9][0-9]*)\.([0-9]{2}|[0-9]{2,7}[1-9])", text, re.ASCII)
    need(found is not None, "amount")
    assert found is not None
    return int(found[1]) * 10**8 + int(found[2].ljust(8, "0"))


def seal_proof(trust_file: bytes, data: bytes) -> bool:
    """For a currency with two digits."""
    trust = read(trust_file, "trust")
    document = exact(
        read(data, "seal-proof"), "media_type", "origin", "chain_id", "contract", "log_id", "checkpoint",
        "register", "pool", "header", "leaf", "index", "path", "state", "signature",
    )  # fmt: skip
    tree, root = published(trust, document)
    header = exact(
        canonical(document["header"].encode()), "pool", "currency", "size", "as_of", "root", "count",
        "receivable", "credit", "rules_version", "restates",
    )  # fmt: skip
    pool = exact(document["pool"], "head", "seals", "mpt")
    seals = dict(pool["seals"])
    need(list(seals) == sorted(seals) and len(seals) == len(pool["seals"]), "seals")
    need(seals.get(header["currency"]) == sumtree.seal(header).hex(), "seal")
    value = bytes.fromhex(pool["head"]) + sumtree.last_seal(seals)
    key = sha(b"poolproof/pool/v1\0" + header["pool"].encode())
    steps = [(bit, one_base64(sibling)) for bit, sibling in pool["mpt"]["steps"]]
    need(pool["mpt"]["other"] is None and patricia.holds(root, key, value, None, steps), "pool")
    need(header["size"] < tree.size - 1, "sealed size")
    leaf = exact(document["leaf"], "asset_key", "share", "receivable", "credit", "state")
    claim = (
        sha(b"poolproof/claim/v1\0" + bytes.fromhex(leaf["asset_key"])), leaf["share"],
        units(leaf["receivable"]), units(leaf["credit"]), bytes.fromhex(leaf["state"]),
    )  # fmt: skip
    total = (
        bytes.fromhex(header["root"]), header["count"], units(header["receivable"]), units(header["credit"]),
    )  # fmt: skip
    path = [
        (one_base64(exact(one, "hash", "receivable", "credit")["hash"]), units(one["receivable"]), units(one["credit"]))
        for one in document["path"]
    ]  # fmt: skip
    need(sumtree.place_holds(total, claim, document["index"], path), "place")
    if document["state"] is not None:
        state = canonical(document["state"].encode())
        need(sha(document["state"].encode()) == claim[4], "state")
        need(state["last_index"] < header["size"] - 1 and state["currency"] == header["currency"], "claim")
    return True


def party_id(name: str) -> str:
    return sha(b"poolproof/party/v1\0" + name.encode()).hex()


def tlog_proof(text: bytes, vkey: str, entry: bytes) -> bool:
    """https://c2sp.org/tlog-proof, "Verifying a tlog proof"."""
    head, _, note = text.partition(b"\n\n")
    lines = head.decode().split("\n")
    need(lines.pop(0) == "c2sp.org/tlog-proof@v1", "first line")
    if lines[0].startswith("extra "):
        base64.b64decode(lines.pop(0)[6:], validate=True)
    index = re.fullmatch(r"index (0|[1-9][0-9]*)", lines.pop(0))
    need(index is not None, "index")
    assert index is not None
    body, _ = signed_note.open_note(note, [signed_note.key(vkey)])
    tree = signed_note.checkpoint(body)
    proof = [one_base64(line) for line in lines]
    need(
        rfc9162.inclusion_holds(int(index[1]), tree.size, rfc9162.leaf(entry), proof, tree.root), "inclusion"
    )
    return True
