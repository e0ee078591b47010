"""Solves the flows of a graph with scipy, once for each line on stdin: prints the seconds of each solver.

usage: solve.py FOLDER COUNT WAY...    (arrays as bench/payout.bench.js writes them)
ways: triangular (sources in the order of money), permuted (the same, from another numbering whose order is known),
spsolve (any graph)
"""

import json
import resource
import sys
import time

import numpy as np
import scipy
import scipy.sparse as sparse
import scipy.sparse.linalg as linalg

folder, count, ways = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
read = lambda name, kind: np.fromfile(f"{folder}/{name}", dtype=kind)
rows = read("rows", np.uint32).astype(np.int32)
parents = read("parents", np.uint32).astype(np.int32)
weights = read("weights", np.uint32) / 1e6
demand = read("demand", np.uint64).astype(np.float64)
own = read("own", np.uint32) / 1e6
passes = sparse.csr_matrix((weights, parents, rows), shape=(count, count))
# f = (I - P^T)^-1 r
system = (sparse.identity(count, format="csr") - passes.T).tocsr()
system.sort_indices()
columns = system.tocsc()
if "permuted" in ways:
    number = read("number", np.uint32)


def solve(way):
    begin = time.perf_counter()
    if way == "triangular":
        flow = linalg.spsolve_triangular(system, demand, lower=True, unit_diagonal=True)
    elif way == "spsolve":
        flow = linalg.spsolve(columns, demand, permc_spec="NATURAL")
    else:
        ordered = system[number][:, number]
        flow = np.empty(count)
        flow[number] = linalg.spsolve_triangular(ordered, demand[number], lower=True, unit_diagonal=True)
    return time.perf_counter() - begin, flow * own


for line in sys.stdin:
    seconds, shares = solve(line.strip())
    shares.tofile(f"{folder}/shares")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "rss": peak, "version": scipy.__version__}), flush=True)
