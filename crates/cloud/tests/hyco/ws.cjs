// Listeners and senders of hyco-ws, unmodified.
'use strict';

const { after, connectUri, httpUri, listenKey, listenUri, once, run, sendKey } =
  require('./common.cjs');

const hyco = require('hyco-ws');

const mayListen = (seconds) => hyco.createRelayToken(httpUri, 'listen-rule', listenKey, seconds);
const maySend = () => hyco.createRelayToken(httpUri, 'send-rule', sendKey, 60);

const listener = (token, options = {}) =>
  new hyco.RelayedServer({ server: listenUri, token, ...options });

/** The status with which a sender is refused. */
const refused = (token) => new Promise((resolve, reject) => {
  const sender = hyco.relayedConnect(connectUri, token, () => reject(new Error('accepted')));
  sender.on('error', () => {});
  sender.on('unexpected-response', (_, response) => {
    resolve([response.statusCode, response.headers['relay-error'] ?? null]);
    sender.terminate();
  });
});

const stories = {
  /** Sender and listener speak both ways, and each may end it. */
  async both_ways() {
    const server = listener(() => mayListen(60));
    await once(server, 'listening');
    const told = { echoed: [] };
    const large = Buffer.alloc(500_000, 7);
    server.on('connection', (socket) => {
      socket.on('message', (message) => socket.send(message));
      socket.on('close', (code, reason) => { told.listener_heard ??= [code, String(reason)]; });
    });
    const sender = hyco.relayedConnect(connectUri, maySend());
    await once(sender, 'open');
    for (const message of ['text', 'ünïcode', Buffer.from([1, 2, 3]), large, '']) {
      sender.send(message);
      const back = await once(sender, 'message');
      told.echoed.push(Buffer.from(message).equals(Buffer.from(back)) && typeof back === typeof message);
    }
    sender.close(4001, 'enough');
    await once(sender, 'close');
    while (told.listener_heard === undefined) await after(10);

    const spoken = new Promise((resolve) => server.once('connection', resolve));
    const second = hyco.relayedConnect(connectUri, maySend());
    await once(second, 'open');
    const socket = await spoken;
    if (socket.readyState !== hyco.OPEN) await once(socket, 'open');
    const first = once(second, 'message');
    socket.send('the listener begins');
    told.begun = await first;
    const closed = new Promise((resolve) => second.on('close', (...why) => resolve(why)));
    socket.close(4002, 'no more');
    const [code, reason] = await closed;
    told.sender_heard = [code, String(reason)];
    return told;
  },

  /** Several at once, each with its own subprotocol. */
  async many() {
    const server = listener(() => mayListen(60));
    await once(server, 'listening');
    server.on('connection', (socket) => socket.on('message', (text) => socket.send(`${text}!`)));
    const speak = async (number) => {
      const options = { headers: { ServiceBusAuthorization: maySend() } };
      const sender = new hyco(connectUri, 'chat', options);
      await once(sender, 'open');
      sender.send(`${number}`);
      const back = await once(sender, 'message');
      const agreed = sender.protocol;
      sender.close();
      return back === `${number}!` && agreed === 'chat';
    };
    const all = await Promise.all(Array.from({ length: 20 }, (_, number) => speak(number)));
    return { all: all.every((one) => one) };
  },

  /** Who may not listen or send; a listener that means to decline, which makes the client throw. */
  async refusals() {
    const told = { nobody: await refused(maySend()) };
    const guess = hyco.createRelayToken(httpUri, 'listen-rule', 'guess', 60);
    const stranger = listener(guess);
    told.listen = String((await once(stranger, 'error')).message);
    stranger.on('error', () => {});
    stranger.closeRequested = true;
    told.send = await refused(hyco.createRelayToken(httpUri, 'send-rule', 'guess', 60));
    told.right = await refused(mayListen(60));
    const server = listener(() => mayListen(60), { handleProtocols: (_, answer) => answer(false) });
    await once(server, 'listening');
    const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
    const waiting = refused(maySend());
    told.thrown = (await thrown).name;
    told.declined = await waiting;
    return told;
  },

  /** A channel that ends with its token, because hyco-ws was given no way to renew it. */
  async expiry() {
    const server = listener(mayListen(4));
    server.on('error', () => {});
    await once(server, 'listening');
    const code = await new Promise((resolve) => server.controlChannel.on('close', resolve));
    server.closeRequested = true;
    return { code };
  },
};

run(stories);
