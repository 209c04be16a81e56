"""What the tests of the verifier share: anchors that are known, and refusals by their step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from ledger.errors import (
    VerificationError,
)
from ledger.proofs.trust import TrustRoot, WitnessPolicy
from ledger.proofs.verify import (
    AnchorView,
    Level,
    verify_receipt,
)
from tests.samples import (
    TRUST,
    SampleLog,
)

NO_WITNESS = replace(TRUST, witnesses=WitnessPolicy())


@dataclass
class Known:
    """An anchor source that knows one thing: a view, or why it has none."""

    answer: AnchorView | Exception

    def root_at(self, size: int) -> AnchorView:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def view(log: SampleLog, size: int = 6, **changes: Any) -> AnchorView:
    seen = AnchorView(size=size, root=log.checkpoint(size).root, level=Level.FINAL, describes=f"block {size}")
    return replace(seen, **changes)


def refused(step: str, trust: TrustRoot, data: bytes, **options: Any) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        verify_receipt(trust, data, **options)
    assert caught.value.step == step, caught.value
    return caught.value
