import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ChatTemplate } from '#src/model/chat/ChatTemplate.js';
import type { ChatMessage } from '#src/model/index.js';

interface Case {
  readonly template: string;
  readonly conversation: string;
  readonly addGenerationPrompt: boolean;
  readonly text?: string;
  readonly refused?: string;
}

// made by fixtures/chat/reference.py with Python's own Jinja
const reference = JSON.parse(readFileSync('fixtures/chat/reference.json', 'utf8')) as {
  now: string;
  specialTokens: Record<string, string>;
  conversations: Record<string, ChatMessage[]>;
  cases: Case[];
};
const names = [...new Set(reference.cases.map(({ template }) => template))];

function render(template: string, conversation: string, addGenerationPrompt: boolean): string {
  const source = readFileSync(`fixtures/chat/templates/${template}.jinja`, 'utf8');
  return new ChatTemplate(source).render(reference.conversations[conversation]!, {
    specialTokens: reference.specialTokens,
    addGenerationPrompt,
    now: new Date(reference.now),
  });
}

describe('a chat template is rendered as the transformers library does', () => {
  it.each(names)('%s', (name) => {
    const cases = reference.cases.filter(({ template }) => template === name);
    expect(cases.length).toBeGreaterThan(10);
    for (const { conversation, addGenerationPrompt, text, refused } of cases) {
      const asked = `${conversation}, ${addGenerationPrompt}`;
      if (text !== undefined) {
        expect(render(name, conversation, addGenerationPrompt), asked).toBe(text);
        continue;
      }
      const words = refused!.replace(/[.!]$/, '').replace(/\.\.$/, '');
      expect(() => render(name, conversation, addGenerationPrompt), asked).toThrow(
        expect.objectContaining({
          code: 'CHAT_REFUSED',
          message: expect.stringContaining(words) as string,
        }) as Error,
      );
    }
  });
});
