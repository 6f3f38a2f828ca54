import { h, text, number, plural } from "./dom.js";
import { runs } from "./ansi.js";

// A window on many lines: only what can be seen is in the document. Rows have one height, so the n-th is always at n * ROW.

const ROW = 18;
const AROUND = 8;

export class LogView {
  // ask(row): the reader wants the lines of a gap; changed(): following or the number of unseen lines changed.
  constructor(lines, { ask, changed }) {
    this.lines = lines;
    this.ask = ask;
    this.changed = changed;
    this.follow = true;
    this.seen = 0;
    this.dropped = lines.dropped;
    this.set = 0;
    this.height = 10 * ROW;
    this.frame = 0;
    this.body = h("div", { class: "tf-rows" });
    this.space = h("div", { class: "tf-space" }, this.body);
    this.quiet = h("div", { class: "tf-quiet" });
    this.el = h(
      "div",
      { class: "tf-view", tabindex: "0", role: "log", "aria-live": "off", "aria-label": "output", "data-lm-suppress-shortcuts": "true" },
      this.quiet,
      this.space,
    );
    this.el.addEventListener("scroll", () => this.scrolled());
    this.el.addEventListener("wheel", (event) => event.deltaY < 0 && this.stop(), { passive: true });
    this.el.addEventListener("keydown", (event) => this.key(event));
    this.watch = new ResizeObserver(() => this.refresh());
    this.watch.observe(this.el);
  }

  remove() {
    this.watch.disconnect();
    cancelAnimationFrame(this.frame);
  }

  get unseen() {
    return this.follow ? 0 : Math.max(0, this.lines.total - this.seen);
  }

  key(event) {
    event.stopPropagation();
    if (event.key === "End") this.resume();
    else if (["ArrowUp", "PageUp", "Home"].includes(event.key)) this.stop();
  }

  stop() {
    if (!this.follow || this.el.scrollHeight <= this.el.clientHeight) return;
    this.follow = false;
    this.seen = this.lines.total;
    this.changed();
  }

  resume() {
    this.follow = true;
    this.refresh();
    this.changed();
  }

  // A scroll event may come after more lines did: what we did ourselves is known by its position.
  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.el;
    if (Math.abs(scrollTop - this.set) > 1) {
      const bottom = scrollTop + clientHeight >= scrollHeight - 4;
      if (bottom && !this.follow) this.resume();
      else if (scrollTop < this.set) this.stop();
      this.set = scrollTop;
    }
    this.refresh();
  }

  // As high as its lines need, up to `height`.
  fit(height) {
    this.height = height;
    this.refresh();
  }

  refresh() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    const { rows } = this.lines;
    this.quiet.hidden = rows.length > 0;
    const height = rows.length * ROW;
    this.space.style.height = `${height}px`;
    this.el.style.height = `${Math.min(this.height, Math.max(height, 2 * ROW))}px`;
    this.place(height);
    const from = Math.max(0, Math.floor(this.el.scrollTop / ROW) - AROUND);
    const to = Math.min(rows.length, from + Math.ceil(this.el.clientHeight / ROW) + 2 * AROUND);
    this.body.style.transform = `translateY(${from * ROW}px)`;
    this.body.replaceChildren(...rows.slice(from, to).map((row) => (row.gap ? this.gap(row) : line(row))));
  }

  place(height) {
    const moved = (this.lines.dropped - this.dropped) * ROW;
    this.dropped = this.lines.dropped;
    if (this.follow) this.move(Math.max(0, height - this.el.clientHeight));
    else if (moved) this.move(Math.max(0, this.el.scrollTop - moved));
  }

  move(top) {
    this.el.scrollTop = top;
    this.set = this.el.scrollTop;
  }

  gap(row) {
    const gone = row.gone || row.n + row.gap <= this.lines.oldest;
    const kind = gone ? "no longer held" : row === this.lines.rows[0] ? "before these" : "skipped";
    const words = `${plural(row.gap, "line")} ${kind}`;
    return gone
      ? h("div", { class: "tf-row tf-gap" }, words)
      : h("button", { class: "tf-row tf-gap", type: "button", onclick: () => this.ask(row) }, `${words} \u00b7 show`);
  }
}

function line(row) {
  const error = row.mark === 2;
  const gutter = h("span", { class: "tf-n", "aria-hidden": "true" }, number(row.n + 1));
  const mark = h("span", { class: "tf-m", title: error ? "standard error" : null, "aria-label": error ? "standard error" : null });
  text(mark, error ? "!" : "");
  const content = h("span", { class: "tf-t" });
  for (const [piece, look] of runs(row.text)) {
    content.append(look.length ? h("span", { class: look.map((name) => `tf-${name}`).join(" ") }, piece) : piece);
  }
  return h("div", { class: error ? "tf-row tf-err" : "tf-row" }, gutter, mark, content);
}
