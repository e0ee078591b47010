import { joinParts } from './expression.js';

/**
 * A contract of several paths. The unlocking script pushes the path's number (0 for the first) last; no other
 * number unlocks anything. Each path demands what it must and leaves nothing: the contract ends with true.
 *
 * Stack: …, path number → 1
 */
export function choosePath(paths: readonly string[]): string {
  const last = paths.length - 1;
  const opened = paths.map((path, index) =>
    index === last
      ? joinParts(`${index} OP_NUMEQUALVERIFY`, path)
      : joinParts(`OP_DUP ${index} OP_NUMEQUAL OP_IF OP_DROP`, path, 'OP_ELSE'),
  );
  return joinParts(...opened, Array(last).fill('OP_ENDIF').join(' '), '1');
}
