import { describe, expect, it } from 'vitest';
import { ChatTemplate } from '#src/model/chat/ChatTemplate.js';
import { Conversation, loadTokenizer, type Tokenizer } from '#src/model/index.js';

const plain = loadTokenizer('fixtures/bitmodel-tiny');
const template = new ChatTemplate(
  "{% for m in messages %}{{ m.role ~ ': ' ~ m.content ~ '\n' }}{% endfor %}assistant:",
);
/** The bundled tokenizer, with a template. */
const tokenizer: Tokenizer = {
  size: plain.size,
  encode: (text, options) => plain.encode(text, options),
  decode: (ids) => plain.decode(ids),
  token: (id) => plain.token(id),
  hasChatTemplate: true,
  applyChatTemplate: (messages) => plain.encode(template.render(messages, { specialTokens: {} })),
};
const textOf = (ids: readonly number[]): string => plain.decode(ids);
const words = (count: number, word: string): string => `${word} `.repeat(count).trim();

describe('a conversation', () => {
  it('is asked with its system text, all questions and answers, and the new question', () => {
    const conversation = new Conversation('Be brief.');
    conversation.ask('One?', tokenizer, 512, 50);
    conversation.answer('Yes.');
    const { promptIds, dropped } = conversation.ask('Two?', tokenizer, 512, 50);
    expect(textOf(promptIds)).toContain(
      'system: Be brief.\nuser: One?\nassistant: Yes.\nuser: Two?\nassistant:',
    );
    expect(dropped).toBe(0);
  });

  it('forgets its oldest questions with their answers where the context is full, never the system text or the question', () => {
    const conversation = new Conversation('Stay.');
    for (const word of ['red', 'green', 'blue']) {
      conversation.ask(words(20, word), tokenizer, 200, 20);
      conversation.answer(words(20, word));
    }
    const before = conversation.length;
    const { promptIds, dropped } = conversation.ask('Now?', tokenizer, 120, 20);
    expect(dropped).toBeGreaterThan(0);
    expect(dropped % 2).toBe(0);
    expect(promptIds.length + 20).toBeLessThanOrEqual(120);
    expect(textOf(promptIds)).toMatch(/^.*system: Stay\.\nuser: (green|blue|Now)/s);
    expect(textOf(promptIds)).not.toContain('red');
    expect(textOf(promptIds)).toContain('Now?');
    expect(conversation.length).toBe(before + 1 - dropped);
  });

  it('refuses a question that is too long by itself, and stays as it was', () => {
    const conversation = new Conversation();
    conversation.ask('One?', tokenizer, 100, 10);
    conversation.answer('Yes.');
    expect(() => conversation.ask(words(300, 'long'), tokenizer, 100, 10)).toThrow(
      expect.objectContaining({ code: 'PROMPT_TOO_LONG' }) as Error,
    );
    expect(conversation.length).toBe(2);
  });

  it('takes a question back that got no answer, and starts anew when cleared', () => {
    const conversation = new Conversation();
    conversation.ask('One?', tokenizer, 100, 10);
    conversation.takeBack();
    expect(conversation.length).toBe(0);
    conversation.ask('Two?', tokenizer, 100, 10);
    conversation.answer('');
    conversation.clear();
    expect(textOf(conversation.ask('Three?', tokenizer, 100, 10).promptIds)).not.toContain('Two');
  });
});
