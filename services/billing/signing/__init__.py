"""Electronic signatures of printed documents: PAdES baseline B-B (ETSI EN 319 142-1) with ECDSA on P-256.

`keys` is the cooperative's key with its certificate, `cms` the signature over a digest, `pdf` its place in a PDF, `check`
whether a PDF is still what was signed.
"""

from services.billing.signing.check import Examined, Verdict, examine
from services.billing.signing.keys import KEY_FILE, SigningKey, ensure_self_signed, read_key
from services.billing.signing.pdf import Seal

__all__ = ["KEY_FILE", "Examined", "Seal", "SigningKey", "Verdict", "ensure_self_signed", "examine", "read_key"]
