// Drives Chromium for tests that are written in Rust: reads one JSON command a line, does it, and
// writes what came of it as one JSON line. It judges nothing. It ends when its input does.
//
//   node driver.mjs CHROMIUM CERTIFICATE     the only server certificate that is believed
//
// The first line says whether Chromium has started.
import { createHash, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

import { examined } from "./axe.mjs";
import { launch } from "./chromium.mjs";
import { seen } from "./seen.mjs";

// Milliseconds: until a wait fails, and between two looks of one that must load the page again.
const LIMIT = 25_000;
const BEAT = 250;
const SIZES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

const browser = await started(process.argv[2], process.argv[3]);
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
    contexts.set(name, { context, requests, size, scripting });
  },

  /** From now on a profile has the cookies of another one, too. */
  async adopt({ context, from }) {
    await contexts.get(context).context.addCookies(await contexts.get(from).context.cookies());
  },

  async tab({ name, context }) {
    const { context: profile, size, scripting } = contexts.get(context);
    const page = await profile.newPage();
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    tabs.set(name, { page, complaints, size, scripting });
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

  /** Clicks, or touches on a phone; with `until`, waits for that and says how long it took. */
  async click({ tab, selector, until }) {
    const { page, size } = tabs.get(tab);
    await page.waitForSelector(selector);
    const before = performance.now();
    await page[size === "phone" ? "tap" : "click"](selector, { noWaitAfter: true });
    if (until) await page.waitForSelector(until, { state: "attached" });
    return performance.now() - before;
  },

  async wait({ tab, selector, state }) {
    await pageOf(tab).waitForSelector(selector, { state });
  },

  async back({ tab }) {
    // A page that was kept does not load again, so there is nothing else to wait for.
    await pageOf(tab).goBack({ waitUntil: "commit" });
  },

  async reload({ tab }) {
    await pageOf(tab).reload({ waitUntil: "load" });
  },

  /** Loads the page again and again until something is there. */
  async reload_until({ tab, selector, seconds }) {
    const page = pageOf(tab);
    const end = performance.now() + seconds * 1000;
    while (await page.locator(selector).count() === 0) {
      if (performance.now() > end) throw new Error(`${selector} did not come in ${seconds} s`);
      await pause(BEAT);
      await page.reload({ waitUntil: "load" });
    }
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

  async seen({ tab }) {
    return pageOf(tab).evaluate(seen);
  },

  /** Several tabs at once: what can be seen, whether it fits that width, and what axe-core finds. */
  async examine({ looks }) {
    return Promise.all(looks.map(async ({ tab, path, width, height }) => {
      const { page, scripting } = tabs.get(tab);
      const present = await page.evaluate(seen);
      if (path) await page.screenshot({ path, fullPage: true });
      const size = page.viewportSize();
      await page.setViewportSize({ width, height });
      const { wider_than_screen } = await page.evaluate(seen);
      await page.setViewportSize(size);
      return { seen: present, wider_when_narrow: wider_than_screen, axe: await examined(page, scripting) };
    }));
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
  say(answer);
}
await browser.close();

async function started(chromium, certificate) {
  try {
    const browser = await launch(chromium, await trusted(certificate));
    say({ done: browser.version() });
    return browser;
  } catch (error) {
    say({ failed: error.message });
    process.exit(1);
  }
}

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

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
