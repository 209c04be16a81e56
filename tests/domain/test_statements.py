from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ledger.domain import statements
from ledger.domain.events import Sig, read_submission
from ledger.errors import RefusedError
from ledger.proofs import canonical, recordform
from tests.domain.examples import BANK, DATA, FUND, ORIGIN, raw, submission

KEYS = (BANK.verifier.vkey,)


def refused(one: Any, keys: tuple[str, ...] = KEYS) -> RefusedError:
    with pytest.raises(RefusedError) as error:
        statements.check_signature(one, ORIGIN, keys)
    assert error.value.rule == "signature"
    return error.value


def test_a_signed_statement() -> None:
    signed = statements.sign_submission(BANK, ORIGIN, submission("claim.released"))
    statements.check_signature(signed, ORIGIN, (FUND.verifier.vkey, *KEYS))


def test_a_signature_travels_in_the_line() -> None:
    signed = statements.sign_submission(BANK, ORIGIN, submission("claim.released"))
    assert signed.sig is not None
    again = read_submission(raw("claim.released", sig={"key": signed.sig.key, "value": signed.sig.value}))
    statements.check_signature(again, ORIGIN, KEYS)


def test_a_missing_signature_where_one_is_required() -> None:
    assert "must be signed by bank" in refused(submission("claim.released")).reason


def test_elsewhere_its_absence_is_no_refusal() -> None:
    statements.check_signature(submission("repayment.received"), ORIGIN, ())


@pytest.mark.parametrize(
    "change",
    [
        {"id": "e2"},
        {"effective": "2026-06"},
        {"subject": "pool:Q"},
        {"data": {"reason": "error"}},
        {"party": "fund"},
    ],
)
def test_a_signature_is_over_every_part_of_the_statement(change: dict[str, Any]) -> None:
    signed = statements.sign_submission(BANK, ORIGIN, submission("claim.released"))
    moved = msgspec.structs.replace(submission("claim.released", **change), sig=signed.sig)
    assert refused(moved).field == "sig"


def test_a_signature_for_another_log() -> None:
    signed = statements.sign_submission(BANK, "other.example/log", submission("claim.released"))
    assert refused(signed).field == "sig"


def test_a_key_that_the_party_has_not_published() -> None:
    signed = statements.sign_submission(FUND, ORIGIN, submission("claim.released"))
    assert refused(signed).field == "sig.key"
    assert refused(signed, ()).field == "sig.key"


def test_a_forged_signature_on_an_event_that_needs_none() -> None:
    signed = statements.sign_submission(FUND, ORIGIN, submission("repayment.received"))
    assert signed.sig is not None
    forged = msgspec.structs.replace(signed, sig=Sig(key=BANK.verifier.reference, value=signed.sig.value))
    assert refused(forged).field == "sig"


@pytest.mark.parametrize(
    "value", ["", "AAAA", "!!", canonical.b64encode(bytes(63)), canonical.b64encode(bytes(64))[:-1]]
)
def test_a_signature_of_a_wrong_form(value: str) -> None:
    one = msgspec.structs.replace(
        submission("claim.released"), sig=Sig(key=BANK.verifier.reference, value=value)
    )
    assert refused(one).field == "sig.value"


# -- the holder's acceptance ----------------------------------------------------------------------------------


def accepted(**changes: Any) -> Any:
    one = submission("claim.pledged", **changes)
    message = statements.acceptance_bytes(ORIGIN, one.name, one.event.holder, one.event.claims)
    return submission("claim.pledged", **changes, data={"acceptance": statements.sign(BANK, message)})


def test_the_bytes_are_those_of_the_verifier() -> None:
    one = submission("claim.sold")
    claims = DATA["claim.sold"]["claims"]
    wanted = recordform.pledge_acceptance_bytes(origin=ORIGIN, pool="P", holder="fund", claims=claims)
    assert statements.acceptance_bytes(ORIGIN, "P", "fund", one.event.claims) == wanted


def test_an_acceptance_verifies_or_is_absent() -> None:
    assert statements.check_acceptance(accepted(), ORIGIN, KEYS)
    assert not statements.check_acceptance(submission("claim.pledged"), ORIGIN, KEYS)
    value = raw("claim.pledged")
    value["data"]["acceptance"] = None
    assert not statements.check_acceptance(read_submission(value), ORIGIN, KEYS)


def test_an_acceptance_is_for_these_claims_in_this_pool() -> None:
    acceptance = accepted().data["acceptance"]
    for moved in (
        submission("claim.pledged", subject="pool:Q", data={"acceptance": acceptance}),
        submission(
            "claim.pledged", data={"acceptance": acceptance, "claims": [{"loan": "L2", "claim": "a"}]}
        ),
        submission(
            "claim.pledged",
            data={"acceptance": acceptance, "claims": [{"loan": "L1", "claim": "a", "share": 1}]},
        ),
    ):
        with pytest.raises(RefusedError) as error:
            statements.check_acceptance(moved, ORIGIN, KEYS)
        assert error.value.field == "data.acceptance"


def test_an_acceptance_by_another_party() -> None:
    with pytest.raises(RefusedError) as error:
        statements.check_acceptance(accepted(), ORIGIN, (FUND.verifier.vkey,))
    assert error.value.field == "data.acceptance.key"
