// Holds the page's own rules.js, whose path is the first argument, to the vectors in the second.
// Reads from standard input as what Rust counts every character: for each judge a list of
// [first, last, possible, sure]. Writes what differs, one JSON line; nothing else needs to be there.
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";

const [script, vectors] = await Promise.all(
  process.argv.slice(2).map((path) => readFile(path, "utf8")));
// A script by itself is no module to node; the browser is told so by its media type.
const { counted, unmet } = await import(
  `data:text/javascript;base64,${Buffer.from(script).toString("base64")}`);

const differences = [];
let [verdicts, characters] = [0, 0];
for (const { name, rules, verdicts: expected } of JSON.parse(vectors)) {
  for (const { password, unmet: wanted } of expected) {
    const found = unmet(rules, password);
    verdicts += 1;
    if (JSON.stringify(found) !== JSON.stringify(wanted)) {
      differences.push(`${name}: ${JSON.stringify(password)} ${found} instead of ${wanted}`);
    }
  }
}
for (const [judge, runs] of Object.entries(JSON.parse(await text(process.stdin)))) {
  for (const [first, last, possible, sure] of runs) {
    for (let code = first; code <= last; code++) {
      const character = String.fromCodePoint(code);
      // Two tables of Unicode may be of different age: who does not know a character has no say.
      if (/\p{Cn}/u.test(character)) continue;
      characters += 1;
      const as = counted(character, judge);
      if (as.possible !== possible || as.sure !== sure) {
        differences.push(`${judge}: ${code.toString(16)} ${JSON.stringify(as)}`);
      }
    }
  }
}
process.stdout.write(`${JSON.stringify({ verdicts, characters, differences })}\n`);
