"""EIP-712 from its text: any typed data with members of plain types, encoded type by type; and signatures by ECDSA.

The digest is ``keccak(1901 || domain separator || hash of the struct)``. Signing public keys are recovered over
secp256k1 (SEC 1, 4.1.6) in plain integers.
"""

from __future__ import annotations

from typing import Any

from eth_hash.auto import keccak

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
Point = tuple[int, int] | None


def encode_type(name: str, members: list[tuple[str, str]]) -> bytes:
    return (name + "(" + ",".join(kind + " " + member for kind, member in members) + ")").encode()


def encode_value(kind: str, value: Any) -> bytes:
    if kind == "string":
        return keccak(value.encode("utf-8"))
    if kind.startswith("uint"):
        assert 0 <= value < 2 ** int(kind[4:])
        return value.to_bytes(32, "big")
    data = bytes.fromhex(value[2:])
    if kind == "address":
        assert len(data) == 20
        return bytes(12) + data
    assert kind == "bytes32"
    assert len(data) == 32
    return data


def hash_struct(name: str, members: list[tuple[str, str]], values: dict[str, Any]) -> bytes:
    encoded = [encode_value(kind, values[member]) for kind, member in members]
    return keccak(keccak(encode_type(name, members)) + b"".join(encoded))


def attestation_digest(chain_id: int, contract: str, one: dict[str, Any]) -> bytes:
    """The digest of an attestation with the members of its file."""
    domain = hash_struct(
        "EIP712Domain",
        [("string", "name"), ("string", "version"), ("uint256", "chainId"), ("address", "verifyingContract")],
        {
            "name": "Poolproof Attestation",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": contract,
        },
    )
    members = [
        ("bytes32", "log"), ("uint64", "size"), ("bytes32", "root"), ("string", "subject"),
        ("string", "scope"), ("uint64", "rulesVersion"), ("bytes32", "evidence"), ("string", "verdict"),
        ("address", "signer"), ("uint64", "nonce"), ("uint64", "deadline"),
    ]  # fmt: skip
    values = {("rulesVersion" if name == "rules_version" else name): value for name, value in one.items()}
    return keccak(b"\x19\x01" + domain + hash_struct("Attestation", members, values))


def add(a: Point, b: Point) -> Point:
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    rise, run = (3 * a[0] * a[0], 2 * a[1]) if a == b else (b[1] - a[1], b[0] - a[0])
    slope = rise * pow(run, -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(scalar: int, point: Point) -> Point:
    total: Point = None
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def recover(digest: bytes, signature: bytes) -> str:
    """The address whose key made a 65-byte signature with s in the lower half; an assertion where there is none."""
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    assert len(signature) == 65
    assert v in (27, 28)
    assert 0 < r < N
    assert 0 < s <= N // 2
    y = pow(r**3 + 7, (P + 1) // 4, P)
    assert (y * y - r**3 - 7) % P == 0
    if y % 2 != v - 27:
        y = P - y
    e = int.from_bytes(digest, "big")
    key = times(pow(r, -1, N), add(times(s, (r, y)), times(-e % N, G)))
    assert key is not None
    return "0x" + keccak(key[0].to_bytes(32, "big") + key[1].to_bytes(32, "big"))[12:].hex()
