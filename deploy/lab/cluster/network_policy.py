#!/usr/bin/env python3
"""Enforces NetworkPolicy on the lab's one node, which has no network plugin that would.

Twice a second it reads pods, namespaces and policies from the API server and, when they have changed, replaces one
nftables table in one transaction. networking.k8s.io/v1 for IPv4, without pods on the host's network. Each pod has a
routed interface of its own (plugin "ptp"), so what passes between pods passes the forward hook with their addresses,
after a service's address was replaced by a pod's. A new pod is covered about half a second after it has its address;
connections that exist are not cut.

    network_policy.py SERVER CA CERTIFICATE KEY
"""

import http.client
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

Item = dict[str, Any]
"""An object of the API server, as its JSON has it."""

INTERVAL_S = 0.5
"""Between two looks at the whole of what the API server has: nothing is missed between them, and no watch can break off."""
TABLE = "lab_network_policy"
PATHS = {
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
}
TERMS = {
    "In": lambda value, wanted: value in wanted,
    "NotIn": lambda value, wanted: value not in wanted,
    "Exists": lambda value, wanted: value is not None,
    "DoesNotExist": lambda value, wanted: value is None,
}


def selects(selector: Item, labels: dict[str, str]) -> bool:
    """Whether a label selector selects these labels; an empty selector selects everything."""
    exact = selector.get("matchLabels") or {}
    terms = selector.get("matchExpressions") or []
    return all(labels.get(key) == value for key, value in exact.items()) and all(
        TERMS[term["operator"]](labels.get(term["key"]), term.get("values") or ()) for term in terms
    )


def labels_of(item: Item) -> dict[str, str]:
    return item["metadata"].get("labels") or {}


def namespace_of(item: Item) -> str:
    return str(item["metadata"]["namespace"])


def address_of(pod: Item) -> str:
    return str(pod["status"]["podIP"])


def with_address(pod: Item) -> bool:
    """Whether packets of this pod pass by here: it has an address of its own and has not ended."""
    status = pod["status"]
    return (
        bool(status.get("podIP"))
        and not pod["spec"].get("hostNetwork")
        and status.get("phase") not in ("Succeeded", "Failed")
    )


