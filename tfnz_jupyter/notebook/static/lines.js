// The lines a page holds of one log: numbered as the kernel numbers them, bounded, gaps counted. Pure: no document here.

export class Lines {
  constructor(limit = 5000) {
    this.limit = limit;
    this.rows = []; // {n, mark, text} or a gap {n, gap: count}
    this.total = 0; // lines seen by the kernel
    this.oldest = 0; // the oldest number the kernel still holds
    this.dropped = 0; // rows that ever left at the head: a view keeps its place by it
    this.skipped = 0; // lines in the gaps now held
  }

  get next() {
    const last = this.rows[this.rows.length - 1];
    return last ? last.n + (last.gap ?? 1) : 0;
  }

  // Lines from number `first` on; what was held from there on is replaced (it was unfinished, or is the same).
  put(first, marks, texts, total, oldest) {
    while (this.rows.length && this.rows[this.rows.length - 1].n >= first) this.rows.pop();
    const last = this.rows[this.rows.length - 1];
    if (last?.gap && last.n + last.gap > first) last.gap = first - last.n;
    if (first > this.next) this.rows.push({ n: this.next, gap: first - this.next });
    texts.forEach((text, i) => this.rows.push({ n: first + i, mark: marks[i], text }));
    if (total > this.next) this.rows.push({ n: this.next, gap: total - this.next });
    this.total = total;
    this.oldest = oldest;
    this.trim();
    this.count();
  }

  // The answer for the gap that begins at `at`: of what was `asked` on, the lines the kernel still has, from `first` on.
  fill(at, asked, first, marks, texts) {
    const index = this.rows.findIndex((row) => row.gap && row.n === at);
    if (index < 0) return;
    const end = at + this.rows[index].gap;
    first = Math.min(first, end);
    const filled = texts.slice(0, end - first).map((text, i) => ({ n: first + i, mark: marks[i], text }));
    const reached = first + filled.length;
    const gaps = [{ n: at, gap: asked - at }, { n: asked, gap: first - asked, gone: true }];
    const rest = { n: reached, gap: end - reached };
    this.rows.splice(index, 1, ...gaps.filter((row) => row.gap > 0), ...filled, ...(rest.gap > 0 ? [rest] : []));
    this.limit = Math.max(this.limit, Math.min(this.rows.length + 500, 20000));
    this.count();
  }

  // What to ask the kernel for, to fill a gap: its end where it is the history, its beginning elsewhere.
  wanted(row) {
    const from = Math.max(row.n, this.oldest);
    const history = row === this.rows[0];
    return { at: row.n, first: history ? Math.max(from, row.n + row.gap - 500) : from, limit: Math.min(row.gap, history ? 500 : 2000) };
  }

  trim() {
    const over = this.rows.length - this.limit;
    if (over <= 0) return;
    this.rows.splice(0, over);
    while (this.rows[0].gap) this.rows.shift();
    this.rows.unshift({ n: 0, gap: this.rows[0].n });
    this.dropped += over - 1;
  }

  count() {
    this.skipped = this.rows.reduce((sum, row) => sum + (row.gap ?? 0), 0);
  }
}

const DECODER = new TextDecoder();

// The two buffers of a message as texts and marks.
export function unpack(buffers, count) {
  if (!count) return [[], []];
  return [DECODER.decode(buffers[0]).split("\n"), new Uint8Array(buffers[1].buffer ?? buffers[1], buffers[1].byteOffset ?? 0, count)];
}
