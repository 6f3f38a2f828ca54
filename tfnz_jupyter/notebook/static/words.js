import { clock } from "./dom.js";

// The same words as views.py has for the same facts.

const STEPS = {
  resolve: "Looking for the image",
  pull: "Fetching the image",
  build: "Building the image from Debian packages",
  unpack: "Unpacking the image",
  boot: "Booting",
};

export const over = (c) => c.state === "ended" || c.state === "failed";

export function mood(c) {
  if (c.state === "failed") return "bad";
  if (c.state !== "ended") return c.state === "running" ? "live" : "wait";
  if (c.returncode === null || /destroyed|session/.test(c.reason)) return "gone";
  return c.returncode ? "bad" : "done";
}

export function outcome(c) {
  if (c.state !== "ended") return c.state;
  return c.reason || (c.returncode === null ? "ended" : `exited with code ${c.returncode}`);
}

export const short = (words) => {
  const line = (words ?? "").split("\n")[0];
  return line.length <= 60 ? line : `${line.slice(0, 59)}\u2026`;
};

export const step = (progress) => STEPS[progress.step] ?? progress.step;

export function lived(c, now) {
  return c.started === null ? "" : clock((c.ended ?? now) - c.started);
}
