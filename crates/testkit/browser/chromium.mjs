// The system's Chromium, headless: nothing is downloaded but two npm packages.
import { chromium } from "playwright-core";

const QUIET = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];
/** Milliseconds until it must have started. */
const START = 20_000;

/** Starts it; `trusted` is the SHA-256 of the one public key that is believed without a CA. */
export function launch(executablePath, trusted) {
  const args = trusted ? [...QUIET, `--ignore-certificate-errors-spki-list=${trusted}`] : QUIET;
  return chromium.launch({
    executablePath,
    args,
    timeout: START,
    // People's browsers keep pages for the way back; so does this one.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
}
