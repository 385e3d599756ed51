/** Certificates made for one test: an authority, and what it signed for this machine and for a user. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export interface Pair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** `directory`: where they stand as `ca.pem`, `localhost.pem`, `localhost.key`, `ann.pem`, `ann.key`, until the test ends. */
export function certificates(t: TestContext): {
  readonly directory: string;
  readonly ca: Buffer;
  readonly server: Pair;
  readonly ann: Pair;
} {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-tls-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=ca');
  const signed = (name: string): Pair => {
    openssl(
      'req',
      ...curve,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
      '-addext',
      'subjectAltName=IP:127.0.0.1',
    );
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-out',
      `${name}.pem`,
      '-days',
      '2',
      '-copy_extensions',
      'copy',
    );
    return { cert: readFileSync(join(directory, `${name}.pem`)), key: readFileSync(join(directory, `${name}.key`)) };
  };
  return { directory, ca: readFileSync(join(directory, 'ca.pem')), server: signed('localhost'), ann: signed('ann') };
}
