// A line made fit to be shown: text and colour names, nothing else. The twin of views_output.py.

const SEQUENCE =
  /\x1b\[([0-9;:?<=>]*)[ -\/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[ -\/]*[0-~]?|\x9b[0-?]*[ -\/]*[@-~]/g;
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const WEIGHTS = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike" };
const ENDS = { 22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 27: ["inverse"], 29: ["strike"] };

// [[text, [look, ...]], ...] of one line.
export function runs(line) {
  const trimmed = line.replace(/\r+$/, "");
  const visible = trimmed.slice(trimmed.lastIndexOf("\r") + 1);
  if (!/[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(visible)) {
    return visible ? [[visible, []]] : [];
  }
  const found = [];
  const look = new Map();
  let at = 0;
  const add = (piece) => {
    const clean = piece.replace(CONTROL, "");
    if (clean) found.push([clean, [...look.values()]]);
  };
  for (const match of visible.matchAll(SEQUENCE)) {
    add(visible.slice(at, match.index));
    if (match[2] === "m") turn(look, match[1]);
    at = match.index + match[0].length;
  }
  add(visible.slice(at));
  return found;
}

function turn(look, args) {
  const codes = args.split(/[;:]/).map((part) => (/^\d+$/.test(part) ? Number(part) : 0));
  while (codes.length) {
    const code = codes.shift();
    if (code === 0) look.clear();
    else if (WEIGHTS[code]) look.set(WEIGHTS[code], WEIGHTS[code]);
    else if (ENDS[code]) for (const name of ENDS[code]) look.delete(name);
    else if (code === 38 || code === 48) rich(look, code === 38 ? "fg" : "bg", codes);
    else basic(look, code);
  }
}

function basic(look, code) {
  for (const [plane, base, bright] of [["fg", 30, 90], ["bg", 40, 100]]) {
    if (code >= base && code < base + 8) look.set(plane, `${plane}${code - base}`);
    else if (code >= bright && code < bright + 8) look.set(plane, `${plane}${code - bright + 8}`);
    else if (code === base + 9) look.delete(plane);
  }
}

function rich(look, plane, codes) {
  const kind = codes.shift() ?? 0;
  if (kind === 5 && codes.length) look.set(plane, `${plane}${of256(codes.shift())}`);
  else if (kind === 2 && codes.length >= 3) look.set(plane, `${plane}${ofRgb(...codes.splice(0, 3))}`);
}

function of256(value) {
  if (value < 16) return value;
  if (value >= 232) {
    const level = (Math.min(value, 255) - 232) * 10 + 8;
    return ofRgb(level, level, level);
  }
  const cube = value - 16;
  return ofRgb(Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51);
}

function ofRgb(red, green, blue) {
  const highest = Math.max(red, green, blue);
  if (highest - Math.min(red, green, blue) < 32) return [0, 8, 7, 15][Math.min(Math.floor(highest / 64), 3)];
  const half = highest / 2;
  const base = (red > half ? 1 : 0) + (green > half ? 2 : 0) + (blue > half ? 4 : 0);
  return base + (highest > 200 ? 8 : 0);
}
