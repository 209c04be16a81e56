"""What the models of all documents are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Hex32 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Base64 = Annotated[str, Field(pattern="^[A-Za-z0-9+/]*={0,2}$")]
Name = Annotated[str, Field(pattern="^[A-Za-z0-9._:-]{1,64}$")]
Instant = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
ChainHex = Annotated[str, Field(pattern="^0x([0-9a-f]{2})+$")]
Count = Annotated[int, Field(ge=0)]
Ppm = Annotated[int, Field(ge=0, le=1_000_000, description="Parts per million.")]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]


class Document(BaseModel):
    """Base: members that are not listed are not there."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Signature(Document):
    """A detached Ed25519 signature; ``key`` names a key of the trust root."""

    key: str
    value: Base64


class RegisterProof(Document):
    """The register entry at the last leaf, and its inclusion proof."""

    entry: Base64
    proof: list[Base64]
