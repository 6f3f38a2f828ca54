import { h, icon, number, shown, text } from "./dom.js";
import { Wire } from "./model.js";
import { living } from "./places.js";

// A terminal: keys go straight to the process, its bytes straight to xterm.js; nothing else on a page ever interprets what a
// container prints. terminal.js fetches this, with the emulator, once a page.

const NUDGES = [5, 12]; // ms after a key: two empty messages that carry the acknowledgement a stock server's socket waits for
const HISTORY = 256 * 1024; // bytes that a view which opens later is given
const BEHIND = 128 * 1024; // bytes drawn after which the kernel is told; each telling costs it three messages
const ANSWER = /^\x1b(\[[?>]?[\d;]*[Rcn]|[P\]].*)$/s; // where it is, what it is, which colours it has
const UNHEARD = 2500; // ms until keys that the kernel has not taken are said to wait: it tells of them with what it says anyway
const RESIZE = 80; // ms without a change until a new size is told

class Session {
  // emulator: Terminal, FitAddon, and the css of both.
  constructor(emulator) {
    this.emulator = emulator;
    this.views = new Set();
    this.history = [];
    this.before = 0;
    this.keys = 0;
    this.unheard = null; // since when keys wait that the kernel has not taken
    this.drawn = this.told = 0; // bytes since the last replay: put on the screen, and told the kernel of
  }

  open(model) {
    this.facts = model.get("initial");
    this.wire = new Wire(model, (message, buffers) => this.hear(message, buffers), () => this.tick());
    return () => this.wire.close();
  }

  hear(message, buffers) {
    const bytes = buffers?.length ? buffers.map(octets) : [];
    if (message.replay) {
      this.history = [bytes[0]];
      this.before = message.before;
      this.drawn = this.told = 0;
      for (const view of this.views) view.restart();
    } else if (message.output) {
      this.keep(bytes[0]);
      for (const view of this.views) view.write(bytes[0]);
    }
    if (message.ended) this.ended = message.ended;
    const heard = message.typed?.[this.wire.page];
    if (heard) this.unheard = heard === this.keys ? null : performance.now();
    this.tick();
  }

  // A key, or what the emulator answers to a question of the program's: for that nobody waits.
  key(bytes, asked) {
    this.keys += 1;
    this.unheard ??= performance.now();
    this.wire.send({ type: "key", keys: Array.from(bytes), n: this.keys });
    if (asked) return;
    for (const later of NUDGES) setTimeout(() => this.wire.send({ type: "nudge" }), later);
  }

  get waits() {
    return this.wire.busy || (this.unheard !== null && performance.now() - this.unheard > UNHEARD);
  }

  keep(bytes) {
    this.history.push(bytes);
    this.held = this.history.reduce((sum, one) => sum + one.length, 0);
    while (this.held > HISTORY && this.history.length > 1) this.held -= this.history.shift().length;
  }

  // The first view that is there tells how far the page is.
  wrote(view, size) {
    if (view !== this.views.values().next().value) return;
    this.drawn += size;
    if (this.drawn - this.told < BEHIND) return;
    this.told = this.drawn;
    this.wire.send({ type: "ack", at: this.drawn });
  }

  tick() {
    for (const view of this.views) view.tick();
  }
}

const octets = (buffer) => new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength);

class TerminalView {
  constructor(session, el) {
    this.session = session;
    this.title = h("strong", { class: "tf-name" }, `${session.facts.name}`);
    this.what = h("code", { class: "tf-image" }, session.facts.command);
    this.size = h("span", { class: "tf-time" });
    this.state = h("span", { class: "tf-chip", role: "status" });
    this.end = h("button", { type: "button", class: "tf-button", onclick: () => session.wire.ask({ type: "close" }), title: "end it", "aria-label": "close this terminal" }, icon("trash"), "Close");
    this.box = h("div", { class: "tf-screen", "data-lm-suppress-shortcuts": "true", "aria-label": `terminal of ${session.facts.name}; Shift and Escape leave it` });
    this.box.addEventListener("keydown", (event) => this.key(event), true);
    this.box.addEventListener("keydown", (event) => event.stopPropagation());
    this.root = h("div", { class: "tfnz tf-card tf-terminal", role: "group", "aria-label": `terminal ${session.facts.name}` },
      h("div", { class: "tf-head" }, h("span", { class: "tf-title" }, this.title, this.what), this.state, this.size, this.end), this.box);
    el.append(h("style", null, session.emulator.css), this.root);
    session.views.add(this);
    this.tick();
    this.watcher = new ResizeObserver(() => (this.term ? this.refit() : this.start(session.emulator)));
    this.watcher.observe(this.box);
  }

