import assert from 'node:assert/strict';
import { pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import { iterationsOf, readFirst, SCRAM, Scram, scramVerifier } from '../../../src/servers/kafka/scram.ts';

const [SHA_256] = SCRAM;
const FEINT = new Uint8Array(32).fill(7);
// The conversation of RFC 7677, section 3.
const FIRST = 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO';
const OURS = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
const CHALLENGE = `r=rOprNGfwEbeRWgbNEkqO${OURS},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
const LAST = `c=biws,r=rOprNGfwEbeRWgbNEkqO${OURS},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;
const PROOF = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

function conversation(verifier: string | undefined): Scram {
  assert.ok(SHA_256 !== undefined);
  const first = readFirst(FIRST);
  assert.deepEqual(first, { name: 'user', nonce: 'rOprNGfwEbeRWgbNEkqO', bare: 'n=user,r=rOprNGfwEbeRWgbNEkqO' });
  return new Scram(SHA_256, verifier, first, OURS, FEINT);
}

function verifier(password: string): string {
  assert.ok(SHA_256 !== undefined);
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  return scramVerifier(SHA_256, 4096, salt, pbkdf2Sync(password, salt, 4096, 32, 'sha256'));
}

test('the conversation of the specification', () => {
  const scram = conversation(verifier('pencil'));
  assert.equal(scram.challenge, CHALLENGE);
  assert.equal(scram.prove(LAST), PROOF);
});

test('a wrong password, another nonce, another binding, a cut proof: no', () => {
  assert.equal(conversation(verifier('other')).prove(LAST), undefined);
  const scram = conversation(verifier('pencil'));
  for (const wrong of [
    '',
    LAST.replace('biws', 'eSws'),
    LAST.replace('r=rO', 'r=rP'),
    LAST.slice(0, -5),
    LAST.replace('p=dH', 'p=dG'),
    LAST.replace('biws', 'cD10bHM='),
  ])
    assert.equal(scram.prove(wrong), undefined, wrong);
  assert.equal(scram.prove(LAST), PROOF);
});

test('who there is not is asked like everybody else, always with the same salt, and is wrong', () => {
  const [one, two] = [conversation(undefined), conversation('nonsense')];
  assert.equal(one.challenge, two.challenge);
  assert.match(one.challenge, /^r=rOprNGfwEbeRWgbNEkqO.*,s=[A-Za-z0-9+/=]{24},i=4096$/);
  assert.equal(one.prove(LAST), undefined);
});

test('what begins no conversation', () => {
  for (const text of ['', 'n=user,r=x', 'p=tls-unique,,n=user,r=x', 'n,a=other,n=user,r=x', 'n,,n=user', 'n,,n=user,r=', 'n,,r=x,n=user'])
    assert.equal(readFirst(text), undefined, text);
  assert.deepEqual(readFirst('y,,n=a=2Cb=3D,r=x,tokenauth=true'), { name: 'a,b=', nonce: 'x', bare: 'n=a=2Cb=3D,r=x,tokenauth=true' });
});

test('what is kept says how often the password was hashed, and not the password', () => {
  assert.equal(iterationsOf(verifier('pencil')), 4096);
  assert.deepEqual([iterationsOf(undefined), iterationsOf('scrypt:a:b'), iterationsOf('scram:x:y')], [undefined, undefined, undefined]);
  assert.doesNotMatch(verifier('pencil'), /pencil/);
});
