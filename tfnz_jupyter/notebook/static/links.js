// Where a tunnel can be reached from, seen from this page: the kernel's localhost is the reader's only sometimes.

const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]", "::1"]);

// {href, label, why}: href is null where no link would work; why is a word for people.
export function reach(tunnel, hostname, base, proxy) {
  const wild = ["", "127.0.0.1", "0.0.0.0", "::", "::1"].includes(tunnel.bind);
  const label = `${wild ? "localhost" : tunnel.bind}:${tunnel.local}`;
  if (tunnel.dead) return { href: null, label, why: "closed" };
  if (!wild) return { href: `http://${label}/`, label, why: "" };
  if (LOCAL.has(hostname)) return { href: `http://${hostname}:${tunnel.local}/`, label, why: "" };
  if (proxy && base !== null) {
    return { href: `${base}proxy/${tunnel.local}/`, label, why: "through Jupyter: the page gets Jupyter's origin, open it only if you trust it" };
  }
  return { href: null, label, why: "on the kernel's machine only; jupyter-server-proxy would lead there" };
}

// The same for an address on the kernel's machine: a tunnel's, or that of a published name.
export function local(address, hostname, base, proxy) {
  const { hostname: host, port } = new URL(address);
  if (LOCAL.has(hostname)) return { href: address, why: "" };
  if (LOCAL.has(host)) return reach({ local: port, bind: "127.0.0.1" }, hostname, base, proxy);
  return { href: null, why: "on the kernel's machine only" };
}

// The path Jupyter is served under, with its last slash; null where the page does not say.
export function jupyterBase() {
  const data = document.getElementById("jupyter-config-data");
  try {
    if (data) return JSON.parse(data.textContent).baseUrl ?? null;
  } catch {
    return null;
  }
  return document.body?.dataset?.baseUrl ?? null;
}
