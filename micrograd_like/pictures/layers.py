"""Where the nodes and edges of a graph go where no Graphviz runs: in layers, after Sugiyama, Tagawa and Toda (1981)."""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate, pairwise

Place = tuple[float, float, float, float]  # the middle, width and height
Points = tuple[tuple[float, float], ...]
Links = Mapping[str, Sequence[tuple[str, float]]]  # of each node, the neighbours and how straight the edge is to be

SWEEPS = 24  # over the layers to order them, and again to place what is in them; more change little


def lay_out(
    sizes: Mapping[str, Place],
    edges: Sequence[tuple[str, str]],
    inner: Collection[str],
    rankdir: str,
    ranksep: float,
    nodesep: float,
) -> tuple[dict[str, Place], list[Points]]:
    """Return the place of each node and the Bézier curve of each edge; the arguments are as Graphviz names them.

    An edge that passes a layer takes room in it as a node does, so no edge runs through a box.
    """
    turned = rankdir == "TB"
    deep = {key: size[2 + turned] for key, size in sizes.items()}  # along the edges
    wide = {key: size[3 - turned] for key, size in sizes.items()}  # along the layers
    order = _order(list(sizes), edges)
    rank = _ranks(order, edges)
    links: dict[str, list[tuple[str, float]]] = {key: [] for key in order}
    operands = Counter(head for _, head in edges)
    results = Counter(head for tail, head in edges if tail in inner)
    chains = []  # each edge, by way of the layers that it passes
    for i, edge in enumerate(edges):
        tail, head = sorted(edge, key=order.__getitem__)
        passed = {f"{i} {r}": r for r in range(rank[tail] + 1, rank[head])}
        rank |= passed
        wide |= dict.fromkeys(passed, 0.0)
        order |= dict.fromkeys(passed, order[tail])
        links |= {key: [] for key in passed}
        chains.append([tail, *passed, head])
        for a, b in pairwise(chains[-1]):
            # The one result among operands goes straight on, and leaves stand beside it; long edges are straight too.
            main = edge[0] in inner and results[edge[1]] == 1 < operands[edge[1]]
            weight = 1.0 + 40 * main + 4 * (a in passed and b in passed)
            links[a].append((b, weight))
            links[b].append((a, weight))
    layers: list[list[str]] = [[] for _ in range(max(rank.values(), default=0) + 1)]
    for key in sorted(rank, key=order.__getitem__):
        layers[rank[key]].append(key)
    across = _across(layers, links, wide, nodesep)
    depth = [max(deep.get(key, 0.0) for key in layer) for layer in layers]
    starts = [0.0, *accumulate(d + ranksep for d in depth)]

    def at(u: float, v: float) -> tuple[float, float]:
        return (v, u) if turned else (u, v)

    places = {key: (*at(starts[rank[key]] + depth[rank[key]] / 2, across[key]), *sizes[key][2:]) for key in sizes}
    curves = []
    copies, drawn = Counter(edges), Counter[tuple[str, str]]()
    for chain, edge in zip(chains, edges, strict=True):
        stops = []
        for key in chain:  # straight on within a layer, and a curve to the next
            left, right = starts[rank[key]], starts[rank[key]] + depth[rank[key]]
            gap = (depth[rank[key]] - deep.get(key, 0.0)) / 2
            ends = (
                (right - gap, right) if key == chain[0] else (left, left + gap) if key == chain[-1] else (left, right)
            )
            stops += [(u, across[key]) for u in ends]
        bend = 12 * (drawn[edge] - (copies[edge] - 1) / 2)  # of an edge that there is more than once
        drawn[edge] += 1
        curve = [at(*stops[0])]
        for i, ((u, v), (x, y)) in enumerate(pairwise(stops)):
            if u != x:
                bow = bend if i % 2 else 0.0  # between two layers
                curve += [at((u + x) / 2, v + bow), at((u + x) / 2, y + bow), at(x, y)]
        curves.append(tuple(curve if chain[0] == edge[0] else reversed(curve)))
    return places, curves


