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

/** Starts it; `trusted` is the SHA-256 of the one public key that is believed without a CA. */
export function launch(trusted) {
  const args = trusted ? [...QUIET, `--ignore-certificate-errors-spki-list=${trusted}`] : QUIET;
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args,
    // People's browsers keep pages for the way back; so does this one.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
}
