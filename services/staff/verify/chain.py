"""The invoice's own hash: what the paper says and the hash of the invoice before it, as the books keep them."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def unlike_hash(bundle: dict[str, Any]) -> list[str]:
    """Is `hash` that of the number, parties, dates, lines, taxes and total? Each `previous_hash` is the `hash` before it.

    Bundles made before they told who is billed and when it falls due cannot be asked, nor one that stands inside a
    rectifying invoice, whose figures may be those of several documents.
    """
    invoice = bundle["invoice"]
    if "due_date" not in invoice:
        return []
    content = [
        invoice["previous_hash"],
        *(invoice[name] for name in ("number", "supply_id", "member_id", "from", "to", "issue_date", "due_date")),
        bundle["currency"],
        invoice["total"],
        [[line[name] for name in ("concept", "service", "period", "amount")] for line in invoice["lines"]],
        [[tax[name] for name in ("code", "base", "amount")] for tax in invoice["taxes"]],
    ]
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    found = hashlib.sha256(text.encode()).hexdigest()
    if found == invoice["hash"]:
        return []
    return [
        f"The hash of {invoice['number']} in the books is {invoice['hash']}, and what the bundle says of its number, parties, "
        f"dates, lines, taxes and total has {found}."
    ]
