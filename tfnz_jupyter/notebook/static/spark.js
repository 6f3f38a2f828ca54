// A minute of something, drawn small.

// Shares from 0 to 1, a point a second, as a line; `what` says of what, for those who do not see it.
export function spark(history, what) {
  const [width, height] = [96, 22];
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("class", "tf-spark");
  svg.setAttribute("role", "img");
  const last = history.length ? Math.round(history[history.length - 1] * 100) : 0;
  svg.setAttribute("aria-label", `${what} over the last minute, now ${last} %`);
  const x = (i) => width - 1 - (history.length - 1 - i) * ((width - 2) / 59);
  const y = (share) => height - 2 - Math.max(0, Math.min(1, share)) * (height - 4);
  const line = history.map((share, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(share).toFixed(1)}`).join("");
  const ground = [`M0 ${height - 0.5}H${width}`, "tf-ground"];
  const area = `${line}L${width - 1} ${height}L${x(0).toFixed(1)} ${height}Z`;
  for (const [d, name] of line ? [ground, [area, "tf-area"], [line, "tf-line"]] : [ground]) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", d);
    path.setAttribute("class", name);
    svg.append(path);
  }
  return svg;
}
