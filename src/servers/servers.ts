/** The door of this room: what all doors share. Each protocol's own door stands beside it (`http/http.ts`), so that only those that are opened are loaded. */

export { Annexes } from './annexes.ts';
export type { Tls } from './connection.ts';
