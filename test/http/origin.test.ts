/** Hosts, origins and tokens, as tables. */
import { describe, expect, test } from 'vitest';
import { isAllowedOrigin, isLoopback, isOrigin } from '../../src/http/origin.ts';
import { identify, makeToken, tokensFrom } from '../../src/http/tokens.ts';

describe('an origin may call when it is the own one, or named', () => {
  test.each([
    [undefined, 'localhost:8200', true],
    ['http://localhost:8200', 'localhost:8200', true],
    ['https://ops.example.org', 'ops.example.org', true],
    ['https://friend.example', 'localhost:8200', true],
    ['https://friend.example:444', 'localhost:8200', false],
    ['https://friend.example.evil', 'localhost:8200', false],
    ['http://localhost', 'localhost:8200', false],
    ['ftp://localhost:8200', 'localhost:8200', false],
    ['null', 'localhost:8200', false],
    ['http://localhost:8200', undefined, false],
    ['http://undefined', undefined, false],
  ])('%s at %s: %s', (origin, host, allowed) => {
    expect(isAllowedOrigin(origin, host, ['https://friend.example'])).toBe(allowed);
  });
});

describe('loopback is this machine, and nothing that looks like it', () => {
  test.each([
    ['localhost', true],
    ['localhost:8200', true],
    ['127.0.0.1', true],
    ['127.1.2.3:80', true],
    ['::1', true],
    ['[::1]:8200', true],
    ['0.0.0.0', false],
    ['::', false],
    ['localhost.evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['192.168.1.1', false],
    ['', false],
    [undefined, false],
  ])('%s: %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});

test('an origin is a scheme, a host and perhaps a port', () => {
  expect(['https://a.example', 'http://localhost:3000'].every(isOrigin)).toBe(true);
  expect(
    ['*', 'a.example', 'https://a.example/', 'https://a.example/x', 'null', 'ftp://a'].some(isOrigin),
  ).toBe(false);
});

describe('tokens', () => {
  test('a fresh token is known by its digest, and no other is', () => {
    const { token, entry } = makeToken('ci', ['read']);
    const other = makeToken('ci', ['read']);
    const list = tokensFrom(JSON.stringify({ tokens: [entry] }));
    expect(identify(list, token)).toMatchObject({ name: 'ci', scopes: ['read'] });
    for (const wrong of [other.token, '', `${token}x`, entry.sha256])
      expect(identify(list, wrong)).toBeNull();
    expect(JSON.stringify(entry)).not.toContain(token);
    expect(token).toMatch(/^conclave_[\w-]{43}$/);
  });

  test.each([
    ['nonsense', ['tokens']],
    ['[]', ['tokens']],
    ['{"tokens":[]}', ['tokens']],
    ['{"tokens":[1]}', ['tokens.0']],
    [
      '{"tokens":[{"name":"a b","sha256":"x","scopes":["write"],"secret":1}]}',
      ['tokens.0.name', 'tokens.0.sha256', 'tokens.0.scopes', 'tokens.0.secret'],
    ],
  ])('a file %s is refused, with every bad field', (text, fields) => {
    let refused: unknown;
    try {
      tokensFrom(text);
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({ code: 'INVALID', fields: fields.map((field) => ({ field })) });
  });
});
