import { describe, expect, it } from 'vitest';
import { LIMITS } from '#src/chain/script/limits.js';
import { OP, type OpcodeName } from '#src/chain/script/opcodes.js';
import type { OperationGroup } from '#src/chain/script/operations/operation.js';
import { OPERATION_GROUPS } from '#src/chain/script/operations/table.js';

const number = (value: number): string => value.toLocaleString('en-US');
const hex = (code: number): string => `0x${code.toString(16).padStart(2, '0')}`;

const HEAD = `# Opcodes

Every opcode of the BVM, as the table in \`src/chain/script/operations\` has it. A test keeps this page and that
table the same; \`npx vitest run test/chain/script/opcodes-page.test.ts -u\` writes it anew.

- The stack's top is on the right: \`a b → c\` takes b from the top, then a, and leaves c. A word in its own place
  (\`bool\`, \`n\`) is what the element holds.
- Every opcode costs ${LIMITS.opcodeCost}, executed or skipped; the cost column says what comes on top, with \\|x\\| the length of x in
  bytes. rounds(n) = 1 + ⌊(n + 8) / 64⌋; the preimage is what a signature signs. An input may cost (41 + length of its unlocking script) ·
  ${LIMITS.costPerByte}, and hash 3.5 rounds for each of those bytes (CHIP-2021-05-vm-limits).
- Numbers have up to ${number(LIMITS.number)} bytes, elements up to ${number(LIMITS.element)}, both stacks together up to ${number(LIMITS.stack)}, where each
  element counts ${LIMITS.elementOverhead} beside its length. Up to ${LIMITS.controlDepth} conditionals and loops may be open.
- Bytes that are not listed fail when executed. The codes 0x00 to 0x4e push data: 0x00 nothing, 0x01 to 0x4b so
  many of the bytes that follow, OP_PUSHDATA1, 2 and 4 (0x4c to 0x4e) as many as the next 1, 2 or 4 bytes say.
  They cost the length pushed, and the shortest one must be used.
- SUBSTR, LEFT and RIGHT have codes of their own, because SPLIT, NUM2BIN and BIN2NUM took theirs; a range outside
  of the element fails.
`;

function groupTable([title, group]: [string, OperationGroup]): string {
  const rows = Object.entries(group)
    .map(([name, operation]) => ({ code: OP[name as OpcodeName], name, ...operation }))
    .sort((a, b) => a.code - b.code)
    .map(({ code, name, stack, cost, note, source }) =>
      ['', hex(code), name, `\`${stack}\``, cost, note ?? '', source, '']
        .map((cell) => cell.replaceAll('|', '\\|'))
        .join(' | ')
        .trim(),
    );
  const head =
    '| code | name | stack | cost beside 100 | note | source |\n|---|---|---|---|---|---|';
  return `## ${title}\n\n${head}\n${rows.join('\n')}\n`;
}

describe('docs/opcodes.md', () => {
  it('lists what the operations table holds', async () => {
    const page = [HEAD, ...Object.entries(OPERATION_GROUPS).map(groupTable)].join('\n');
    await expect(page).toMatchFileSnapshot('../../../docs/opcodes.md');
  });
});
