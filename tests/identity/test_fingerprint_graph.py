"""Digests of graphs: the oracle is bisimulation, computed the slow way."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from multiverse.identity.graph import Node, digest

# A graph as text: for each node its tag, whether order counts, and its parts (a number is a node, a letter bytes).
nodes = st.tuples(st.sampled_from("st"), st.booleans(), st.lists(st.integers(0, 4) | st.sampled_from("ab"), max_size=3))
graphs = st.lists(nodes, min_size=5, max_size=5)


def build(graph, shuffler: random.Random | None = None) -> list[Node]:
    """The graph as nodes; parts whose order does not count are shuffled."""
    made = [Node() for _ in graph]
    for node, (tag, ordered, parts) in zip(made, graph, strict=True):
        if shuffler and not ordered:
            parts = shuffler.sample(parts, len(parts))
        found = [p.encode() if isinstance(p, str) else made[p] for p in parts]
        node.fill(Node(tag, found, ordered=ordered))
    return made


def alike(made: list[Node]) -> dict[Node, int]:
    """The coarsest partition in which nodes of one class have the same tag and parts of the same classes."""
    classes = dict.fromkeys(made, 0)
    for _ in made:
        signatures = {}
        for node in made:
            parts = [repr(classes[p]) if isinstance(p, Node) else f"{p!r}" for p in node.parts]
            signatures[node] = node.tag, node.ordered, tuple(parts if node.ordered else sorted(parts))
        numbers = {signature: i for i, signature in enumerate(dict.fromkeys(signatures.values()))}
        classes = {node: numbers[signature] for node, signature in signatures.items()}
    return classes


@given(graphs, graphs)
def test_nodes_with_equal_digests_are_alike(one, other):
    made = build(one) + build(other)
    classes = alike(made)
    digests = {node: digest(node) for node in made}
    for a in made:
        for b in made:
            if digests[a] == digests[b]:
                assert classes[a] == classes[b]


@given(graphs, st.randoms(use_true_random=False))
def test_a_graph_built_again_has_equal_digests_however_its_bags_lie(graph, shuffler):
    assert list(map(digest, build(graph))) == list(map(digest, build(graph, shuffler)))


@given(graphs)
def test_a_node_without_circles_has_the_digest_of_its_content(graph):
    """Parts point to later nodes only: sharing a part, or having equal ones, is the same."""
    tree = [
        (tag, ordered, [p for p in parts if isinstance(p, str) or p > i])
        for i, (tag, ordered, parts) in enumerate(graph)
    ]
    made = build(tree)
    classes = alike(made)
    for a in made:
        for b in made:
            assert (digest(a) == digest(b)) == (classes[a] == classes[b])


@given(st.lists(st.binary(max_size=3), max_size=4), st.lists(st.binary(max_size=3), max_size=4))
def test_parts_do_not_run_together(one, other):
    assert (digest(Node("t", one)) == digest(Node("t", other))) == (one == other)


def test_a_long_chain_is_no_deeper_than_the_stack():
    node = Node("end")
    for _ in range(20_000):
        node = Node("link", [node])
    assert len(digest(node)) == 32