def _order(keys: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the number of each node in topological order, depth first; of a cycle, an edge is against it."""
    before: dict[str, list[str]] = {key: [] for key in keys}
    for tail, head in edges:
        before[head].append(tail)
    found: dict[str, int] = {}
    seen: set[str] = set()
    stack = list(keys)
    while stack:
        if stack[-1] in seen:
            found.setdefault(stack.pop(), len(found))
        else:
            seen.add(stack[-1])
            stack += [key for key in reversed(before[stack[-1]]) if key not in seen]
    return found


def _ranks(order: Mapping[str, int], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the layer of each node: after all that it is computed from, and near to what uses it."""
    before: dict[str, list[str]] = {key: [] for key in order}
    after: dict[str, list[str]] = {key: [] for key in order}
    for edge in edges:
        tail, head = sorted(edge, key=order.__getitem__)
        before[head].append(tail)
        after[tail].append(head)
    rank: dict[str, int] = {}
    for key in order:
        rank[key] = max((rank[k] + 1 for k in before[key]), default=0)
    for key in reversed(list(order)):
        if after[key] and len(after[key]) >= sum(
            len(after[k]) > 1 for k in before[key]
        ):  # what is used here alone follows
            rank[key] = min(rank[k] for k in after[key]) - 1
    return rank


def _across(layers: Sequence[list[str]], links: Links, wide: Mapping[str, float], nodesep: float) -> dict[str, float]:
    """Order each layer so that few edges cross; return where its nodes stand, so that edges are short."""
    at: dict[str, float] = {}
    for layer in layers:
        at |= _spread(layer, dict.fromkeys(layer, (0.0, 1.0)), wide, nodesep)
    where = {key: r for r, layer in enumerate(layers) for key in layer}
    best, fewest = [list(layer) for layer in layers], sum(_crossings(*pair, links) for pair in pairwise(layers))
    for sweep in range(2 * SWEEPS):
        side = 1 if sweep % 2 else -1  # of the layer that was placed before
        for r in range(len(layers))[::side]:
            wanted = {}
            for key in layers[r]:
                near = [(at[k], w) for k, w in links[key] if sweep >= SWEEPS or where[k] == r - side]
                weight = sum(w for _, w in near)
                wanted[key] = (sum(y * w for y, w in near) / weight, weight) if near else (at[key], 0.1)
            if sweep < SWEEPS:
                layers[r].sort(key=lambda key: wanted[key][0])
            at |= _spread(layers[r], wanted, wide, nodesep)
        if sweep < SWEEPS and (found := sum(_crossings(*pair, links) for pair in pairwise(layers))) < fewest:
            best, fewest = [list(layer) for layer in layers], found
        if sweep == SWEEPS - 1:
            for layer, kept in zip(layers, best, strict=True):
                layer[:] = kept
    return at


def _spread(
    layer: Sequence[str], wanted: Mapping[str, tuple[float, float]], wide: Mapping[str, float], nodesep: float
) -> dict[str, float]:
    """Place nodes in their order as near to where they are wanted, by weighted squares, as their sizes allow.

    Neighbours that would overlap are pooled, and go where their mean is: isotonic regression.
    """
    offsets = [0.0, *accumulate((wide[a] + wide[b]) / 2 + nodesep for a, b in pairwise(layer))]
    pools: list[tuple[float, float, int]] = []  # where, weight, how many
    for key, offset in zip(layer, offsets, strict=True):
        where, weight, n = wanted[key][0] - offset, wanted[key][1], 1
        while pools and pools[-1][0] >= where:
            y, w, m = pools.pop()
            where, weight, n = (y * w + where * weight) / (w + weight), w + weight, n + m
        pools.append((where, weight, n))
    shifts = [where for where, _, n in pools for _ in range(n)]
    return {key: shift + offset for key, shift, offset in zip(layer, shifts, offsets, strict=True)}


def _crossings(layer: Sequence[str], following: Sequence[str], links: Links) -> int:
    index = {key: i for i, key in enumerate(following)}
    ends: list[int] = []
    found = 0
    for key in layer:
        own = [index[k] for k, _ in links[key] if k in index]
        found += sum(len(ends) - bisect_right(ends, end) for end in own)
        for end in own:
            insort(ends, end)
    return found
