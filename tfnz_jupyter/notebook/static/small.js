import { h, icon, shown, text } from "./dom.js";
import { Lines, unpack } from "./lines.js";
import { LogView } from "./logview.js";
import { Wire } from "./model.js";
import { living } from "./places.js";
import { jupyterBase, local } from "./links.js";

// A small object in one form: what it is, how it is, a few facts, and what it prints if it prints.

class Small {
  constructor() {
    this.lines = new Lines();
    this.views = new Set();
  }

  open(model) {
    this.facts = model.get("initial");
    this.options = model.get("options");
    model.on("change:options", () => {
      this.options = model.get("options");
      this.each("draw");
    });
    this.wire = new Wire(model, (message, buffers) => this.hear(message, buffers), () => this.each("tick"));
    return () => this.wire.close();
  }

  hear(message, buffers) {
    if (message.facts) this.facts = message.facts;
    if (message.log) {
      const [texts, marks] = unpack(buffers, message.log.count);
      this.lines.put(message.log.first, marks, texts, message.log.total, message.log.oldest);
      this.wire.send({ type: "ack", at: this.lines.total });
    }
    this.each("draw");
  }

  each(deed) {
    for (const view of this.views) view[deed]();
  }
}

class SmallView {
  constructor(small, el) {
    this.small = small;
    this.kind = h("span", { class: "tf-muted" });
    this.name = h("strong", { class: "tf-name" });
    this.state = h("span");
    this.silence = h("span", { class: "tf-chip tf-warn", role: "status" });
    this.pill = h("span", { class: "tf-pill", role: "status" }, h("i", { class: "tf-dot", "aria-hidden": "true" }), this.state);
    this.facts = h("div", { class: "tf-facts" });
    this.root = h("div", { class: `tfnz tf-card tf-small${small.facts.kind === "process" ? " tf-process" : ""}`, role: "group" },
      h("div", { class: "tf-head" }, h("span", { class: "tf-title" }, this.kind, this.name), this.silence, this.pill), this.facts);
    if (small.facts.log) {
      this.log = new LogView(small.lines, { ask: () => {}, changed: () => {} });
      this.log.fit(180);
      this.root.append(this.log.el);
    }
    el.append(this.root);
    small.views.add(this);
    this.draw();
  }

  draw() {
    const { facts, options } = this.small;
    this.root.dataset.mood = facts.mood;
    this.root.setAttribute("aria-label", `${facts.kind} ${facts.name}`);
    text(this.kind, facts.kind);
    text(this.name, facts.name);
    text(this.state, facts.state);
    const key = JSON.stringify([facts.facts, options]);
    if (key !== this.key) {
      this.key = key;
      this.facts.replaceChildren(...facts.facts.map((fact) => h("span", { class: "tf-fact" }, h("b", null, fact.label), " ", this.value(fact))));
    }
    this.log?.refresh();
    this.tick();
  }

  value(fact) {
    if (!fact.href) return h(fact.code ? "code" : "span", null, fact.text);
    const { href, why } = local(fact.href, window.location.hostname, jupyterBase(), this.small.options.proxy);
    if (!href) return h("span", { class: "tf-nolink", title: why }, fact.text);
    return h("a", { class: "tf-link", href, target: "_blank", rel: "noopener noreferrer", title: why || null }, fact.text, icon("out"));
  }

  tick() {
    const { facts, wire } = this.small;
    const alive = facts.mood === "live" || facts.mood === "wait";
    const silent = alive ? wire?.silent ?? 0 : 0;
    this.root.classList.toggle("tf-silent", silent > 0);
    shown(this.silence, silent > 0);
    if (silent) text(this.silence, `no word from the kernel for ${Math.round(silent)} s`);
  }

  remove() {
    this.small.views.delete(this);
    this.log?.remove();
  }
}

export default () => living(new Small(), SmallView);
