type Point = readonly [x: number, y: number];
type Corner = readonly [at: Point, height: number];

const MOST_STEPS = 1000;
const FLAT = 1e-11;

const between = ([ax, ay]: Point, [bx, by]: Point, part: number): Point => [
  ax + (bx - ax) * part,
  ay + (by - ay) * part,
];

/**
 * The lowest point of a function of two variables near a start, by the simplex of Nelder and Mead (1965): it needs no
 * slopes. The function may be infinite where it is not defined.
 */
export function lowestPoint(height: (x: number, y: number) => number, start: Point): Corner {
  const at = (point: Point): Corner => [point, height(...point)];
  const [x, y] = start;
  let corners: Corner[] = [at(start), at([x + 0.2, y]), at([x, y + 0.5])];
  for (let step = 0; step < MOST_STEPS; step++) {
    corners.sort((a, b) => a[1] - b[1]);
    const [best, middle, worst] = corners as [Corner, Corner, Corner];
    if (worst[1] - best[1] <= FLAT * (1 + Math.abs(best[1]))) break;
    const centre = between(best[0], middle[0], 0.5);
    const mirrored = at(between(worst[0], centre, 2));
    if (mirrored[1] < best[1]) {
      const farther = at(between(worst[0], centre, 3));
      corners[2] = farther[1] < mirrored[1] ? farther : mirrored;
    } else if (mirrored[1] < middle[1]) {
      corners[2] = mirrored;
    } else {
      const nearer = at(between(worst[0], centre, mirrored[1] < worst[1] ? 1.5 : 0.5));
      corners =
        nearer[1] < Math.min(worst[1], mirrored[1])
          ? [best, middle, nearer]
          : [best, at(between(best[0], middle[0], 0.5)), at(between(best[0], worst[0], 0.5))];
    }
  }
  return corners.reduce((best, corner) => (corner[1] < best[1] ? corner : best));
}
