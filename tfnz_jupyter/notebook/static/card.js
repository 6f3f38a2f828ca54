import { h, icon, text, shown, number, plural, size } from "./dom.js";
import { Lines, unpack } from "./lines.js";
import { LogView } from "./logview.js";
import { Wire } from "./model.js";
import { living } from "./places.js";
import { spark } from "./spark.js";
import { reach, jupyterBase } from "./links.js";
import { lived, mood, outcome, over, short, step } from "./words.js";

// The card of one container. The kernel sends facts and lines; every view of the card in this page draws the same ones.

const HEIGHTS = [72, 180, 420];

class Card {
  constructor() {
    this.lines = new Lines();
    this.views = new Set();
    this.acked = 0;
    this.closed = false;
  }

  open(model) {
    this.model = model;
    this.facts = model.get("initial");
    this.options = model.get("options");
    model.on("change:options", () => {
      this.options = model.get("options");
      this.draw();
    });
    this.wire = new Wire(model, (message, buffers) => this.hear(message, buffers), () => this.tick());
    return () => this.wire.close();
  }

  hear(message, buffers) {
    if (message.facts) this.facts = message.facts;
    if (message.failed) this.failed = message.failed;
    if (message.log) this.put(message.log, buffers);
    if (message.saved) save(`${this.facts.name}.log`, buffers[0]);
    if (message.terminal) this.opened(message.terminal);
    if (message.fill) {
      const [texts, marks] = unpack(buffers, message.fill.count);
      this.lines.fill(message.fill.at, message.fill.asked, message.fill.first, marks, texts);
    }
    this.draw();
  }

  // A terminal was opened for the view that asked.
  async opened(id) {
    const { view, model } = this;
    const inner = await model.widget_manager.get_model(id);
    view?.below.append((await model.widget_manager.create_view(inner)).el);
  }

  put(log, buffers) {
    const [texts, marks] = unpack(buffers, log.count);
    this.lines.put(log.first, marks, texts, log.total, log.oldest);
    this.closed = log.closed;
    if (!this.ackTimer) this.ackTimer = setTimeout(() => this.ack(), 400);
  }

  // Tells the kernel how far this page has come, so that a page that cannot follow is sent less.
  ack() {
    this.ackTimer = 0;
    if (this.lines.total !== this.acked) {
      this.acked = this.lines.total;
      this.wire.send({ type: "ack", at: this.acked });
    }
  }

  tick() {
    for (const view of this.views) view.tick();
  }

  draw() {
    for (const view of this.views) view.draw();
  }
}

