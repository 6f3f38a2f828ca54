import { h, icon, text, shown, number, plural, calm } from "./dom.js";
import { Wire } from "./model.js";
import { living } from "./places.js";
import { spark } from "./spark.js";
import { reach, local, jupyterBase } from "./links.js";
import { lived, mood, outcome, short } from "./words.js";

// A location's dashboard: where we are, the nodes by rank, the containers. One message a tick, however many there are.

class Board {
  constructor() {
    this.views = new Set();
  }

  open(model) {
    this.facts = model.get("initial");
    this.options = model.get("options");
    model.on("change:options", () => {
      this.options = model.get("options");
      this.each("draw");
    });
    this.wire = new Wire(model, (message) => this.hear(message), () => this.each("tick"));
    return () => this.wire.close();
  }

  hear(message) {
    if (message.facts) this.facts = message.facts;
    this.each("draw");
  }

  each(deed) {
    for (const view of this.views) view[deed]();
  }
}

const free = (node) => node.cpu / Math.max(1, node.cpu_total);

const NODE_COLUMNS = [
  { key: "name", head: "Node", value: (n) => n.name, cell: (n) => h("strong", null, n.name) },
  { key: "score", head: "Score", title: "free cpu + free memory - 10 x paging: spawns go to the highest", value: (n) => n.score, cell: (n) => number(n.score), right: true },
  { key: "cpu", head: "CPU free", value: (n) => free(n), cell: (n) => bar(1 - free(n), `${(n.cpu / 1000).toFixed(1)} of ${number(n.cpu_total / 1000)}`, "cpu") },
  { key: "history", head: "CPU, last minute", value: null, cell: (n) => spark(n.history ?? [], "cpu in use") },
  { key: "memory", head: "Memory free", value: (n) => n.memory, cell: (n) => bar(1 - n.memory / Math.max(1, n.memory_total), gibibytes(n.memory, n.memory_total), "memory") },
  { key: "paging", head: "Paging", value: (n) => n.paging, cell: (n) => (n.paging ? bar(n.paging / 2000, `${number(n.paging)} KiB/s`, "paging") : h("span", { class: "tf-muted" }, "none")) },
  { key: "containers", head: "Containers", value: (n) => n.containers, cell: (n) => number(n.containers), right: true },
];

const SMALL = { endpoints: "Published", volumes: "Volume", externals: "Of other sessions" };

const gibibytes = (part, whole) => `${(part / 1024).toFixed(1)} of ${(whole / 1024).toFixed(1)} GiB`;

// The part in use; the words say what is free.
function bar(share, words, what) {
  const level = share > 0.9 ? "high" : share > 0.7 ? "mid" : "low";
  const fill = h("i");
  fill.style.width = `${(Math.max(0, Math.min(1, share)) * 100).toFixed(1)}%`;
  return h("div", { class: "tf-meter", "data-level": level, title: what === "paging" ? null : `${Math.round(share * 100)} % of ${what} in use` }, h("div", { class: "tf-meter-track", "aria-hidden": "true" }, fill), h("span", null, words));
}

// All that is written in a row, for who looks for it.
const written = (row) => [row.name, row.image, row.state && outcome(row), row.ip, row.words].join(" ").toLowerCase();

const MANY = 40; // rows from which on only those in sight are drawn, in columns of fixed width
const AROUND = 300; // pixels beyond the window that count as in sight

// A table whose rows move to their new place when the order changes.
class Table {
  constructor(columns, label, sort, kind) {
    this.columns = columns;
    this.sort = sort;
    this.rows = new Map();
    this.order = [];
    this.height = 0; // of a row, where there are many
    this.heads = columns.map((column) => this.head(column));
    this.body = h("tbody");
    this.scrolled = () => this.height && this.look();
    document.addEventListener("scroll", this.scrolled, { capture: true, passive: true });
    this.el = h("table", { class: kind ? `tf-table ${kind}` : "tf-table", "aria-label": label }, h("thead", null, h("tr", null, ...this.heads)), this.body);
  }

  head(column) {
    const props = { scope: "col", class: column.right ? "tf-right" : null };
    if (!column.value) return h("th", props, column.head);
    return h("th", props, h("button", { type: "button", class: "tf-sort", title: column.title ?? `sort by ${column.head.toLowerCase()}`, onclick: () => this.by(column.key) }, column.head, h("i", { "aria-hidden": "true" })));
  }

  by(key) {
    this.sort = { key, down: this.sort.key === key ? !this.sort.down : key !== "name" };
    this.draw(this.items);
  }

