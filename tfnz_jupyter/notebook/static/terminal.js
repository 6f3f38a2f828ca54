// What the widget of every terminal carries. The terminal itself (console.js, xterm.js, their styles) is the same for all: a
// page asks a kernel for it once, packed, whatever number of terminals it shows.

const AGAIN = 5000; // ms without it until the next terminal asks its own kernel: the one that was asked may have gone
const BUSY = 700; // ms until a view says what it waits for

// What the page has of a version of it, or waits for; a failed attempt is forgotten, so that the next terminal tries again.
class Shared {
  constructor(forget) {
    this.waiting = []; // models, whose kernels are asked in turn: the newest first, as it is the likeliest to be there
    this.made = new Promise((resolve) => { this.give = resolve; });
    const timer = setInterval(() => this.ask(), AGAIN);
    this.made.catch(forget).finally(() => clearInterval(timer));
  }

  ask() {
    const model = this.waiting.shift();
    if (!model) return;
    this.waiting.push(model);
    model.send({ type: "emulator" });
  }

  // Wait for it with others, on behalf of a model; gives what ends that.
  join(model) {
    const hear = (message, buffers) => message.emulator && this.give(unpacked(message.emulator, buffers[0]));
    const leave = () => {
      this.waiting = this.waiting.filter((other) => other !== model);
      model.off("msg:custom", hear);
    };
    model.on("msg:custom", hear);
    this.waiting.unshift(model);
    if (this.waiting.length === 1) this.ask();
    return leave;
  }
}

function shared(version) {
  const known = (globalThis.tfnzTerminals ??= new Map());
  if (!known.has(version)) known.set(version, new Shared(() => known.delete(version)));
  return known.get(version);
}

async function unpacked(sizes, packed) {
  const bytes = new Uint8Array(packed.buffer ?? packed, packed.byteOffset ?? 0, packed.byteLength);
  const whole = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  let at = 0;
  const parts = sizes.map((size) => new Uint8Array(whole, (at += size) - size, size));
  const [terminal, core, fit] = await Promise.all(parts.slice(0, 3).map(module));
  return { open: terminal.default, ...core, ...fit, css: new TextDecoder().decode(parts[3]) };
}

async function module(bytes) {
  const url = URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  try {
    return await import(/* webpackIgnore: true */ url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

const sorry = (problem) => `no terminal: ${problem}`;

export default () => {
  let ready;
  return {
    initialize({ model }) {
      const all = shared(model.get("initial").emulator);
      let close = all.there ? () => {} : all.join(model);
      ready = all.made.then((parts) => {
        all.there = true;
        const terminal = parts.open(parts);
        close?.();
        if (close) close = terminal.initialize({ model });
        return terminal;
      });
      ready.catch((problem) => {
        for (const place of document.getElementsByClassName(`tf-at-${model.get("place")}`)) place.prepend(sorry(problem));
      });
      return () => {
        close();
        close = null;
      };
    },
    render({ el }) {
      const note = document.createElement("div");
      note.setAttribute("role", "status");
      const say = (words) => note.replaceChildren(words);
      const late = setTimeout(say, BUSY, "waiting for the kernel: a cell is running");
      let remove = () => clearTimeout(late);
      el.append(note);
      ready.then((terminal) => {
        if (!remove) return;
        remove();
        note.remove();
        remove = terminal.render({ el });
      }, (problem) => say(sorry(problem)));
      return () => {
        remove();
        remove = null;
      };
    },
  };
};