function save(name, bytes) {
  const url = URL.createObjectURL(new Blob([bytes], { type: "text/plain" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

class CardView {
  constructor(card, el) {
    this.card = card;
    this.height = 1;
    this.log = new LogView(card.lines, {
      ask: (row) => card.wire.ask({ type: "fetch", ...card.lines.wanted(row) }),
      changed: () => this.foot(),
    });
    this.build();
    el.append(this.root, this.below);
    card.views.add(this);
    this.draw();
  }

  remove() {
    this.card.views.delete(this);
    this.log.remove();
    clearTimeout(this.calmTimer);
  }

  // -- what there is to see ------------------------------------------------------------------------------------------

  build() {
    this.name = h("strong", { class: "tf-name" });
    this.image = h("code", { class: "tf-image" });
    this.chip = h("span", { class: "tf-chip", title: "No registry was asked: this image was made on this machine" }, "built here from Debian packages");
    this.state = h("span");
    this.time = h("span", { class: "tf-time", title: "how long it has been running" });
    this.pill = h("span", { class: "tf-pill", role: "status" }, h("i", { class: "tf-dot", "aria-hidden": "true" }), this.state);
    this.silence = h("span", { class: "tf-chip tf-warn", role: "status" });
    this.bar = h("i", { class: "tf-bar" });
    this.track = h("div", { class: "tf-track", role: "progressbar", "aria-label": "getting ready" }, this.bar);
    this.step = h("span");
    this.amount = h("span", { class: "tf-amount" });
    this.progress = h("div", { class: "tf-progress" }, h("div", { class: "tf-step" }, this.step, this.amount), this.track);
    this.facts = h("div", { class: "tf-facts" });
    this.usage = h("div", { class: "tf-facts tf-usage" });
    this.more = h("dl", { class: "tf-more" });
    this.failure = h("div", { class: "tf-failure", role: "alert" });
    this.root = h(
      "div",
      { class: "tfnz tf-card", role: "group" },
      h("div", { class: "tf-head" }, h("span", { class: "tf-title" }, this.name, this.image, this.chip), this.silence, this.time, this.pill),
      this.progress,
      this.facts,
      this.usage,
      this.more,
      this.failure,
      this.log.el,
      this.footer(),
    );
    this.below = h("div");
    this.more.hidden = true;
    this.resize(1);
  }

  footer() {
    this.count = h("span", { class: "tf-count" });
    this.busy = h("span", { class: "tf-count" }, "a cell is running: this happens when it ends");
    this.followText = h("span");
    this.follow = button("down", "", () => (this.log.follow ? this.log.stop() : this.log.resume()), this.followText);
    this.info = button("info", "details", () => this.details(), null);
    this.info.setAttribute("aria-expanded", "false");
    this.smaller = button("shorter", "smaller output", () => this.resize(this.height - 1), null);
    this.bigger = button("taller", "bigger output", () => this.resize(this.height + 1), null);
    this.terminal = button("terminal", "open a terminal in this container", () => this.shell(), null);
    this.save = button("save", "save the log", () => this.card.wire.ask({ type: "save" }), null);
    this.reboot = button("again", "reboot: run its command again", () => this.card.wire.ask({ type: "reboot" }), null);
    this.destroy = button("trash", "destroy this container", () => this.sure(true), "Destroy");
    this.destroy.classList.add("tf-danger");
    this.yes = h("button", { type: "button", class: "tf-button tf-yes", onclick: () => this.end() }, "Yes, destroy it");
    this.no = h("button", { type: "button", class: "tf-button", onclick: () => this.sure(false) }, "Keep");
    this.confirm = h("span", { class: "tf-confirm", role: "group", "aria-label": "really destroy it?" }, this.yes, this.no);
    this.confirm.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.sure(false);
    });
    this.confirm.hidden = true;
    return h("div", { class: "tf-foot" }, this.count, this.busy, h("span", { class: "tf-spring" }), this.follow, this.info, this.smaller, this.bigger, this.save, this.terminal, this.reboot, this.destroy, this.confirm);
  }

  // -- deeds ---------------------------------------------------------------------------------------------------------

  details() {
    this.more.hidden = !this.more.hidden;
    this.info.setAttribute("aria-expanded", String(!this.more.hidden));
  }

  shell() {
    this.card.view = this;
    this.card.wire.ask({ type: "terminal" });
  }

  resize(to) {
    this.height = Math.max(0, Math.min(HEIGHTS.length - 1, to));
    this.log.fit(HEIGHTS[this.height]);
    this.smaller.disabled = this.height === 0;
    this.bigger.disabled = this.height === HEIGHTS.length - 1;
  }

  sure(asking) {
    clearTimeout(this.calmTimer);
    const here = asking || this.confirm.contains(document.activeElement); // a question that is dropped by itself takes no focus
    this.destroy.hidden = asking;
    this.confirm.hidden = !asking;
    if (here) (asking ? this.no : this.destroy).focus();
    if (asking) this.calmTimer = setTimeout(() => this.sure(false), 8000);
  }

  end() {
    this.sure(false);
    this.destroy.disabled = true;
    text(this.destroy.lastChild, "Destroying\u2026");
    this.card.wire.ask({ type: "destroy" });
  }

  // -- drawing -------------------------------------------------------------------------------------------------------

  draw() {
    const c = this.card.facts;
    this.root.dataset.mood = mood(c);
    this.root.dataset.state = c.state;
    this.root.setAttribute("aria-label", `container ${c.name}`);
    text(this.name, c.name);
    text(this.image, c.image);
    shown(this.chip, c.source === "recipe");
    text(this.state, short(outcome(c)));
    this.drawProgress(c);
    this.drawFacts(c);
    this.drawUsage(c);
    this.drawMore(c);
    const failure = this.card.failed ?? (c.state === "failed" ? c.reason : "");
    shown(this.failure, Boolean(failure));
    text(this.failure, failure ?? "");
    text(this.log.quiet, c.state === "failed" ? "" : over(c) ? "It printed nothing." : "Nothing printed yet.");
    for (const needed of [this.terminal, this.reboot]) {
      shown(needed, !over(c));
      needed.disabled = c.state !== "running";
    }
    if (over(c)) {
      shown(this.destroy, false);
      shown(this.confirm, false);
    } else if (this.card.failed) {
      this.destroy.disabled = false;
      text(this.destroy.lastChild, "Destroy");
    }
    this.log.refresh();
    this.foot();
    this.tick();
  }

  drawProgress(c) {
    const waiting = c.state === "preparing" || c.state === "booting";
    shown(this.progress, waiting);
    if (!waiting) return;
    const p = c.progress ?? { step: c.state === "booting" ? "boot" : "resolve", text: "", done: 0, total: null };
    text(this.step, step(p));
    const share = p.total ? Math.min(1, p.done / p.total) : null;
    const counted = p.step === "build" ? number : size;
    text(this.amount, [p.text, p.total ? `${counted(p.done)} of ${counted(p.total)}` : ""].filter(Boolean).join(" \u00b7 "));
    this.track.classList.toggle("tf-unknown", share === null);
    this.bar.style.width = share === null ? "" : `${(share * 100).toFixed(1)}%`;
    if (share === null) this.track.removeAttribute("aria-valuenow");
    else this.track.setAttribute("aria-valuenow", String(Math.round(share * 100)));
  }

  drawFacts(c) {
    const key = JSON.stringify([c.node, c.ip, c.tunnels, c.ssh, over(c), this.card.options]);
    if (key === this.factsKey) return;
    this.factsKey = key;
    const links = c.tunnels.map((tunnel) => this.tunnel({ ...tunnel, dead: tunnel.dead || over(c) }));
    const logins = (over(c) ? [] : c.ssh ?? []).map((command) => fact("ssh", h("code", { class: "tf-ssh" }, command)));
    this.facts.replaceChildren(...[c.node && fact("node", c.node), c.ip && fact("address", h("code", null, c.ip)), ...links, ...logins].filter(Boolean));
  }

  tunnel(tunnel) {
    const { href, label, why } = reach(tunnel, window.location.hostname, jupyterBase(), this.card.options.proxy);
    const to = h("span", { class: "tf-to" }, ` \u2192 ${tunnel.port}`);
    if (href) return fact("tunnel", h("a", { class: "tf-link", href, target: "_blank", rel: "noopener noreferrer", title: why || `opens port ${tunnel.port} of the container` }, label, icon("out")), to, why && h("em", null, "through Jupyter"));
    return fact("tunnel", h("span", { class: "tf-nolink" }, label), to, h("em", { title: why }, why));
  }

  drawUsage(c) {
    const u = c.usage;
    shown(this.usage, Boolean(u));
    if (!u) return;
    const cpu = h("span", null, `${(u.cpu / 1000).toFixed(2)} cores`);
    const memory = h("span", null, `${size(u.memory)}`);
    this.usage.replaceChildren(fact("cpu", spark(u.cpus, "cpu in use"), cpu), fact("memory", spark(u.memories, "memory in use"), memory), fact("processes", number(u.processes)));
  }

  drawMore(c) {
    const key = JSON.stringify([c.id, c.command, c.env, c.limits]);
    if (key === this.moreKey) return;
    this.moreKey = key;
    const rows = [["id", c.id], ["command", c.command || "the image's own"], ["limits", c.limits || "the location's own"]];
    if (c.env.length) rows.push(["environment", c.env.map(([name, value]) => `${name}=${value}`).join("\n")]);
    this.more.replaceChildren(...rows.flatMap(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
  }

  foot() {
    const { lines } = this.card;
    const parts = [plural(lines.total, "line")];
    if (lines.skipped) parts.push(`${number(lines.skipped)} not shown`);
    text(this.count, lines.total ? parts.join(" \u00b7 ") : "");
    const { follow, unseen } = this.log;
    text(this.followText, follow ? "Following" : unseen ? `${number(unseen)} new` : "Paused");
    this.follow.setAttribute("aria-pressed", String(follow));
    this.follow.setAttribute("aria-label", follow ? "following the output: pause" : "paused: follow the output");
    this.follow.title = follow ? "Pause" : "Follow";
    shown(this.follow, lines.total > 0);
    Object.assign(this.root.dataset, { total: lines.total, skipped: lines.skipped, follow });
  }

  tick() {
    const { facts: c, wire } = this.card;
    const silent = over(c) ? 0 : wire.silent;
    this.root.classList.toggle("tf-silent", silent > 0);
    shown(this.silence, silent > 0);
    if (silent) text(this.silence, `no word from the kernel for ${Math.round(silent)} s`);
    text(this.time, silent ? "" : lived(c, wire.now()));
    shown(this.busy, wire.busy && !silent);
  }
}

function fact(name, ...values) {
  return h("span", { class: "tf-fact" }, h("b", null, name), " ", ...values.filter(Boolean));
}

function button(picture, label, onclick, words) {
  return h("button", { type: "button", class: "tf-button", onclick, "aria-label": label || null, title: label || null }, icon(picture), words);
}

export default () => living(new Card(), CardView);