  draw(items) {
    this.items = items;
    this.columns.forEach((column, i) => this.heads[i].setAttribute("aria-sort", column.key !== this.sort.key ? "none" : this.sort.down ? "descending" : "ascending"));
    const before = new Map([...this.rows].map(([id, row]) => [id, row.getBoundingClientRect().top]));
    this.settle(items.length > MANY);
    const rows = this.ordered(items).map((item) => this.row(item));
    const there = new Set(items.map((item) => item.id));
    for (const id of this.rows.keys()) if (!there.has(id)) this.rows.delete(id);
    const focused = document.activeElement;
    const same = rows.length === this.body.childElementCount && rows.every((row, i) => row === this.body.children[i]);
    this.order = rows;
    this.look();
    if (!same) {
      this.body.replaceChildren(...rows);
      if (this.body.contains(focused)) focused.focus();
      if (!calm()) this.glide(before);
    }
  }

  // Many rows are costly to lay out. Once all were drawn, columns keep the widths they have, rows their height.
  settle(many) {
    if (Boolean(this.height) === many || (many && !this.rows.size)) return;
    const { width } = this.el.getBoundingClientRect();
    if (!width) return; // out of the page
    const widths = this.heads.map((head) => (many ? `${(head.getBoundingClientRect().width / width) * 100}%` : ""));
    this.heads.forEach((head, i) => { head.style.width = widths[i]; });
    this.height = many ? this.body.firstChild.getBoundingClientRect().height : 0;
    this.el.style.tableLayout = many ? "fixed" : "";
  }

  // Draw the rows that are in sight; of many, the others are only as high.
  look() {
    if (!this.height) return this.order.forEach((row) => this.fill(row));
    const { top } = this.body.getBoundingClientRect();
    const first = (-AROUND - top) / this.height - 1;
    const last = (window.innerHeight + AROUND - top) / this.height;
    this.order.forEach((row, i) => (i >= first && i <= last ? this.fill(row) : this.blank(row)));
  }

  remove() {
    document.removeEventListener("scroll", this.scrolled, { capture: true });
  }

  ordered(items) {
    const { value } = this.columns.find((column) => column.key === this.sort.key) ?? {};
    if (!value) return items;
    const sign = this.sort.down ? -1 : 1;
    return [...items].sort((a, b) => sign * (typeof value(a) === "string" ? value(a).localeCompare(value(b)) : value(a) - value(b)));
  }

  row(item) {
    const row = this.rows.get(item.id) ?? h("tr");
    this.rows.set(item.id, row);
    row.item = item;
    return row;
  }

  fill(row) {
    const key = JSON.stringify([row.item, this.options]);
    if (row.key === key) return;
    row.key = key;
    row.style.height = "";
    row.replaceChildren(...this.columns.map((column) => h("td", { class: column.right ? "tf-right" : null }, column.cell(row.item))));
  }

  blank(row) {
    if (row.key === "") return;
    row.key = "";
    row.style.height = `${this.height}px`;
    row.replaceChildren();
  }

  // All are measured before any is moved: an animation that has begun makes the page compute every style anew.
  glide(before) {
    const inSight = (top) => top > -100 && top < window.innerHeight;
    const moves = [...this.rows].map(([id, row]) => [row, before.get(id), row.getBoundingClientRect().top]);
    for (const [row, from, to] of moves) if (from !== undefined && from !== to && (inSight(from) || inSight(to))) row.animate([{ transform: `translateY(${from - to}px)` }, { transform: "none" }], { duration: 260, easing: "cubic-bezier(.2,.8,.2,1)" });
  }
}

class BoardView {
  constructor(board, el) {
    this.board = board;
    const { sections } = board.options;
    this.where = h("span", { class: "tf-title" });
    this.silence = h("span", { class: "tf-chip tf-warn", role: "status" });
    this.filter = h("input", { type: "search", class: "tf-filter", placeholder: "filter", "aria-label": "show only rows with these words", "data-lm-suppress-shortcuts": "true", oninput: () => this.draw() });
    this.filter.addEventListener("keydown", (event) => event.stopPropagation());
    this.found = h("span", { class: "tf-time", role: "status" });
    this.head = h("div", { class: "tf-head" }, this.where, this.found, this.filter, this.silence);
    this.nodes = sections.includes("nodes") ? new Table(NODE_COLUMNS, "nodes", { key: "score", down: true }) : null;
    this.containers = sections.includes("containers") ? new Table(this.columns(), "containers", { key: "", down: false }) : null;
    this.small = Object.keys(SMALL).filter((name) => sections.includes(name)).map((name) => [name, new Table(this.pair(SMALL[name]), name, { key: "name", down: false }, "tf-pair")]);
    this.none = h("div", { class: "tf-quiet" });
    this.root = h("div", { class: "tfnz tf-board", role: "group", "aria-label": "location" }, this.head, this.nodes?.el, this.containers?.el, this.none, ...this.small.map(([, table]) => table.el));
    el.append(this.root);
    board.views.add(this);
    this.draw();
  }

  remove() {
    this.board.views.delete(this);
    for (const table of [this.nodes, this.containers, ...this.small.map(([, table]) => table)]) table?.remove();
  }

