// Drives Chromium for tests that are written in Rust: reads one JSON command a line, does it, and
// writes what came of it as one JSON line. It judges nothing. It ends when its input does.
//
//   node driver.mjs CERTIFICATE     the only server certificate that is believed
import { createHash, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

import { launch } from "./chromium.mjs";
import { examine, seen } from "./seen.mjs";

const LIMIT = 25_000;
const SIZES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

const browser = await launch(await trusted(process.argv[2]));
const contexts = new Map();
const tabs = new Map();

const commands = {
  /** A browser profile of its own. */
  async context({ name, size, scripting, scheme, locale }) {
    const context = await browser.newContext({
      ...SIZES[size], javaScriptEnabled: scripting, colorScheme: scheme, locale,
    });
    context.setDefaultTimeout(LIMIT);
    const requests = [];
    context.on("request", (request) => requests.push(recorded(request)));
    contexts.set(name, { context, requests });
  },

  async tab({ name, context }) {
    const page = await contexts.get(context).context.newPage();
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    tabs.set(name, { page, complaints });
  },

  async open({ tab, url, until }) {
    await pageOf(tab).goto(url, { waitUntil: until });
  },

  async fill({ tab, selector, text }) {
    await pageOf(tab).fill(selector, text);
  },

  async press({ tab, key, times }) {
    for (let time = 0; time < times; time++) await pageOf(tab).keyboard.press(key);
  },

  /** Clicks; with `until`, waits for that and says how long it took. */
  async click({ tab, selector, until }) {
    const page = pageOf(tab);
    await page.waitForSelector(selector);
    const before = performance.now();
    await page.click(selector, { noWaitAfter: true });
    if (until) await page.waitForSelector(until, { state: "attached" });
    return performance.now() - before;
  },

  async wait({ tab, selector, state }) {
    await pageOf(tab).waitForSelector(selector, { state });
  },

  async back({ tab }) {
    // A page that was kept does not load again, so there is nothing else to wait for.
    await pageOf(tab).goBack({ waitUntil: "commit" });
    await pause(500);
  },

  async reload({ tab }) {
    await pageOf(tab).reload({ waitUntil: "load" });
  },

  async pause({ millis }) {
    await pause(millis);
  },

  /** From now on requests for such addresses get no answer, neither a good nor a bad one. */
  async silence({ context, pattern }) {
    await contexts.get(context).context.route(pattern, () => {});
  },

  /** From now on a tab's requests for such addresses fail. */
  async refuse({ tab, pattern }) {
    await pageOf(tab).route(pattern, (route) => route.abort());
  },

  /** From now on a tab gets this script from such addresses. */
  async serve({ tab, pattern, script }) {
    const answer = { contentType: "text/javascript", body: script };
    await pageOf(tab).route(pattern, (route) => route.fulfill(answer));
  },

  /** Shows what is hidden, as a person's own style or extension might. */
  async unhide({ tab, selector }) {
    await pageOf(tab).locator(selector).evaluate((element) => { element.hidden = false; });
  },

  async look({ tab, width, height, scheme }) {
    await pageOf(tab).setViewportSize({ width, height });
    await pageOf(tab).emulateMedia({ colorScheme: scheme });
  },

  async seen({ tab }) {
    return pageOf(tab).evaluate(seen);
  },

  async examine({ tab }) {
    const page = pageOf(tab);
    // Past the page's content security policy, which would rightly refuse it.
    const session = await page.context().newCDPSession(page);
    await session.send("Runtime.evaluate", { expression: await axe() });
    await session.detach();
    return page.evaluate(examine);
  },

  async screenshot({ tab, path }) {
    await pageOf(tab).screenshot({ path, fullPage: true });
  },

  /** All requests of a profile since the last time. */
  async requests({ context }) {
    return Promise.all(contexts.get(context).requests.splice(0));
  },

  /** What the page's scripts and the browser complained about since the last time. */
  async complaints({ tab }) {
    return tabs.get(tab).complaints.splice(0);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = { done: (await commands[command](rest)) ?? null };
  } catch (error) {
    answer = { failed: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();

function pageOf(tab) {
  return tabs.get(tab).page;
}

/** A request as it left: address, all headers, and the bytes of its body. */
async function recorded(request) {
  const asked = request.headers();
  const left = request.allHeaders().catch(() => asked);
  // What is kept waiting never gets the rest of its headers.
  const headers = await Promise.race([left, pause(2_000, asked, { ref: false })]);
  const body = request.postDataBuffer()?.toString("base64") ?? "";
  return { method: request.method(), url: request.url(), headers, body };
}

async function trusted(file) {
  const certificate = new X509Certificate(await readFile(file));
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64");
}

function axe() {
  return readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
}
