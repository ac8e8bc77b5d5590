/**
 * Negative tests of the HTTP API, by the lines of the OWASP API Security Top Ten of 2023: what the server shows, what
 * passes through it, and what can be hidden in a request. Line 7 (server-side request forgery) has no test: no field of
 * a request is an address, and nothing here calls out but to the NATS servers that it was started with.
 */
import { describe, expect, test } from 'vitest';
import { openRaw, rawExchange, requestText } from './fuzz-raw.ts';
import { hostile, root, upgradeStatus, withGuardedSite, type Called } from './guarded-site.ts';

const site = withGuardedSite();

/** When the task has ended, as it is shown. */
async function ended(id: unknown): Promise<Called> {
  await site().agent.fleet.handle(String(id)).outcome();
  return site().call(`${root}/tasks/${String(id)}?consistent=true`, { as: 'all' });
}

describe('API8, configuration', () => {
  test('a page of elsewhere may read nothing, and change nothing', async () => {
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost',
      'http://127.0.0.1',
      'file://',
    ]) {
      for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
        const headers = { Origin: origin, 'Access-Control-Request-Method': 'POST' };
        const answer = await site().call(`${root}/tasks`, { method, headers, on: site().open });
        expect([origin, method, answer.status]).toEqual([origin, method, 403]);
        expect(answer.headers.get('Access-Control-Allow-Origin')).toBeNull();
      }
      expect(await upgradeStatus(site().open, { Origin: origin })).toBe(403);
    }
    expect(
      await site().statusOf(`${root}/tasks`, { on: site().open, headers: { Origin: site().open.url } }),
    ).toBe(200);
  });

  const hosts = [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    '',
  ];
  test.each([...hosts, '10.0.0.1', '127.1.evil', '[::2]', '0.0.0.0', 'localhost:80:80', 'localhost#'])(
    'a request to the host "%s" is not for a server of this machine alone',
    async (host) => {
      const answer = await rawExchange(
        site().open.url,
        requestText({ line: `GET ${root}/status HTTP/1.1`, host }),
      );
      expect(answer).toMatch(/^HTTP\/1\.1 40[03] /);
      expect(answer).not.toContain('leader');
    },
  );

  test('a request line with another host in it is no way around', async () => {
    const line = `GET http://evil.example${root}/status HTTP/1.1`;
    expect(await rawExchange(site().open.url, requestText({ line, host: 'localhost' }))).not.toMatch(
      /^HTTP\/1\.1 2/,
    );
  });

  test('without tokens it listens on this machine alone', async () => {
    for (const host of ['0.0.0.0', '::', '192.168.0.1', 'example.org', ''])
      await expect(site().start({ host })).rejects.toMatchObject({ code: 'INVALID' });
  });

  test('odd methods do nothing', async () => {
    for (const method of ['TRACE', 'TRACK', 'PUT', 'PATCH', 'PROPFIND', 'CONNECT', 'GET\t', 'get', 'QUERY'])
      expect(
        await rawExchange(
          site().open.url,
          requestText({ line: `${method} ${root}/tasks HTTP/1.1`, host: 'localhost' }),
        ),
      ).toMatch(/^(HTTP\/1\.1 (400|404|405|501) |$)/);
  });

  test('every answer has the headers that keep browsers careful, and names no software', async () => {
    const paths = [
      '/healthz',
      `${root}/status`,
      `${root}/tasks/nothing`,
      '/nowhere',
      `${root}/tasks/%ff`,
      '/docs',
    ];
    for (const path of paths) {
      const { headers } = await site().call(path, { on: site().open });
      expect([path, headers.get('X-Content-Type-Options')]).toEqual([path, 'nosniff']);
      expect([path, headers.get('Content-Security-Policy')]).toEqual([
        path,
        expect.stringContaining("'self'"),
      ]);
      expect([path, headers.get('X-Powered-By') ?? headers.get('Server')]).toEqual([path, null]);
    }
  });

  test('what is wrong is said without a trace of the inside', async () => {
    const odd = ['', '%', '%00', '?limit=x', '/%2e%2e%2f%2e%2e%2fetc%2fpasswd', '/x/y/z', '?__proto__=1'];
    for (const path of odd) {
      const { text } = await site().call(`${root}/tasks${path}`, { as: 'all' });
      expect(text).not.toMatch(/node_modules|src\/|\.ts\b|\.js\b|fastify|FST_|\n\s+at /i);
    }
  });
});

