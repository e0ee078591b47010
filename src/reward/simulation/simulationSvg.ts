import { drawChart } from '../network/chartSvg.js';
import { outcomePanels } from './outcomePanels.js';
import type { Simulation } from './simulate.js';

/** The outcomes side by side: by kind, by age, by distance, and Lorenz curves of the owners. */
export function simulationSvg(simulation: Simulation, title: string): string {
  const { outcomes, sources, edges, jobs, owners } = simulation;
  const { kinds, ages, reach, lorenz } = outcomePanels(outcomes);
  return drawChart(title, `${sources} sources, ${edges} edges, ${owners} owners, ${jobs} jobs`, [
    kinds,
    ages,
    reach,
    lorenz,
  ]);
}
