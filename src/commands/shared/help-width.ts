const CONTINUATION = ' \\';

/** Words of prose, put into lines of at most `width` columns, each behind the same indent. */
export function reflow(words: readonly string[], width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of words) {
    const isFirst = line === indent;
    if (!isFirst && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else {
      line += isFirst ? word : ` ${word}`;
    }
  }
  return [...lines, line];
}

/** A command line, broken before options and pipes the way a shell takes it. */
function breakCommand(line: string, width: number): string[] {
  const [first, ...parts] = line.split(/ (?=--\w|\| )/);
  const lines = [first!];
  for (const part of parts) {
    const last = lines.at(-1)!;
    if (last.length + 1 + part.length + CONTINUATION.length <= width) {
      lines[lines.length - 1] = `${last} ${part}`;
    } else {
      lines[lines.length - 1] = last + CONTINUATION;
      lines.push(`      ${part}`);
    }
  }
  return lines;
}

const isProse = (line: string): boolean => /^\S/.test(line);

/**
 * Help text of at most `width` columns: paragraphs flow, examples break as a shell takes them. What has no place to
 * break stays as it is.
 */
export function fitHelp(text: string, width: number): string {
  const lines = text.split('\n');
  const fitted: string[] = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at]!;
    if (isProse(line)) {
      let end = at;
      while (end < lines.length && isProse(lines[end]!)) end++;
      const paragraph = lines.slice(at, end);
      const fits = paragraph.every((each) => each.length <= width);
      fitted.push(...(fits ? paragraph : reflow(paragraph.join(' ').split(' '), width, '')));
      at = end;
    } else {
      const isCommand = /^\s+\$ /.test(line);
      fitted.push(...(isCommand && line.length > width ? breakCommand(line, width) : [line]));
      at++;
    }
  }
  return fitted.join('\n');
}
