// What a widget's views share in one page: the kernel's messages, whether it is still there, and when it was last heard.

const SILENCE = 6000; // ms without a word (it speaks every 2 s) until a view says so

export class Wire {
  // on(message, buffers): one message of the kernel's; tick(): a second has gone by.
  constructor(model, on, tick) {
    this.model = model;
    this.page = crypto.randomUUID?.() ?? String(Math.random());
    this.heard = performance.now();
    this.skew = 0; // the kernel's clock ahead of ours, in seconds
    this.waiting = new Map(); // requests not yet answered: id -> time
    this.lastTick = performance.now();
    this.listener = (message, buffers) => {
      this.heard = performance.now();
      if (message.now) this.skew = message.now - Date.now() / 1000;
      if (message.done) this.waiting.delete(message.done);
      on(message, buffers);
    };
    model.on("msg:custom", this.listener);
    this.timer = setInterval(() => this.second(tick), 1000);
    this.send({ type: "ready" });
  }

  // A page that slept has heard nothing either: silence counts only while we were awake.
  second(tick) {
    const now = performance.now();
    if (now - this.lastTick > 3000) this.heard = Math.max(this.heard, now - 3000);
    this.lastTick = now;
    tick();
  }

  send(message) {
    this.model.send({ page: this.page, ...message });
  }

  // A request the kernel confirms; until then `busy` is true, which after a moment means that a cell is in its way.
  ask(message) {
    const id = `${this.page}.${Math.random()}`;
    this.waiting.set(id, performance.now());
    this.send({ id, ...message });
  }

  get busy() {
    const now = performance.now();
    return [...this.waiting.values()].some((since) => now - since > 700);
  }

  get silent() {
    const quiet = performance.now() - this.heard;
    return quiet > SILENCE ? quiet / 1000 : 0;
  }

  now() {
    return Date.now() / 1000 + this.skew;
  }

  close() {
    clearInterval(this.timer);
    this.model.off("msg:custom", this.listener);
  }
}
