/** What RabbitMQ calls the types of arguments in its texts. */

import type { HeaderValue } from '../../model/message.ts';

/** Whole numbers are called by the smallest type that holds them: most clients write them so. */
export function typeName(value: HeaderValue): string {
  if (value === null) return 'void';
  if (typeof value === 'string') return 'longstr';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'long';
  if (typeof value === 'number') return numberName(value);
  return value instanceof Uint8Array ? 'binary' : value instanceof Map ? 'table' : 'array';
}

function numberName(value: number): string {
  if (!Number.isInteger(value)) return 'double';
  if (value >= -0x80 && value < 0x80) return 'byte';
  if (value >= -0x8000 && value < 0x8000) return 'short';
  return value >= -0x8000_0000 && value < 0x8000_0000 ? 'signedint' : 'long';
}
