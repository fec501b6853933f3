"""docs/events.md from the protos: ``python -m tests.support.events_catalogue``."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_HEAD = """# Events

Written by `make docs` from `protos/coop/*/events/v1/events.proto`; a test compares it with them. Do not edit it by hand.

An event is a fact in the past tense. Its record has the topic and key named here, the protobuf message as value, and the
headers `ce_id` (one per fact, what makes a repetition recognisable), `ce_type` (the message's full name), `ce_source`,
`ce_time`, `traceparent` and `actor`. Records with one key arrive in order. Within v1 fields are only added; consumers
skip and count types they do not know. `docs/architecture.md` says how events are written and read.
"""


def _comments(lines: list[str], at: int) -> str:
    """The comment block that ends above line ``at``."""
    block: list[str] = []
    while at > 0 and lines[at - 1].strip().startswith("//"):
        at -= 1
        block.insert(0, lines[at].strip().removeprefix("//").strip())
    return " ".join(block)


def catalogue() -> str:
    """The whole page."""
    parts = [_HEAD]
    for path in sorted(ROOT.glob("protos/coop/*/events/v1/events.proto")):
        service = path.parts[-4]
        lines = path.read_text(encoding="utf-8").splitlines()
        topic = lines[0].removeprefix("//").strip() if lines[0].startswith("// Topic") else ""
        parts.append(f"\n## {service}\n")
        for number, line in enumerate(lines):
            found = re.match(r"message (\w+) \{", line)
            if not found:
                continue
            said = _comments(lines, number)
            if said.startswith("Topic"):
                topic, _, said = said.partition(". ") if ". " in said else (said, "", "")
            elif "Topic " in said:
                said, _, named = said.partition(" Topic ")
                topic = f"Topic {named}"
            parts.append(f"\n### {found[1]}\n")
            parts.append(
                "\n".join(sentence for sentence in (said, f"{topic.rstrip('.')}.") if sentence.strip(".")) + "\n"
            )
            parts.append("\n| field | type | meaning |\n|---|---|---|\n")
            notes: list[str] = []
            for field in lines[number + 1 :]:
                text = field.strip()
                if text == "}":
                    break
                if text.startswith("//"):
                    notes.append(text.removeprefix("//").strip())
                    continue
                match = re.match(r"((?:repeated )?[\w.]+) (\w+) = \d+;", text)
                if match:
                    parts.append(f"| `{match[2]}` | `{match[1]}` | {' '.join(notes)} |\n")
                    notes = []
    return "".join(parts)


if __name__ == "__main__":
    print(catalogue(), end="")
