/** Server-sent events: how an event looks on the wire (WHATWG HTML, "Server-sent events"). */

/** A comment keeps proxies and clients from taking silence for death. */
export const SSE_HEARTBEAT = ':\n\n';

/** What a stream begins with: how long to wait before coming back. */
export function sseOpening(retryMs: number): string {
  return `retry: ${retryMs}\n\n`;
}

/** `data` is one line (our JSON has no raw line ends); `id` and `event` come from us and hold none either. */
export function sseEvent(data: string, id?: string, event?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${data}\n\n`;
}
