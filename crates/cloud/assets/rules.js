// Which rules of a password policy a password certainly breaks: what `protocol::policy` says, for
// the page. The same vectors hold for both (crates/protocol/vectors/policy.json), and a test
// compares them character by character. AD has the last word on all of them.

const [UPPER, LOWER, DIGIT, SYMBOL, OTHER] = [1, 2, 4, 8, 16];
const JUDGES = ["windows", "samba"];
const SYMBOLS = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/";

/** Letters beyond ASCII that have a case in Samba's table: first, last, and how far apart. */
const CAPITALS = [
  [0xc0, 0xd6, 1], [0xd8, 0xde, 1], [0x100, 0x12e, 2], [0x132, 0x136, 2], [0x139, 0x147, 2],
  [0x14a, 0x178, 2], [0x179, 0x17d, 2], [0x181, 0x182, 1], [0x184, 0x186, 2], [0x187, 0x189, 2],
  [0x18a, 0x18b, 1], [0x18e, 0x191, 1], [0x193, 0x194, 1], [0x196, 0x198, 1], [0x19c, 0x19d, 1],
  [0x19f, 0x1a0, 1], [0x1a2, 0x1a4, 2], [0x1a7, 0x1a9, 2], [0x1ac, 0x1ae, 2], [0x1af, 0x1b1, 2],
  [0x1b2, 0x1b3, 1], [0x1b5, 0x1b7, 2], [0x1b8, 0x1b8, 1], [0x1bc, 0x1bc, 1], [0x1c4, 0x1c4, 1],
  [0x1c7, 0x1c7, 1], [0x1ca, 0x1ca, 1], [0x1cd, 0x1db, 2], [0x1de, 0x1ee, 2], [0x1f1, 0x1f1, 1],
  [0x1f4, 0x1f4, 1], [0x1fa, 0x216, 2], [0x386, 0x388, 2], [0x389, 0x38a, 1], [0x38c, 0x38e, 2],
  [0x38f, 0x391, 2], [0x392, 0x3a1, 1], [0x3a3, 0x3ab, 1], [0x3e2, 0x3ee, 2], [0x401, 0x40c, 1],
  [0x40e, 0x42f, 1], [0x460, 0x480, 2], [0x490, 0x4be, 2], [0x4c1, 0x4c3, 2], [0x4c7, 0x4c7, 1],
  [0x4cb, 0x4cb, 1], [0x4d0, 0x4ea, 2], [0x4ee, 0x4f4, 2], [0x4f8, 0x4f8, 1], [0x531, 0x556, 1],
  [0x1e00, 0x1e94, 2], [0x1ea0, 0x1ef8, 2], [0x1f08, 0x1f0f, 1], [0x1f18, 0x1f1d, 1],
  [0x1f28, 0x1f2f, 1], [0x1f38, 0x1f3f, 1], [0x1f48, 0x1f4d, 1], [0x1f59, 0x1f5f, 2],
  [0x1f68, 0x1f6f, 1], [0x1fb8, 0x1fbb, 1], [0x1fc8, 0x1fcb, 1], [0x1fd8, 0x1fdb, 1],
  [0x1fe8, 0x1fec, 1], [0x1ff8, 0x1ffb, 1], [0x2160, 0x216f, 1], [0x24b6, 0x24cf, 1],
  [0xff21, 0xff3a, 1],
];
const SMALL = [
  [0xe0, 0xf6, 1], [0xf8, 0xff, 1], [0x101, 0x12f, 2], [0x133, 0x137, 2], [0x13a, 0x148, 2],
  [0x14b, 0x177, 2], [0x17a, 0x17e, 2], [0x183, 0x185, 2], [0x188, 0x188, 1], [0x18c, 0x18c, 1],
  [0x192, 0x192, 1], [0x199, 0x199, 1], [0x1a1, 0x1a5, 2], [0x1a8, 0x1a8, 1], [0x1ad, 0x1ad, 1],
  [0x1b0, 0x1b0, 1], [0x1b4, 0x1b6, 2], [0x1b9, 0x1b9, 1], [0x1bd, 0x1bd, 1], [0x1c6, 0x1c6, 1],
  [0x1c9, 0x1c9, 1], [0x1cc, 0x1dc, 2], [0x1dd, 0x1ef, 2], [0x1f3, 0x1f5, 2], [0x1fb, 0x217, 2],
  [0x253, 0x254, 1], [0x256, 0x257, 1], [0x259, 0x25b, 2], [0x260, 0x260, 1], [0x263, 0x263, 1],
  [0x268, 0x269, 1], [0x26f, 0x26f, 1], [0x272, 0x272, 1], [0x275, 0x275, 1], [0x283, 0x283, 1],
  [0x288, 0x28a, 2], [0x28b, 0x28b, 1], [0x292, 0x292, 1], [0x3ac, 0x3af, 1], [0x3b1, 0x3ce, 1],
  [0x3e3, 0x3ef, 2], [0x430, 0x44f, 1], [0x451, 0x45c, 1], [0x45e, 0x45f, 1], [0x461, 0x481, 2],
  [0x491, 0x4bf, 2], [0x4c2, 0x4c4, 2], [0x4c8, 0x4c8, 1], [0x4cc, 0x4cc, 1], [0x4d1, 0x4eb, 2],
  [0x4ef, 0x4f5, 2], [0x4f9, 0x4f9, 1], [0x561, 0x586, 1], [0x1e01, 0x1e95, 2],
  [0x1ea1, 0x1ef9, 2], [0x1f00, 0x1f07, 1], [0x1f10, 0x1f15, 1], [0x1f20, 0x1f27, 1],
  [0x1f30, 0x1f37, 1], [0x1f40, 0x1f45, 1], [0x1f51, 0x1f57, 2], [0x1f60, 0x1f67, 1],
  [0x1f70, 0x1f7d, 1], [0x1fb0, 0x1fb1, 1], [0x1fd0, 0x1fd1, 1], [0x1fe0, 0x1fe1, 1],
  [0x1fe5, 0x1fe5, 1], [0x2170, 0x217f, 1], [0x24d0, 0x24e9, 1], [0xff41, 0xff5a, 1],
];