  // Once it has a size: an emulator measures the page, so it must stand in it.
  start({ Terminal, FitAddon }) {
    this.term = new Terminal({ fontFamily: look(this.root, "--jp-code-font-family") || "monospace", fontSize: 13, scrollback: 5000, theme: colours(this.root), cursorBlink: true, macOptionIsMeta: true, allowProposedApi: false });
    this.fit = new FitAddon();
    this.term.loadAddon(this.fit);
    this.term.open(this.box);
    this.term.onData((keys) => this.type(new TextEncoder().encode(keys), ANSWER.test(keys)));
    this.term.onBinary((keys) => this.type(Uint8Array.from(keys, (key) => key.charCodeAt(0))));
    this.themes = new MutationObserver(() => { this.term.options.theme = colours(this.root); });
    this.themes.observe(document.body, { attributes: true });
    this.root.dataset.ready = "true";
    this.fit.fit();
    this.sized();
    this.term.onResize(() => this.sized());
    this.restart();
    this.term.focus();
  }

  // Every key is the shell's, Tab too; this one gives the page back to who has no mouse.
  key(event) {
    if (event.key !== "Escape" || !event.shiftKey) return;
    event.stopPropagation();
    event.preventDefault();
    this.end.focus();
  }

  restart() {
    if (!this.term) return;
    this.term.write("\x1bc"); // in its turn: what was written before may still be waiting
    for (const bytes of this.session.history) this.write(bytes);
  }

  write(bytes) {
    this.term?.write(bytes, () => this.session.wrote(this, bytes.length));
  }

  type(bytes, asked = false) {
    if (this.session.ended) return;
    this.session.key(bytes, asked);
  }

  refit() {
    clearTimeout(this.fitting);
    this.fitting = setTimeout(() => this.fit?.fit(), RESIZE);
  }

  sized() {
    const { cols, rows } = this.term;
    text(this.size, `${cols} \u00d7 ${rows}`);
    Object.assign(this.root.dataset, { cols, rows });
    if (!this.session.ended) this.session.wire.send({ type: "size", columns: cols, rows });
  }

  tick() {
    const { ended, before, wire } = this.session;
    const silent = ended ? 0 : wire?.silent ?? 0;
    const words = ended ? (ended.code === null ? `ended: ${ended.reason}` : `ended with code ${ended.code}`)
      : silent ? `no word from the kernel for ${Math.round(silent)} s`
      : wire && this.session.waits ? "a cell is running: keys wait for it"
      : before ? `${number(before)} bytes before these are gone` : "";
    text(this.state, words);
    shown(this.state, Boolean(words));
    shown(this.end, !ended);
    this.root.dataset.state = ended ? "ended" : "running";
    if (this.term && ended) this.term.options.disableStdin = true;
  }

  remove() {
    this.session.views.delete(this);
    this.watcher.disconnect();
    this.themes?.disconnect();
    clearTimeout(this.fitting);
    this.term?.dispose();
  }
}

const look = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const ANSI = [...NAMES, ...NAMES.map((name) => `bright${name[0].toUpperCase()}${name.slice(1)}`)];

// xterm wants plain colours: what the theme says, as the browser computes it; the sixteen are those of every log.
function colours(root) {
  const style = getComputedStyle(root);
  const probe = root.appendChild(h("i"));
  const sixteen = ANSI.map((name, n) => {
    probe.className = `tf-fg${n}`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return { background: style.backgroundColor, foreground: style.color, cursor: style.color, selectionBackground: "#6b8afd66", ...Object.fromEntries(sixteen) };
}

export default (emulator) => living(new Session(emulator), TerminalView);
