"""Calls, results, events and reverts of one contract, by its ABI (Solidity contract ABI specification)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eth_hash.auto import keccak

from ledger.errors import MalformedError

_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")


class Revert(Exception):  # noqa: N818 - not an error of the package: it never leaves ledger.chain
    """The contract refused. ``name`` is its custom error, ``arguments`` that error's members by name."""

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        shown = ", ".join(f"{key}={_shown(value)}" for key, value in arguments.items())
        super().__init__(f"{name}({shown})")
        self.name = name
        self.arguments = dict(arguments)


class ContractAbi:
    """Encodes and decodes for the functions, events and errors in ``abi`` (the compiler's JSON)."""

    def __init__(self, abi: Sequence[Mapping[str, Any]]) -> None:
        self.functions = {item["name"]: item for item in abi if item["type"] == "function"}
        self.events = {item["name"]: item for item in abi if item["type"] == "event"}
        self.errors = {selector(item): item for item in abi if item["type"] == "error"}
        self.constructor: Mapping[str, Any] = next(
            (item for item in abi if item["type"] == "constructor"), {"inputs": []}
        )

    def encode(self, function: str, *arguments: Any) -> bytes:
        """Call data."""
        item = self.functions[function]
        return selector(item) + self._arguments(item["inputs"], arguments)

    def creation(self, *arguments: Any) -> bytes:
        """What follows the bytecode in a deployment."""
        return self._arguments(self.constructor["inputs"], arguments)

    def decode(self, function: str, data: bytes) -> dict[str, Any]:
        """A result by the names of the outputs; a single unnamed output is called ``value``.

        Structs become dicts, addresses 20 bytes. Raises :class:`MalformedError`.
        """
        outputs = self.functions[function]["outputs"]
        return self._named(outputs, data, f"result of {function}")

    def topic(self, event: str) -> bytes:
        """The first topic of an event."""
        return keccak(_signature(self.events[event]).encode())

    def decode_event(self, event: str, data: bytes) -> dict[str, Any]:
        """The members of an event that are not in its topics, by name. Raises :class:`MalformedError`."""
        inputs = [item for item in self.events[event]["inputs"] if not item["indexed"]]
        return self._named(inputs, data, f"event {event}")

    def revert(self, data: bytes | None, message: str) -> Revert:
        """What the contract said when it reverted with ``data``."""
        if not data:
            return Revert("Reverted", {"message": message})
        head, body = data[:4], data[4:]
        if head == _ERROR_STRING:
            return Revert("Error", self._named([{"name": "message", "type": "string"}], body, "revert"))
        if head == _PANIC:
            return Revert("Panic", self._named([{"name": "code", "type": "uint256"}], body, "revert"))
        if head in self.errors:
            item = self.errors[head]
            return Revert(item["name"], self._named(item["inputs"], body, "revert"))
        return Revert("UnknownError", {"data": data})

    @staticmethod
    def _arguments(inputs: Sequence[Mapping[str, Any]], arguments: Sequence[Any]) -> bytes:
        from eth_abi.abi import encode

        return encode(_types(inputs), arguments)

    @staticmethod
    def _named(outputs: Sequence[Mapping[str, Any]], data: bytes, what: str) -> dict[str, Any]:
        from eth_abi.abi import decode
        from eth_abi.exceptions import DecodingError

        try:
            values = decode(_types(outputs), data)
        except DecodingError as error:
            raise MalformedError(what, str(error)) from error
        return _by_name(outputs, values)


def selector(item: Mapping[str, Any]) -> bytes:
    """The first four bytes of call or revert data."""
    return keccak(_signature(item).encode())[:4]


def _signature(item: Mapping[str, Any]) -> str:
    return f"{item['name']}({','.join(_types(item['inputs']))})"


def _types(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return [_type(item) for item in items]


def _type(item: Mapping[str, Any]) -> str:
    kind: str = item["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_types(item['components']))}){kind.removeprefix('tuple')}"


def _by_name(items: Sequence[Mapping[str, Any]], values: Sequence[Any]) -> dict[str, Any]:
    return {
        item["name"] or ("value" if len(items) == 1 else str(place)): _plain(item, value)
        for place, (item, value) in enumerate(zip(items, values, strict=True))
    }


def _plain(item: Mapping[str, Any], value: Any) -> Any:
    kind: str = item["type"]
    if kind == "tuple":
        return _by_name(item["components"], value)
    if kind.endswith("]"):
        inner = {**item, "type": kind[: kind.rindex("[")]}
        return [_plain(inner, element) for element in value]
    return bytes.fromhex(value[2:]) if kind == "address" else value


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
