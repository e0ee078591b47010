import { describe, expect, it } from 'vitest';
import { PAGE_STYLE } from '#src/job/explained/pageStyle.js';

/** Relative luminance of #rrggbb (WCAG 2.2). */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [darker, lighter] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

/** The colours of both themes, by name. */
const themes = [...PAGE_STYLE.matchAll(/:root \{([^}]*)\}/g)].map(
  ([, body]) =>
    Object.fromEntries(
      [...body!.matchAll(/--([a-z-]+): (#[0-9a-f]{6})/g)].map(([, name, colour]) => [name, colour]),
    ) as Record<string, string>,
);

describe('the colours of the page', () => {
  it.each([
    ['text', 'ground'],
    ['text', 'panel'],
    ['quiet', 'ground'],
    ['link', 'ground'],
    ['good', 'ground'],
    ['bad', 'ground'],
    ['own-text', 'own'],
    ['near-text', 'near'],
    ['far-text', 'far'],
    ['bad-text', 'bad'],
  ])('let %s stand out from %s by 4.5 : 1 in both themes', (text, ground) => {
    expect(themes).toHaveLength(2);
    for (const theme of themes) {
      expect(contrast(theme[text]!, theme[ground]!)).toBeGreaterThanOrEqual(4.5);
    }
  });
});
