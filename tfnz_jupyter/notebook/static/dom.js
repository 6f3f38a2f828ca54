// Elements, words and numbers. Text goes in as text nodes only: nothing here, or anywhere else, parses markup.

export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  down: "M4 6.5 8 10.5l4-4",
  taller: "M8 3v10M5 10.5 8 13.5l3-3M5 5.5 8 2.5l3 3",
  shorter: "M3 8h10M5.5 2.5 8 5l2.5-2.5M5.5 13.5 8 11l2.5 2.5",
  info: "M8 7.5v4M8 4.6v.1M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.5 9h6l.5-9M6.8 7v4M9.2 7v4",
  terminal: "M2.5 3.5h11v9h-11zM5 6.5 7 8 5 9.5M8.5 10h2.5",
  save: "M8 2.5v7M5 7l3 3 3-3M3 12.5h10",
  again: "M12.5 8A4.5 4.5 0 1 1 11 4.6M11 2v3H8",
  out: "M6 3.5H3.5v9h9V10M9 3.5h3.5V7M12.2 3.8 7.5 8.5",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "tf-icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

export function shown(element, yes) {
  if (element.hidden === yes) element.hidden = !yes;
}

const NUMBERS = new Intl.NumberFormat("en-US"); // made once: a log numbers a thousand rows a second

export const number = (value) => NUMBERS.format(Math.round(value));

export const plural = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;

export function clock(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const pad = (value) => String(value).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)}:${pad(s % 60)}`;
  if (s < 86400) return `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

export function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 999.5 && unit < units.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${unit && bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

export const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