  columns() {
    return [
      { key: "name", head: "Container", value: (c) => c.name, cell: (c) => h("strong", null, c.name) },
      { key: "image", head: "Image", value: (c) => c.image, cell: (c) => h("code", null, c.image) },
      { key: "state", head: "State", value: (c) => c.state, cell: (c) => h("span", { class: "tf-pill", "data-mood": mood(c), title: c.state === "failed" ? c.reason : null }, h("i", { class: "tf-dot", "aria-hidden": "true" }), short(outcome(c))) },
      { key: "ip", head: "Address", value: null, cell: (c) => h("code", null, c.ip) },
      { key: "tunnels", head: "Tunnels", value: null, cell: (c) => this.tunnels(c) },
      { key: "time", head: "Time", value: (c) => c.started ?? Infinity, cell: (c) => h("span", { class: "tf-time", "data-id": c.id }), right: true },
    ];
  }

  pair(head) {
    return [
      { key: "name", head, value: null, cell: (row) => this.name(row) },
      { key: "words", head: "", value: null, cell: (row) => h("span", { class: "tf-muted" }, row.words) },
    ];
  }

  name(row) {
    const name = h("strong", null, row.name);
    if (!row.href) return name;
    const { href, why } = local(row.href, window.location.hostname, jupyterBase(), this.board.options.proxy);
    return href ? h("a", { class: "tf-link", href, target: "_blank", rel: "noopener noreferrer", title: why || null }, name, icon("out")) : h("span", { title: why }, name);
  }

  tunnels(c) {
    const links = c.tunnels.filter((tunnel) => !tunnel.dead && c.state === "running").map((tunnel) => {
      const { href, label, why } = reach(tunnel, window.location.hostname, jupyterBase(), this.board.options.proxy);
      const words = `${label} \u2192 ${tunnel.port}`;
      return href ? h("a", { class: "tf-link", href, target: "_blank", rel: "noopener noreferrer", title: why }, words, icon("out")) : h("span", { title: why }, words);
    });
    return h("span", { class: "tf-links" }, ...links);
  }

  draw() {
    const { location, nodes, containers, nobody } = this.board.facts;
    const live = (containers ?? []).filter((c) => c.state !== "ended" && c.state !== "failed").length;
    const parts = [location.name];
    if (location.dead) parts.push(location.reason || "the session is over");
    else parts.push(plural(nodes.length, "node"), plural(live, "live container"));
    const [first, ...rest] = parts;
    if (this.said !== parts.join()) {
      this.said = parts.join();
      this.where.replaceChildren(h("strong", { class: "tf-name" }, first), h("span", { class: "tf-muted" }, rest.join(" \u00b7 ")));
    }
    this.root.dataset.mood = location.dead ? "gone" : "live";
    this.look(this.tables().reduce((most, [, rows]) => Math.max(most, rows.length), 0));
    this.nodes?.draw(this.fitting(nodes));
    if (this.containers) {
      this.containers.options = this.board.options;
      this.containers.draw(this.fitting(containers));
    }
    text(this.none, nobody);
    shown(this.none, Boolean(this.containers) && containers.length === 0 && !location.dead);
    if (this.containers) shown(this.containers.el, this.fitting(containers).length > 0);
    for (const [name, table] of this.small) {
      const rows = this.fitting(this.board.facts[name] ?? []);
      table.options = this.board.options;
      table.draw(rows);
      shown(table.el, rows.length > 0);
    }
    this.tick();
  }

  // What is shown, with all its rows.
  tables() {
    const { facts } = this.board;
    const small = this.small.map(([name, table]) => [table, facts[name] ?? []]);
    return [[this.nodes, facts.nodes], [this.containers, facts.containers ?? []], ...small].filter(([table]) => table);
  }

  // Of many rows only those in sight are drawn, so that the browser's own search would miss the others: a field finds them.
  look(most) {
    const { value } = this.filter;
    shown(this.filter, most > MANY || Boolean(value));
    this.words = value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = this.tables().flatMap(([, all]) => all);
    text(this.found, this.words.length ? `${number(this.fitting(rows).length)} of ${plural(rows.length, "row")}` : "");
  }

  fitting(rows) {
    return this.words.length ? rows.filter((row) => this.words.every((word) => written(row).includes(word))) : rows;
  }

  tick() {
    const { facts, wire } = this.board;
    const silent = facts.location.dead ? 0 : wire.silent;
    this.root.classList.toggle("tf-silent", silent > 0);
    shown(this.silence, silent > 0);
    if (silent) text(this.silence, `no word from the kernel for ${Math.round(silent)} s`);
    for (const c of facts.containers ?? []) {
      const cell = this.root.querySelector(`.tf-time[data-id="${CSS.escape(c.id)}"]`);
      if (cell) text(cell, lived(c, wire.now()));
    }
  }
}

export default () => living(new Board(), BoardView);
