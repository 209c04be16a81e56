"""The register's pages against the map by definition."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import register
from ledger.errors import IntegrityError
from ledger.proofs import mpt


class Pages(dict[int, bytes]):
    """Pages in memory, as the store keeps them."""

    def read(self, ids: object) -> dict[int, bytes]:
        return {page: self[page] for page in ids}  # type: ignore[attr-defined]

    def apply(self, page: int, changes: dict[bytes, bytes]) -> register.Update:
        result = register.update(self.read, page, len(self) + 1, changes)
        assert not set(self) & {page_id for page_id, _ in result.written}
        self.update(result.written)
        return result


def value(seed: object) -> bytes:
    return hashlib.sha512(repr(seed).encode()).digest()


#: Keys that crowd together, so that buckets split and bits are skipped.
keys = st.one_of(
    st.integers(0, 400).map(lambda n: hashlib.sha256(str(n).encode()).digest()),
    st.integers(0, 400).map(lambda n: n.to_bytes(2) + bytes(30)),
    st.integers(0, 255).map(lambda n: bytes(31) + bytes([n])),
)
batches = st.lists(
    st.dictionaries(keys, st.integers(0, 9).map(value), min_size=1, max_size=80), min_size=1, max_size=6
)


@given(batches, st.lists(keys, min_size=1, max_size=10))
def test_every_version_has_the_root_and_the_proofs_of_its_map(
    batches: list[dict[bytes, bytes]], absent: list[bytes]
) -> None:
    pages, page, whole = Pages(), 0, {}
    versions = []
    for changes in batches:
        before = len(whole)
        whole = {**whole, **changes}
        result = pages.apply(page, changes)
        page = result.page
        assert result.root == mpt.root(whole)
        assert result.added == len(whole) - before
        versions.append((page, result.root, whole))
    for page, root, mapping in versions:
        assert list(register.leaves(pages.read, page)) == sorted(mapping.items())
        asked = sorted({*list(mapping)[::2], *absent})
        assert register.values(pages.read, page, asked) == {
            key: mapping[key] for key in asked if key in mapping
        }
        for key in [*list(mapping)[:5], *absent]:
            found = register.lookup(pages.read, page, key)
            assert found.value == mapping.get(key)
            assert found.proof == mpt.prove(mapping, key)
            if found.value is None:
                mpt.verify_absence(root, key, found.proof)
            else:
                mpt.verify_presence(root, key, found.value, found.proof)


def test_an_update_shares_the_pages_it_did_not_touch() -> None:
    pages = Pages()
    whole = {hashlib.sha256(str(n).encode()).digest(): value(n) for n in range(20_000)}
    first = pages.apply(0, whole)
    one = hashlib.sha256(b"7").digest()
    second = pages.apply(first.page, {one: value("new")})
    assert len(second.written) == len(second.replaced) <= 5
    assert second.root == mpt.root({**whole, one: value("new")})


def test_nothing_is_in_an_empty_register() -> None:
    found = register.lookup(Pages().read, 0, bytes(32))
    assert found.value is None
    assert register.values(Pages().read, 0, [bytes(32)]) == {}
    mpt.verify_absence(mpt.EMPTY_ROOT, bytes(32), found.proof)


@pytest.mark.parametrize(("key", "stored"), [(b"short", bytes(64)), (bytes(32), b"short")])
def test_keys_and_values_have_one_length(key: bytes, stored: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        register.update(Pages().read, 0, 1, {key: stored})


@given(batches)
def test_what_changed_between_two_versions_is_all_that_changed(batches: list[dict[bytes, bytes]]) -> None:
    pages, page, whole = Pages(), 0, {}
    versions: list[tuple[int, dict[bytes, bytes]]] = [(0, {})]
    for changes in batches:
        whole = {**whole, **changes}
        page = pages.apply(page, changes).page
        versions.append((page, whole))
    for old, before in versions:
        for new, after in versions:
            changed = {
                key: after.get(key)
                for key in before.keys() | after.keys()
                if before.get(key) != after.get(key)
            }
            assert dict(register.changed(pages.read, old, new)) == changed
            for prefix in ("0", "f", "7a"):
                part = {key: value for key, value in changed.items() if key.hex().startswith(prefix)}
                assert dict(register.changed(pages.read, old, new, prefix)) == part


def test_what_changed_is_found_where_a_bucket_became_many_pages() -> None:
    pages = Pages()
    keys = [hashlib.sha256(b"%d" % n).digest() for n in range(5_000)]
    small = pages.apply(0, {key: bytes(64) for key in keys[:20]}).page
    large = pages.apply(small, dict.fromkeys(keys[10:], b"\x01" * 64)).page
    changed = dict.fromkeys(keys[10:], b"\x01" * 64)
    assert dict(register.changed(pages.read, small, large)) == changed
    assert dict(register.changed(pages.read, large, small)) == {
        key: bytes(64) if place < 20 else None for place, key in enumerate(keys) if place >= 10
    }
    asked: set[int] = set()

    def read(ids: Iterable[int]) -> Mapping[int, bytes]:
        asked.update(ids)
        return pages.read(ids)

    found = dict(register.changed(read, small, large, "a5"))
    assert found == {key: value for key, value in changed.items() if key.hex().startswith("a5")}
    assert len(asked) <= 4, "only the way down to the part, and the part itself"


# -- pages from elsewhere ------------------------------------------------------------------------------------


def _paged(count: int) -> tuple[dict[int, bytes], register.Update]:
    """The pages of a register with so many keys."""
    changes = {hashlib.sha256(b"%d" % n).digest(): b"%064d" % n for n in range(count)}
    made = register.update(lambda _ids: {}, 0, 1, changes)
    return dict(made.written), made


@pytest.mark.parametrize("count", [0, 1, 32, 33, 700])
def test_pages_are_what_leads_to_them(count: int) -> None:
    pages, made = _paged(count) if count else ({}, None)
    page, root = (made.page, made.root) if made else (0, mpt.EMPTY_ROOT)
    verified: dict[int, tuple[bytes, str]] = {}
    register.verify(lambda ids: {one: pages[one] for one in ids}, page, root, verified)
    assert verified.keys() == pages.keys()
    # What registers share is walked once.
    register.verify(lambda ids: {one: pages[one] for one in ids if one not in verified}, page, root, verified)


@pytest.mark.parametrize("lie", ["a leaf", "a slot", "missing", "another root", "no page", "swapped"])
def test_pages_that_are_not_are_refused(lie: str) -> None:
    pages, made = _paged(700)
    page, root = made.page, made.root
    bucket = next(one for one, data in sorted(pages.items()) if data[:1] == b"\x00")
    other = next(one for one, data in sorted(pages.items()) if data[:1] == b"\x00" and one != bucket)
    if lie == "a leaf":
        pages[bucket] = pages[bucket][:-1] + b"x"
    elif lie == "a slot":
        pages[page] = pages[page][:9] + bytes([pages[page][9] ^ 1]) + pages[page][10:]
    elif lie == "missing":
        del pages[bucket]
    elif lie == "another root":
        root = bytes(32)
    elif lie == "no page":
        page = 0
    else:
        pages[bucket], pages[other] = pages[other], pages[bucket]
    with pytest.raises(IntegrityError):
        register.verify(lambda ids: {one: pages[one] for one in ids if one in pages}, page, root, {})


def test_pages_that_go_deeper_than_any_key_are_refused() -> None:
    slot, none = struct.Struct(">Q32s"), bytes(40)
    key = bytes(32)
    pages = {1: b"\0" + key + b"\1" * 64}
    for page in range(2, 68):
        pages[page] = b"\1" + slot.pack(page - 1, b"\7" * 32) + none * 15
    pages[68] = b"\0" + key + b"\2" * 64

    def read(ids: Iterable[int]) -> Mapping[int, bytes]:
        return {one: pages[one] for one in ids}

    for ask in (
        lambda: list(register.changed(read, 68, 67)),
        lambda: register.values(read, 67, [key]),
        lambda: register.update(read, 67, 69, {key: bytes(64)}),
    ):
        with pytest.raises(IntegrityError, match="deeper"):
            ask()
