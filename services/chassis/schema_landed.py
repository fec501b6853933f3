"""Reasons of the revisions that landed before there was a linter; what landed is not changed.

They came with the first release, so none of them has met a database in which another release was serving.
"""

LANDED: dict[str, dict[str, str]] = {
    "metering": {
        "0002": "Moves refused readings into the quarantine, where they can be read again, and drops the table they were in.",
        "0005": "Days and quarter hours take half the bytes: the curves are written anew once, which takes their tables.",
    },
    "billing": {
        "0002": "Journal, invoices and their lines are written once from here on: no code ever changed or removed such rows.",
        "0004": "A month has room for a document apart: its kind belongs to the uniqueness, which a row has to say.",
        "0006": "A rectified invoice keeps its month: its revision belongs to the uniqueness, which a row has to say.",
        "0009": "A settlement may be negative when a payment goes back; the check was on a table of a few thousand rows.",
        "0013": "Documents are found by what they hash to, one of them per invoice of the first months.",
        "0016": "Each certificate says of its one supply what later ones say of several.",
        "0019": "Settlements are found by their invoice; there are as many as invoices were paid.",
        "0020": "Decisions about movements of the bank are written once: no code ever changed or removed one.",
    },
}
