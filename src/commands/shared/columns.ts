import stringWidth from 'string-width';

const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** As much of a text as fits so many columns of a terminal, with `…` at the end where some is left out. */
export function cutTo(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let kept = '';
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) {
    width += stringWidth(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** A text cut or filled up to so many columns; wide characters and emoji count as two. */
export function cell(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const shown = cutTo(text, columns);
  const space = ' '.repeat(Math.max(0, columns - stringWidth(shown)));
  return align === 'left' ? shown + space : space + shown;
}
