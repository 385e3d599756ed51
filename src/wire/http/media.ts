/** Media types: what a body is said to be, and the names of the forms this door knows. */

export const MEDIA = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  text: 'text/plain; charset=utf-8',
  events: 'text/event-stream',
  problem: 'application/problem+json',
  /** One message with its properties, as JSON. */
  message: 'application/vnd.signalbox.message+json',
  /** Many of them, one to a line. */
  messages: 'application/vnd.signalbox.messages+ndjson',
  cloudEvent: 'application/cloudevents+json',
  cloudEvents: 'application/cloudevents-batch+json',
  openapi: 'application/vnd.oai.openapi+json;version=3.1',
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
} as const;

/** How the body of a publish is to be read. */
export type BodyForm = 'raw' | 'lines' | 'message' | 'messages' | 'cloud-binary' | 'cloud-event' | 'cloud-events';

const FORMS: ReadonlyMap<string, BodyForm> = new Map([
  [MEDIA.ndjson, 'lines'],
  ['application/ndjson', 'lines'],
  ['application/jsonl', 'lines'],
  [MEDIA.message, 'message'],
  [MEDIA.messages, 'messages'],
  [MEDIA.cloudEvent, 'cloud-event'],
  [MEDIA.cloudEvents, 'cloud-events'],
]);

/** The type without its parameters, in lower case; `''` when there is none. */
export function essence(contentType: string | undefined): string {
  if (contentType === undefined) return '';
  const semicolon = contentType.indexOf(';');
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}

/** `ceVersion` is the `ce-specversion` header: with it, a body of any other type is a CloudEvent in binary form. */
export function bodyForm(contentType: string | undefined, ceVersion: string | undefined): BodyForm {
  return FORMS.get(essence(contentType)) ?? (ceVersion === undefined ? 'raw' : 'cloud-binary');
}

const KNOWN: ReadonlyMap<string, boolean> = new Map([
  ['application/json', true],
  ['text/plain', false],
  ['text/plain; charset=utf-8', false],
  ['application/octet-stream', false],
]);

/** Is a body of this type JSON text (`application/json`, `text/json`, `…+json`)? */
export function isJsonType(contentType: string): boolean {
  const known = KNOWN.get(contentType);
  if (known !== undefined) return known;
  const type = essence(contentType);
  return type === 'application/json' || type === 'text/json' || type.endsWith('+json');
}

/** Does an `Accept` header ask for this type by name? `*` does not count: it takes whatever is the default. */
export function accepts(accept: string | undefined, type: string): boolean {
  return accept?.split(',').some((part) => essence(part) === essence(type)) ?? false;
}