/**
 * The rules, of those that a page was given (`ShownRules`), that the password breaks, in the order
 * in which a person should hear of them: "tooShort", "tooFewKinds", "containsName".
 */
export function unmet(rules, password) {
  const broken = [];
  if (password.length < (rules.minimumLength ?? 0)) broken.push("tooShort");
  const { complexity, judgedBy } = rules;
  if (!complexity) return broken;
  const judges = judgedBy ? [judgedBy] : JUDGES;
  const most = Math.max(...judges.map((judge) => kindsAtMost(password, judge)));
  if (most < complexity.needed) broken.push("tooFewKinds");
  const folded = fold(password);
  if (complexity.names.some((name) => name !== "" && folded.includes(fold(name)))) {
    broken.push("containsName");
  }
  return broken;
}

/** As what a judge counts a character: the kinds that it may be of, and whether that is sure. */
export function counted(character, judge) {
  const sure = (possible) => ({ possible, sure: true });
  const perhaps = (possible) => ({ possible, sure: false });
  if (/^[0-9]$/.test(character)) return sure(DIGIT);
  if (/^[A-Z]$/.test(character)) return sure(UPPER);
  if (/^[a-z]$/.test(character)) return sure(LOWER);
  if (character <= "\x7f") return sure(SYMBOLS.includes(character) ? SYMBOL : 0);
  if (judge === "samba") return sure(caseOf(character) ?? OTHER);
  const upper = /\p{Uppercase}/u.test(character);
  if (upper || /\p{Lowercase}/u.test(character)) {
    const kind = upper ? UPPER : LOWER;
    const european = /[\u00c0-\u024f\u0370-\u052f\u1e00-\u1fff]/.test(character);
    return european ? sure(kind) : perhaps(kind | OTHER);
  }
  if (/\p{N}/u.test(character)) return perhaps(DIGIT | OTHER);
  if (!/\p{Alphabetic}/u.test(character)) return sure(0);
  if (character.toLowerCase() !== character) return perhaps(UPPER | LOWER | OTHER);
  return character.length > 1 ? perhaps(OTHER) : sure(OTHER);
}

function kindsAtMost(password, judge) {
  let [sure, possible, unsure] = [0, 0, 0];
  for (const character of password) {
    const as = counted(character, judge);
    possible |= as.possible;
    if (as.sure) sure |= as.possible;
    else unsure += 1;
  }
  return Math.min(count(possible), count(sure) + unsure);
}

function count(kinds) {
  return [UPPER, LOWER, DIGIT, SYMBOL, OTHER].filter((kind) => kinds & kind).length;
}

/** Without regard to case, for letters whose case every table agrees about. */
function fold(text) {
  const small = (c) => (/[A-Z]/.test(c) || caseOf(c) === UPPER ? c.toLowerCase() : c);
  return Array.from(text, small).join("");
}

function caseOf(character) {
  const code = character.codePointAt(0);
  const among = ([first, last, step]) =>
    first <= code && code <= last && (code - first) % step === 0;
  if (CAPITALS.some(among)) return UPPER;
  return SMALL.some(among) ? LOWER : undefined;
}
