"""What follows when somebody's document and birth date match a holder.

Two known facts are weak proof, hence the policy of the cooperative: ``direct`` grants at once and tells the contact on file;
``confirm`` grants at once only when the account's confirmed address is the one on file, otherwise sends a code there.
"""

import hashlib
import hmac
import secrets
from datetime import timedelta
from enum import StrEnum

#: Letters and digits that are not taken for one another (Crockford's base 32): 40 bits in eight characters.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("OIL", "011")
CODE_LENGTH = 8
CODE_LIFETIME = timedelta(minutes=10)
#: Wrong codes after which an association is closed.
CODE_TRIES = 5


class Decision(StrEnum):
    NOTHING = "nothing"
    GRANT = "grant"
    SEND_CODE = "send_code"
    OPEN_CASE = "open_case"


def decide(policy: str, *, contact_key: str, account_key: str, already_holds: bool, held_by_another: bool) -> Decision:
    """What to do about a match.

    ``contact_key`` is the key of the holder's address on file, empty when there is none; ``account_key`` that of the account's
    confirmed address. A holder whom another account already shows is confirmed under every policy.
    """
    if already_holds:
        return Decision.NOTHING
    if policy == "direct" and not held_by_another:
        return Decision.GRANT
    if not contact_key:
        return Decision.OPEN_CASE
    return Decision.GRANT if contact_key == account_key else Decision.SEND_CODE


def new_code() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(CODE_LENGTH))


def normalise_code(text: str) -> str:
    """A typed code: blanks and hyphens out, upper case, O read as 0 and I and L as 1."""
    return "".join(character for character in text.upper() if character.isalnum()).translate(_MISREAD)


def code_hash(association_id: str, code: str) -> str:
    """What is kept of a code, bound to the association it confirms."""
    return hashlib.sha256(f"{association_id}:{code}".encode()).hexdigest()


def code_matches(association_id: str, typed: str, kept_hash: str) -> bool:
    return hmac.compare_digest(code_hash(association_id, normalise_code(typed)), kept_hash)
