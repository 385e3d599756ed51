/** Options that `publish` and `send` share: properties of the messages, and how lines are read. */

import { FORMATS, type Format } from './event-lines.ts';
import { choice, duration, integer, type Option, text, texts } from './options.ts';

interface Properties {
  readonly header: Option<readonly string[]>;
  readonly delay: Option<number | undefined>;
  readonly ttl: Option<number | undefined>;
  readonly priority: Option<number | undefined>;
}

export const PROPERTIES: Properties = {
  header: texts('NAME:VALUE', 'A header for each message.'),
  delay: duration('TIME', 'Deliver no earlier than this much later, where queues take them.'),
  ttl: duration('TIME', 'How long each may wait in a queue.'),
  priority: integer('N', 'Higher is delivered first, where the queue has priorities.', { min: 0, max: 255 }),
};

interface Reading {
  readonly format: Option<Format | undefined>;
  readonly key: Option<string | undefined>;
  readonly skip: Option<number | undefined>;
}

export const READING: Reading = {
  format: choice(
    'FORMAT',
    'How lines are read: json (each is the body of one message), text (the same, of any text), messages (as "subscribe --json" prints ' +
      'them). Default auto: json or text, as the first line is.',
    FORMATS,
  ),
  key: text('FIELD', 'The field of each line’s JSON whose value becomes its key, as customer.id. Messages of one key stay in order.'),
  skip: integer('N', 'Pass over the first N lines, to go on after a failure.', { min: 0, max: Number.MAX_SAFE_INTEGER }),
};
