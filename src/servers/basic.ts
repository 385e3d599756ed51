/** Names and passwords as HTTP carries them [RFC 7617]. */

export interface Credentials {
  readonly user: string;
  readonly secret: string;
}

/** Of an `Authorization` header; undefined when it is another scheme's, or broken. */
export function basicOf(header: string | undefined): Credentials | undefined {
  const [, encoded] = /^basic +([\w+/=-]+) *$/i.exec(header ?? '') ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), secret: text.slice(colon + 1) };
}
