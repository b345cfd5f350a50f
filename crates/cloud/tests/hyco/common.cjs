// What the scripts share: addresses with a port, which the clients' own helpers do not make, and
// how a script ends.
'use strict';

const https = require('node:https');

const asked = JSON.parse(process.argv[2]);
const { address, path, listen_key: listenKey, send_key: sendKey } = asked;

const limit = setTimeout(() => fail(new Error('it did not come to an end')), 60_000);

function fail(error) {
  console.error(error);
  process.exit(1);
}

/** Runs `story`, and prints what comes of it as the last line. */
exports.run = function run(stories) {
  stories[asked.story]().then((told) => {
    clearTimeout(limit);
    process.stdout.write(`\n${JSON.stringify(told)}\n`, () => process.exit(0));
  }, fail);
};

exports.asked = asked;
exports.listenKey = listenKey;
exports.sendKey = sendKey;
exports.listenUri = `wss://${address}/$hc/${path}?sb-hc-action=listen`;
exports.connectUri = `wss://${address}/$hc/${path}?sb-hc-action=connect`;
exports.httpUri = `http://${address}/${path}`;

/** Waits. */
exports.after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The next event of this name. */
exports.once = (source, name) => new Promise((resolve) => source.once(name, resolve));

/** Sends one request by Node's own client: status, its name, headers and body of the answer. */
exports.send = function send(token, { method = 'POST', suffix = '', headers = {}, body = '' }) {
  const options = { method, headers: { ServiceBusAuthorization: token, ...headers } };
  return new Promise((resolve, reject) => {
    const request = https.request(`https://${address}/${path}${suffix}`, options, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => resolve({
        status: answer.statusCode,
        reason: answer.statusMessage,
        headers: answer.headers,
        body: Buffer.concat(parts),
      }));
    });
    request.on('error', reject);
    if (Array.isArray(body)) {
      for (const part of body) request.write(part);
      request.end();
    } else {
      request.end(body);
    }
  });
};