class Rules:
    """The nftables rules for one state of the cluster."""

    def __init__(self, pods: list[Item], namespaces: list[Item], policies: list[Item]) -> None:
        self._pods = [pod for pod in pods if with_address(pod)]
        self._namespaces = {item["metadata"]["name"]: labels_of(item) for item in namespaces}
        self._chains: dict[str, dict[str, set[str]]] = {"ingress": {}, "egress": {}}
        for policy in policies:
            self._add(policy)

    def _add(self, policy: Item) -> None:
        namespace, spec = namespace_of(policy), policy["spec"]
        selected = [pod for pod in self._of(namespace) if selects(spec.get("podSelector") or {}, labels_of(pod))]
        types = spec.get("policyTypes") or ["Ingress"]
        for direction, field, side in (("ingress", "from", "saddr"), ("egress", "to", "daddr")):
            if direction.capitalize() not in types:
                continue
            for pod in selected:
                chain = self._chains[direction].setdefault(address_of(pod), set())
                for rule in spec.get(direction) or []:
                    targets = [pod] if direction == "ingress" else self._pods
                    peers = list(self._peers(rule.get(field) or [], side, namespace))
                    ports = list(self._ports(rule.get("ports") or [], targets))
                    chain.update(" ".join(f"{peer} {port} return".split()) for peer in peers for port in ports)

    def _of(self, namespace: str) -> list[Item]:
        return [pod for pod in self._pods if namespace_of(pod) == namespace]

    def _peers(self, peers: list[Item], side: str, namespace: str) -> Iterator[str]:
        """A match for each alternative of a rule's peers: "" means anyone, nothing at all means nobody."""
        if not peers:
            yield ""
        addresses: set[str] = set()
        for peer in peers:
            block = peer.get("ipBlock")
            if block is None:
                addresses |= {address_of(pod) for pod in self._pods if self._is_peer(pod, peer, namespace)}
            elif ":" not in block["cidr"]:
                but = f" ip {side} != {{ {', '.join(block['except'])} }}" if block.get("except") else ""
                yield f"ip {side} {block['cidr']}{but}"
        if addresses:
            yield f"ip {side} {{ {', '.join(sorted(addresses))} }}"

    def _is_peer(self, pod: Item, peer: Item, namespace: str) -> bool:
        home = namespace_of(pod)
        if "namespaceSelector" in peer:
            at_home = selects(peer["namespaceSelector"] or {}, self._namespaces.get(home, {}))
        else:
            at_home = home == namespace
        return at_home and selects(peer.get("podSelector") or {}, labels_of(pod))

    @staticmethod
    def _ports(ports: list[Item], targets: list[Item]) -> Iterator[str]:
        """A match for each of a rule's ports; a port's name is looked up in the pods that receive."""
        if not ports:
            yield ""
        for port in ports:
            protocol, number = port.get("protocol", "TCP").lower(), port.get("port")
            if number is None:
                yield f"meta l4proto {protocol}"
            elif isinstance(number, int):
                last = port.get("endPort", number)
                yield f"{protocol} dport {number}" + (f"-{last}" if last != number else "")
            else:
                for pod in targets:
                    for container in pod["spec"]["containers"]:
                        for named in container.get("ports") or []:
                            if named.get("name") == number and named.get("protocol", "TCP").lower() == protocol:
                                yield f"ip daddr {address_of(pod)} {protocol} dport {named['containerPort']}"

    def text(self) -> str:
        """The whole table, to be loaded in one transaction."""
        lines = [f"table ip {TABLE}", f"delete table ip {TABLE}", f"table ip {TABLE} {{"]
        for direction, by_address in self._chains.items():
            side = "daddr" if direction == "ingress" else "saddr"
            jumps = []
            for address, rules in sorted(by_address.items()):
                chain = f"{direction}_{address.replace('.', '_')}"
                lines += [f"chain {chain} {{", *sorted(rules), "drop", "}"]
                jumps.append(f"{address} : jump {chain}")
            lines += [f"chain {direction} {{", f"ip {side} vmap {{ {', '.join(jumps)} }}" if jumps else "", "}"]
        for hook, directions in (("forward", ("egress", "ingress")), ("input", ("egress",))):
            lines += [f"chain {hook} {{", f"type filter hook {hook} priority 10; policy accept;"]
            lines += ["ct state established,related accept", *(f"jump {direction}" for direction in directions), "}"]
        return "\n".join([*lines, "}", ""])


class Cluster:
    """The API server, asked over one connection that is made anew after a failure."""

    def __init__(self, server: str, ca: str, certificate: str, key: str) -> None:
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(certificate, key)
        self._connection = http.client.HTTPSConnection(urlsplit(server).netloc, context=context, timeout=10)

    def items(self, path: str) -> list[Item]:
        """Every object below `path`. Raises OSError or HTTPException."""
        try:
            self._connection.request("GET", path + "?resourceVersion=0")
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        if response.status != 200:
            raise OSError(f"{path}: {response.status}")
        return list(json.loads(body)["items"])


def main(*server_and_files: str) -> None:
    cluster = Cluster(*server_and_files)
    loaded = ""
    while True:
        try:
            wanted = Rules(**{name: cluster.items(path) for name, path in PATHS.items()}).text()
            if wanted != loaded:
                subprocess.run(["nft", "-f", "-"], input=wanted, text=True, check=True)
                loaded = wanted
        except (OSError, http.client.HTTPException, subprocess.CalledProcessError) as failed:
            print(failed, file=sys.stderr, flush=True)
        time.sleep(INTERVAL_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
