"""Draws the instances of bench/draw.mjs with matplotlib and networkx, and prints the CPU time.

stdin: one JSON object {"repetitions": n, "cases": [{"name", "task", "layout", "size", "instances": [...]}]}
stdout: {"<case name>": [CPU milliseconds per image, one number for each repetition]}
"""

import io
import json
import sys
import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import networkx as nx

DPI = 100


def figure(size):
    fig = plt.figure(figsize=(size / DPI, size / DPI), dpi=DPI)
    axes = fig.add_axes((0.02, 0.02, 0.96, 0.96))
    axes.set_axis_off()
    return fig, axes


def draw_graph(instance, layout, size):
    fig, axes = figure(size)
    graph = nx.Graph()
    graph.add_nodes_from(range(instance["v"]))
    graph.add_edges_from(instance["edges"])
    positions = nx.spring_layout(graph, seed=0) if layout == "force" else nx.circular_layout(graph)
    scale = size / 512
    nx.draw_networkx(
        graph, positions, ax=axes, node_color="#c4e0f6", edgecolors="#174e8c", edge_color="#4c6078",
        node_size=1500 * scale**2, font_size=max(4, 22 * scale), width=max(0.5, 2 * scale),
    )
    return fig


def draw_sudoku(instance, _layout, size):
    fig, axes = figure(size)
    n = len(instance)
    height, width = {4: (2, 2), 6: (2, 3), 9: (3, 3)}[n]
    for i in range(n + 1):
        axes.plot([i, i], [0, n], color="black", linewidth=3 if i % width == 0 else 0.7)
        axes.plot([0, n], [i, i], color="black", linewidth=3 if i % height == 0 else 0.7)
    for r, row in enumerate(instance):
        for c, digit in enumerate(row):
            if digit:
                axes.text(c + 0.5, n - r - 0.5, str(digit), ha="center", va="center", fontsize=0.4 * size / n)
    axes.set_aspect("equal")
    return fig


def png(fig):
    out = io.BytesIO()
    fig.savefig(out, format="png")
    plt.close(fig)
    return out.getvalue()


def measure(case):
    draw = draw_graph if case["task"] == "graph-coloring" else draw_sudoku
    start = time.process_time()
    for instance in case["instances"]:
        png(draw(instance, case["layout"], case["size"]))
    return (time.process_time() - start) * 1000 / len(case["instances"])


def main():
    work = json.load(sys.stdin)
    for case in work["cases"]:
        measure({**case, "instances": case["instances"][:2]})
    print(json.dumps({case["name"]: [measure(case) for _ in range(work["repetitions"])] for case in work["cases"]}))


if __name__ == "__main__":
    main()
