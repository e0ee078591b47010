import { createRequire } from 'node:module';

/**
 * The flow over the graphs of graphology and ngraph, in doubles: sources in the order of money, as the graph is made, so
 * that none of them has to look for one; and what each has built in that comes nearest, PageRank.
 */
const require = createRequire(new URL('../peers/package.json', import.meta.url));

export function graphologyPeer({ rows, parents, weights }, demand) {
  const { DirectedGraph } = require('graphology');
  const pagerank = require('graphology-metrics/centrality/pagerank');
  const graph = new DirectedGraph();
  for (let i = 0; i < demand.length; i++) graph.addNode(i);
  for (let i = 0; i < demand.length; i++) {
    for (let e = rows[i]; e < rows[i + 1]; e++) {
      graph.addEdge(i, parents[e], { weight: weights[e] / 1e6 });
    }
  }
  return {
    flow() {
      const flow = Float64Array.from(demand, Number);
      graph.forEachNode((node) => {
        const amount = flow[node];
        let rest = amount;
        graph.forEachOutboundEdge(node, (_, { weight }, __, parent) => {
          flow[parent] += amount * weight;
          rest -= amount * weight;
        });
        flow[node] = rest;
      });
      return flow;
    },
    pagerank: () => pagerank(graph, { maxIterations: 100, tolerance: 1e-6 }),
  };
}

export function ngraphPeer({ rows, parents, weights }, demand) {
  const createGraph = require('ngraph.graph');
  const pagerank = require('ngraph.pagerank');
  const graph = (createGraph.default ?? createGraph)();
  for (let i = 0; i < demand.length; i++) graph.addNode(i);
  for (let i = 0; i < demand.length; i++) {
    for (let e = rows[i]; e < rows[i + 1]; e++) graph.addLink(i, parents[e], weights[e] / 1e6);
  }
  return {
    flow() {
      const flow = Float64Array.from(demand, Number);
      graph.forEachNode(({ id }) => {
        const amount = flow[id];
        let rest = amount;
        graph.forEachLinkedNode(
          id,
          (parent, { data }) => {
            flow[parent.id] += amount * data;
            rest -= amount * data;
          },
          true,
        );
        flow[id] = rest;
      });
      return flow;
    },
    pagerank: () => (pagerank.default ?? pagerank)(graph),
  };
}