describe('API8, shutting down', () => {
  test('a server ends in the presence of clients that neither speak nor listen', async () => {
    const server = await site().start({});
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
    const line = `GET ${root}/events HTTP/1.1`;
    const refused = openRaw(server.url);
    const answered = new Promise((resolve) => refused.socket.once('data', resolve));
    const headers = [...upgrade, key, 'Origin: https://evil.example'];
    refused.socket.write(
      requestText({ line, host: 'localhost', headers }).replace('Connection: close\r\n', ''),
    );
    const others = [
      '',
      'GET /',
      `POST ${root}/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n`,
    ];
    const silent = others.map((text) => {
      const { socket, ended } = openRaw(server.url);
      socket.write(text);
      return ended;
    });
    await answered;
    await server.close();
    await Promise.all([refused.ended, ...silent]);
  });
});

describe('API9, inventory', () => {
  test('every route is in the document, and the other way round', () => {
    const registered = site().routes.flatMap(({ method, url }) =>
      [method].flat().map((each) => `${each} ${url.replaceAll(/:(\w+)/g, '{$1}')}`),
    );
    const known = site().document.operations.map(({ method, path }) => `${method} ${path}`);
    // Pages for people, the document itself, an upgrade, and HEAD beside each GET.
    const others = registered.filter(
      (each) => !/^HEAD | \/docs| \/openapi\.json$| \/coordination\/events$/.test(each),
    );
    expect([...new Set(others)].sort()).toEqual([...known].sort());
  });
});

describe('API10, what agents send', () => {
  test('an error with markup and line breaks is inert JSON', async () => {
    const { body } = await site().call(`${root}/tasks`, {
      as: 'all',
      json: { task_type: 'shout', max_retries: 0 },
    });
    const seen = await ended(body['task_id']);
    expect(seen.body).toMatchObject({ status: 'failed', error: { message: hostile } });
    expect(seen.headers.get('Content-Type')).toBe('application/json; charset=utf-8');
    expect(seen.headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(seen.headers.get('Set-Cookie')).toBeNull();
  });

  test('a result with keys of prototypes reaches none', async () => {
    const { body } = await site().call(`${root}/tasks`, {
      as: 'all',
      json: { task_type: 'poison', max_retries: 0 },
    });
    const seen = await ended(body['task_id']);
    expect(seen.text).not.toContain('isAdmin');
    expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
    expect(await site().statusOf(`${root}/status`, { as: 'all' })).toBe(200);
  });

  test('labels come out as they are, in JSON', async () => {
    const { body, headers } = await site().call(`${root}/agents/ada`, { as: 'all' });
    expect(body['labels']).toEqual({ site: hostile });
    expect(headers.get('Content-Type')).toContain('application/json');
  });
});

describe('what goes into headers, paths and subjects', () => {
  test('no header of a request can add one to the answer', async () => {
    const odd = [
      'a\r\nSet-Cookie: a=b',
      'a\r\n Set-Cookie: a=b',
      'a\nSet-Cookie: a=b',
      'a%0d%0aSet-Cookie: a=b',
      'a\0b',
    ];
    for (const name of ['X-Request-Id', 'Idempotency-Key', 'Min-Sequence']) {
      for (const value of odd) {
        const headers = [`${name}: ${value}`, 'Content-Type: application/json', 'Content-Length: 17'];
        const line = `POST ${root}/tasks HTTP/1.1`;
        const sent = requestText({ line, host: 'localhost', headers, body: '{"task_type":"x"}' });
        const answer = await rawExchange(site().open.url, sent);
        expect(answer).toMatch(/^HTTP\/1\.1 (201|400) /);
        expect(answer).not.toMatch(/\nset-cookie/i);
      }
    }
  });

  test('two requests cannot be smuggled as one', async () => {
    const headers = ['Content-Length: 4', 'Transfer-Encoding: chunked', 'Content-Type: application/json'];
    const line = `POST ${root}/tasks HTTP/1.1`;
    const body = `0\r\n\r\nGET ${root}/status HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const answer = await rawExchange(
      site().open.url,
      requestText({ line, host: 'localhost', headers, body }),
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400']);
  });

  const odd =
    '* > . .. %2A %3E %2e %2e%2e %2e. a.b a.* a.> %00 a%00b %20 a%20b %09 %0d%0a $ %F0%9F%92%A5 %ff ; , :'.split(
      ' ',
    );
  test.each(odd)('the id %s names nothing', async (id) => {
    for (const operation of site().document.operations.filter(({ path }) => path.includes('{'))) {
      const line = `${operation.method} ${operation.path.replaceAll(/\{\w+\}/g, id)} HTTP/1.1`;
      const json = operation.body === null ? '' : '{"voter":"grace","decision":"approve"}';
      const type = ['Content-Type: application/json', `Content-Length: ${json.length}`];
      const headers = json === '' ? [] : type;
      const answer = await rawExchange(
        site().open.url,
        requestText({ line, host: 'localhost', headers, body: json }),
      );
      expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
    }
  });
});
