// Runs the page's own seal.js in Chromium, whose path is the argument. Reads {"script": path,
// "passwords": […], "seal": […]} from standard input, and writes one JSON line: what passwordArea
// and sealFor made, in base64url.
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";

import { launch } from "./chromium.mjs";

// WebCrypto is there in secure contexts only; no request for this name leaves the browser.
const ORIGIN = "https://vectors.test";

const asked = JSON.parse(await text(process.stdin));
const script = await readFile(asked.script, "utf8");
const browser = await launch(process.argv[2]);
try {
  const page = await browser.newPage();
  await page.route("**", (route) => route.fulfill(answer(route.request().url())));
  await page.goto(`${ORIGIN}/`);
  const made = await page.evaluate(make, asked);
  process.stdout.write(`${JSON.stringify(made)}\n`);
} finally {
  await browser.close();
}

function answer(url) {
  if (url === `${ORIGIN}/seal.js`) return { contentType: "text/javascript", body: script };
  return { contentType: "text/html", body: "<!doctype html><title>vectors</title>" };
}

/** Runs in the page. A password is a list of UTF-16 code units: half a pair has no other form. */
async function make({ passwords, seal }) {
  const { fromBase64Url, passwordArea, passwordProblem, sealFor, sealForAll, toBase64Url } =
    await import("/seal.js");
  const areas = passwords.map((units) => {
    const text = String.fromCharCode(...units);
    const problem = passwordProblem(text);
    try {
      return { problem, area: toBase64Url(passwordArea(text)) };
    } catch (error) {
      return { problem, refused: error.message };
    }
  });
  const sealed = [];
  for (const { ticket, units, content_key, nonce } of seal) {
    const text = String.fromCharCode(...units);
    const [key, iv] = [fromBase64Url(content_key), fromBase64Url(nonce)];
    const replayed = await sealFor(ticket.agents[0], passwordArea(text), key, iv);
    sealed.push({
      replayed: toBase64Url(replayed),
      posted: [await sealForAll(ticket, text), await sealForAll(ticket, text)],
    });
  }
  return { areas, sealed };
}
