// Runs axe-core on a page, whatever the page itself may run: in a world of its own, which the page's
// content security policy and "scripting is off" do not reach, and in which the page sees nothing.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

// WCAG 2.0, 2.1 and 2.2, A and AA, and what axe-core recommends besides. Naming the tags also turns
// on rules that are off by default, such as the size of targets.
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];

let source;

/** What it found: every violation, with what it could not decide as `undecided`. */
export async function examined(page, scripting) {
  source ??= await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  const session = await page.context().newCDPSession(page);
  try {
    const { frameTree } = await session.send("Page.getFrameTree");
    const world = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
    const contextId = world.executionContextId;
    if (!scripting) await evaluated(session, contextId, `(${prepare})()`);
    await evaluated(session, contextId, `${source};0`);
    return await evaluated(session, contextId, `(${run})(${JSON.stringify(TAGS)})`);
  } finally {
    await session.detach();
  }
}

async function evaluated(session, contextId, expression) {
  const asked = { expression, contextId, awaitPromise: true, returnByValue: true };
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", asked);
  if (exceptionDetails) throw new Error(`axe-core: ${JSON.stringify(exceptionDetails)}`);
  return result.value;
}

/** With scripting off no timer ever fires, and axe-core takes whatever is in `noscript` as hidden. */
function prepare() {
  globalThis.setTimeout = (call, _millis, ...rest) => {
    Promise.resolve().then(() => call(...rest));
    return 0;
  };
  for (const one of document.querySelectorAll("noscript")) one.replaceWith(...one.childNodes);
}

async function run(tags) {
  const wanted = { runOnly: { type: "tag", values: tags }, resultTypes: ["violations", "incomplete"] };
  const { violations, incomplete, passes } = await globalThis.axe.run(document, wanted);
  const finding = ({ id, impact, help, nodes }) => ({
    id, impact, help,
    nodes: nodes.map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary}`),
  });
  return { passed: passes.length, findings: violations.map(finding), undecided: incomplete.map(finding) };
}
