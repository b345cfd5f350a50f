// A listener of hyco-https, unmodified, and senders that know nothing of relays.
'use strict';

const { createHash } = require('node:crypto');

const { after, httpUri, listenKey, listenUri, once, run, send, sendKey } = require('./common.cjs');

// What the client waits an hour for comes in a quarter of a second: its timer is the only thing
// here that is not as published.
const setIntervalInEarnest = global.setInterval;
global.setInterval = (work, ms, ...rest) =>
  setIntervalInEarnest(work, ms >= 3_600_000 ? 250 : ms, ...rest);

const hyco = require('hyco-https');

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const mayListen = (seconds) => hyco.createRelayToken(httpUri, 'listen-rule', listenKey, seconds);
const maySend = () => hyco.createRelayToken(httpUri, 'send-rule', sendKey, 60);

/** Answers with what it was asked, or with as many bytes as it was told. */
function answer(request, response) {
  const parts = [];
  request.on('data', (part) => parts.push(Buffer.from(part)));
  request.on('end', () => {
    const body = Buffer.concat(parts);
    const status = Number(request.headers['x-status'] ?? 200);
    response.setHeader('X-Seen', `${request.method} ${request.url}`);
    response.setHeader('X-Sha256', sha256(body));
    response.setHeader('X-Via', String(request.headers.via));
    response.setHeader('X-Token', String(request.headers.servicebusauthorization));
    response.writeHead(status, request.headers['x-reason']);
    const size = Number(request.headers['x-size'] ?? 0);
    if (status === 204 || size === 0) return response.end();
    response.end(Buffer.alloc(size, 'a'));
  });
}

function listener(token, handler = answer) {
  const server = hyco.createRelayedServer({ server: listenUri, token }, handler);
  server.listen();
  return server;
}

const stories = {
  /** Requests and answers of all sizes. */
  async sizes() {
    const server = listener(() => mayListen(60));
    await once(server, 'listening');
    const told = [];
    for (const [sent, size] of [
      [0, 0], [10, 10], [65_000, 65_000], [65_536, 65_536], [65_537, 65_537], [1_000_000, 1_048_576],
    ]) {
      const body = Buffer.alloc(sent, 'q');
      const got = await send(maySend(), { body, suffix: '/deep?x=1', headers: { 'X-Size': size } });
      told.push({
        sent, size,
        status: got.status,
        answered: got.body.length,
        whole: got.body.equals(Buffer.alloc(size, 'a')),
        seen: got.headers['x-seen'],
        same: got.headers['x-sha256'] === sha256(body),
        via: [got.headers['x-via'], got.headers.via],
        token: got.headers['x-token'],
      });
    }
    return told;
  },

  /** What an answer is besides its body; bodies in pieces; many at once. */
  async kinds() {
    const server = listener(() => mayListen(60));
    await once(server, 'listening');
    const status = async (wish) => {
      const got = await send(maySend(), wish);
      return [got.status, got.reason, got.headers['x-seen'], got.body.length];
    };
    const told = {
      named: await status({ headers: { 'X-Status': 418, 'X-Reason': 'Short and stout' } }),
      empty: await status({ headers: { 'X-Status': 204 } }),
      after_empty: await status({ method: 'GET', suffix: '/next' }),
      deleted: await status({ method: 'DELETE', suffix: '/x', headers: { 'X-Size': 3 } }),
    };
    const pieces = await send(maySend(), { body: ['in ', 'pieces'] });
    told.pieces = pieces.headers['x-sha256'] === sha256('in pieces');
    const sizes = Array.from({ length: 40 }, (_, index) => (index % 8 === 7 ? 70_000 : index + 1));
    const many = await Promise.all(sizes.map((size) =>
      send(maySend(), { body: `${size}`, headers: { 'X-Size': size } })));
    told.many = many.every((got, index) =>
      got.body.length === sizes[index] && got.headers['x-sha256'] === sha256(`${sizes[index]}`));
    return told;
  },

  /** A channel that outlives its first token because it is renewed, and one that does not. */
  async renewal() {
    const heard = [];
    const kept = listener(() => mayListen(3));
    kept.on('listening', () => heard.push('listening'));
    await once(kept, 'listening');
    const channel = kept.controlChannel;
    await after(6_500);
    const got = await send(maySend(), { body: 'x' });
    const told = { status: got.status, same: kept.controlChannel === channel, heard };
    kept.close();
    await once(kept, 'close');
    const lost = listener(mayListen(3));
    lost.on('error', () => {});
    await once(lost, 'listening');
    told.code = await new Promise((resolve) => lost.controlChannel.on('close', resolve));
    lost.closeRequested = true;
    return told;
  },

  /** Keys that are wrong, and a sender where nobody listens. */
  async refusals() {
    const told = {};
    const nobody = await send(maySend(), {});
    told.nobody = [nobody.status, nobody.headers['relay-error'], nobody.headers.via ?? null];
    const wrong = hyco.createRelayToken(httpUri, 'listen-rule', sendKey, 60);
    const server = listener(wrong);
    told.listen = String((await once(server, 'error')).message);
    server.on('error', () => {});
    server.closeRequested = true;
    told.send = (await send(hyco.createRelayToken(httpUri, 'send-rule', 'guess', 60), {})).status;
    told.right = (await send(mayListen(60), {})).status;
    const elsewhere = httpUri.replace(/[^/]*$/, 'elsewhere');
    const other = hyco.createRelayToken(elsewhere, 'send-rule', sendKey, 60);
    told.path = (await send(other, {})).status;
    return told;
  },
};

run(stories);
