"""Signing in through an identity provider: OpenID Connect's code flow with PKCE, by authlib.

The provider is a setting (``POOLPROOF_OIDC_ISSUER``); everything else of it is read from its discovery document. What
must survive the visit to the provider (state, nonce, PKCE verifier, where to go afterwards) travels in a cookie of the
visitor's own browser, so any process can finish what another began; a callback without that cookie is refused, which
is what keeps a stranger's code out of it.

The provider says *who* somebody is. For which party they act, and with which scopes, says the ledger's own list
(``poolproof party person``); a stranger is turned away whatever groups the provider puts them in.

Authlib and joserfc are imported by the first visit: most services have no provider, and start without them.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from ledger.errors import ConfigurationError, UnauthorisedError, UnavailableError

if TYPE_CHECKING:
    from datetime import datetime

    from authlib.integrations.requests_client import OAuth2Session

    from ledger.settings import Settings

CALLBACK: Final = "/sign-in/callback"
#: How long a visit to the provider may take, from the link to the way back.
VISIT_SECONDS: Final = 600
_TIMEOUT_SECONDS: Final = 10
#: Clocks of provider and ledger may differ by this much.
_LEEWAY_SECONDS: Final = 60
#: Signatures by a public key only: with a shared secret or none, whoever asks could make the token.
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit to the provider that is under way; ``after`` is the page to show when it has succeeded."""

    state: str
    nonce: str
    verifier: str
    after: str

    @classmethod
    def begin(cls, after: str) -> Self:
        """A new one."""
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), after)

    def encode(self) -> str:
        """As the cookie carries it."""
        return base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()

    @classmethod
    def decode(cls, cookie: str) -> Self:
        """Read the cookie. Raises :class:`UnauthorisedError`."""
        try:
            values = json.loads(base64.urlsafe_b64decode(cookie.encode("ascii", "replace")))
            return cls(**{name: str(value) for name, value in values.items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise UnauthorisedError("this sign-in was begun in another browser; begin it again") from error


class Provider:
    """One identity provider, and this service as its client."""

    def __init__(self, *, issuer: str, client_id: str, secret: str | None, redirect: str) -> None:
        parts = urlsplit(issuer)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise ConfigurationError(f"POOLPROOF_OIDC_ISSUER: {issuer}: not https")
        self._issuer = issuer
        self._client_id = client_id
        self._secret = secret
        self._redirect = redirect

    @classmethod
    def of(cls, settings: Settings) -> Provider | None:
        """The provider of the settings; None where none is set. Raises :class:`ConfigurationError`."""
        if settings.oidc_issuer is None:
            return None
        if settings.oidc_client_id is None or settings.public_url is None:
            raise ConfigurationError(
                "POOLPROOF_OIDC_ISSUER: needs POOLPROOF_OIDC_CLIENT_ID and POOLPROOF_PUBLIC_URL"
            )
        secret = settings.oidc_client_secret
        return cls(
            issuer=settings.oidc_issuer,
            client_id=settings.oidc_client_id,
            secret=None if secret is None else secret.get_secret_value(),
            redirect=settings.public_url.rstrip("/") + CALLBACK,
        )

    def address(self, visit: Visit) -> str:
        """Where the visitor goes to say who they are. Raises :class:`UnavailableError`."""
        address, _ = self._session().create_authorization_url(
            self._metadata["authorization_endpoint"],
            state=visit.state,
            nonce=visit.nonce,
            code_verifier=visit.verifier,
        )
        return str(address)

    def subject(self, visit: Visit, returned: str, query: dict[str, str], *, now: datetime) -> str:
        """The provider's stable name of the visitor who came back to the address ``returned``.

        Raises :class:`UnauthorisedError` for whatever does not hold, and :class:`UnavailableError`.
        """
        from authlib.common.errors import AuthlibBaseError
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        if not secrets.compare_digest(query.get("state", "").encode(), visit.state.encode()):
            raise UnauthorisedError("state: not that of the sign-in which this browser began")
        if query.get("iss", self._issuer) != self._issuer:
            raise UnauthorisedError("iss: the answer comes from another provider")  # RFC 9207
        if "error" in query:
            raise UnauthorisedError(f"the identity provider refused: {query['error']}")
        try:
            token = self._session().fetch_token(
                self._metadata["token_endpoint"],
                authorization_response=returned,
                state=visit.state,
                code_verifier=visit.verifier,
                timeout=_TIMEOUT_SECONDS,
            )
            keys = KeySet.import_key_set(self._get(self._metadata["jwks_uri"]))
            claims = jwt.decode(token["id_token"], keys, algorithms=list(_ALGORITHMS)).claims
            self._check(claims, visit, now)
        except (AuthlibBaseError, JoseError, KeyError, ValueError) as error:
            raise UnauthorisedError(f"the identity provider's answer does not hold: {error}") from error
        except OSError as error:
            raise UnavailableError(f"identity provider: {error}") from error
        return str(claims["sub"])

    def _check(self, claims: dict[str, Any], visit: Visit, now: datetime) -> None:
        """OpenID Connect Core 1.0, 3.1.3.7."""
        from joserfc import jwt

        moment = int(now.timestamp())
        jwt.JWTClaimsRegistry(
            now=moment,
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": visit.nonce},
        ).validate(claims)
        if claims.get("azp", self._client_id) != self._client_id:
            raise UnauthorisedError("azp: the token is for another client")

    def _session(self) -> OAuth2Session:
        from authlib.integrations.requests_client import OAuth2Session

        return OAuth2Session(
            self._client_id,
            self._secret,
            scope="openid",
            redirect_uri=self._redirect,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if self._secret else "none",
        )

    @cached_property
    def _metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = self._get(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found.get("issuer") != self._issuer:
            raise ConfigurationError(
                f"POOLPROOF_OIDC_ISSUER: {self._issuer}: the provider calls itself {found.get('issuer')!r}"
            )
        return found

    def _get(self, url: str) -> Any:
        try:
            answer = self._session().request("GET", url, withhold_token=True, timeout=_TIMEOUT_SECONDS)
            answer.raise_for_status()
            return answer.json()
        except (OSError, ValueError) as error:
            raise UnavailableError(f"identity provider: {error}") from error
