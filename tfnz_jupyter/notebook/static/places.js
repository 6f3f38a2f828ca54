import { h } from "./dom.js";

// Where the views of a page stand: over their own static view, which is all that is saved, and all that a front end without
// widgets shows. An output that names a place comes to life as soon as the kernel's widget of that place is in the page, and
// is the static view again when it goes. Nothing here depends on which of the two comes first, or comes again.

const FORGET = 20_000; // ms after which a view that was taken out of the page is given up

const placeOf = (element) => [...element.classList].find((one) => one.startsWith("tf-at-"));

class Places {
  constructor() {
    this.openers = new Map(); // name -> the widgets that can stand there: a console beside the notebook has its own
    this.taken = new Set(); // {name, open, element, still, host, box, close, lost}
    new MutationObserver((records) => this.changed(records)).observe(document.body, { childList: true, subtree: true });
    setInterval(() => this.sweep(), FORGET / 2);
  }

  offer(place, open) {
    this.openers.set(place, [...(this.openers.get(place) ?? []), open]);
    for (const element of [...document.getElementsByClassName(place)]) this.fill(element);
    return () => this.withdraw(place, open);
  }

  withdraw(place, open) {
    this.openers.set(place, this.openers.get(place).filter((other) => other !== open));
    for (const one of this.taken) if (one.open === open) this.leave(one);
    for (const element of [...document.getElementsByClassName(place)]) this.fill(element);
  }

  changed(records) {
    let lost = false;
    for (const { target, addedNodes, removedNodes } of records) {
      if (target.closest?.(".tf-live")) continue; // a view draws itself
      lost ||= removedNodes.length > 0;
      for (const node of addedNodes) {
        if (node.matches?.(".tf-place")) this.fill(node);
        for (const element of node.querySelectorAll?.(".tf-place") ?? []) this.fill(element);
      }
      if (addedNodes.length) this.uncover(target);
    }
    if (lost) setTimeout(() => this.uncover(), 50); // an output that is drawn anew is empty for a moment
  }

  fill(element) {
    const place = placeOf(element);
    const [open] = this.openers.get(place) ?? [];
    const taken = [...this.taken].filter((one) => one.name === place);
    if (!open || taken.some((one) => one.element === element)) return;
    const host = element.closest(".jp-OutputArea-output") ?? element.parentElement;
    const before = taken.find((one) => one.host === host && !one.element.isConnected);
    const one = before ?? this.take({ name: place, open, host, box: h("div", { class: "jp-OutputArea-output tf-live" }) });
    one.element = element;
    one.still = document.createDocumentFragment();
    one.still.append(...element.childNodes);
  }

  // Beside the output and not in it: what the front end does to the markup of outputs must not happen to a live view.
  take(one) {
    one.host.after(one.box);
    one.host.classList.add("tf-behind");
    one.close = one.open(one.box);
    this.taken.add(one);
    return one;
  }

  leave(one) {
    this.taken.delete(one);
    one.close();
    one.box.remove();
    one.element.append(one.still);
    one.host.classList.remove("tf-behind");
  }

  // An output that has become another one is shown as what it is now.
  uncover(changed = document) {
    for (const one of this.taken) if (!one.element.isConnected && one.box.isConnected && (changed === document || one.host.contains(changed))) this.leave(one);
  }

  sweep() {
    const now = performance.now();
    for (const one of this.taken) {
      one.lost = one.box.isConnected ? undefined : (one.lost ?? now);
      if (now - one.lost > FORGET) this.leave(one);
    }
  }
}

// What a widget's module exports: `thing` opens a model, and `View` shows the thing in an element.
export function living(thing, View) {
  const show = (el) => {
    const view = new View(thing, el);
    return () => view.remove();
  };
  return {
    initialize({ model }) {
      const close = thing.open(model);
      const places = (globalThis.tfnzPlaces ??= new Places());
      const leave = places.offer(`tf-at-${model.get("place")}`, show);
      return () => {
        leave();
        close();
      };
    },
    render: ({ el }) => show(el),
  };
}
