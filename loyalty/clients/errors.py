"""What can go wrong with partners' machines."""

from loyalty.errors import Conflict, Missing, Refused


class UnknownClient(Missing):
    """There is no such client."""

    code = "unknown_client"

    def __init__(self, *, client_id: str) -> None:
        super().__init__(client_id=client_id)


class UnknownScope(Refused):
    """There is no such scope."""

    code = "unknown_scope"

    def __init__(self, *, scope: str) -> None:
        super().__init__(scope=scope)


class ScopesMissing(Refused):
    """A client needs at least one scope."""

    code = "scopes_missing"

    def __init__(self) -> None:
        super().__init__()


class ContactMissing(Refused):
    """Whoever asks members for a consent tells them how to be reached."""

    code = "contact_missing"

    def __init__(self) -> None:
        super().__init__()


class NothingChanges(Refused):
    """It is asked for what is so already."""

    code = "nothing_changes"

    def __init__(self) -> None:
        super().__init__()


class NameMissing(Refused):
    """A client needs a name."""

    code = "name_missing"

    def __init__(self) -> None:
        super().__init__()


class BadRedirect(Refused):
    """A way back must be an https address without a fragment, or one on loopback."""

    code = "bad_redirect"

    def __init__(self, *, redirect_uri: str) -> None:
        super().__init__(redirect_uri=redirect_uri)


class BadClientKey(Refused):
    """The public key of a client cannot be relied on."""

    code = "bad_client_key"

    def __init__(self, *, fault: str) -> None:
        super().__init__(fault=fault)


class NoSecretHere(Conflict):
    """This client proves itself with keys and has no secret."""

    code = "no_secret_here"

    def __init__(self, *, client_id: str) -> None:
        super().__init__(client_id=client_id)


class NoKeysHere(Conflict):
    """This client proves itself with a secret and has no keys."""

    code = "no_keys_here"

    def __init__(self, *, client_id: str) -> None:
        super().__init__(client_id=client_id)


class ClientDisabled(Conflict):
    """The client is let in no more."""

    code = "client_disabled"

    def __init__(self, *, client_id: str) -> None:
        super().__init__(client_id=client_id)


class SignatureRefused(Refused):
    """What was signed cannot be relied on."""

    code = "signature_refused"

    def __init__(self, *, fault: str) -> None:
        super().__init__(fault=fault)
        self.fault = fault
