"""networkx: shortest paths, centrality, components and flow on seeded random graphs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collections.abc import Callable

from support import inprocess


def prepare() -> Callable[[], str]:
    import networkx

    social = networkx.connected_watts_strogatz_graph(120, 6, 0.2, seed=1)
    directed = networkx.gnp_random_graph(120, 0.05, seed=2, directed=True)
    for number, (_, _, data) in enumerate(directed.edges(data=True)):
        data["weight"] = data["capacity"] = number * 7 % 11 + 1

    def analyse() -> str:
        centrality = networkx.betweenness_centrality(social)
        ranks = networkx.to_dict_of_lists(networkx.minimum_spanning_tree(directed.to_undirected()))
        lengths = dict(networkx.all_pairs_dijkstra_path_length(directed, cutoff=9))
        components = [len(part) for part in networkx.strongly_connected_components(directed)]
        flow = networkx.maximum_flow_value(directed, 0, 60)
        best = max(centrality, key=centrality.__getitem__)
        reach = sum(map(len, lengths.values()))
        assert flow > 0 and reach > 1000, (flow, reach)
        return f"{best} {centrality[best]:.9f} {sum(map(len, ranks.values()))} {reach} {components} {flow}"

    return analyse


if __name__ == "__main__":
    inprocess.run("networkx_graphs", prepare)
