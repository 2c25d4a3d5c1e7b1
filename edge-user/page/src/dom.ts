// Elements. Text from the edge becomes text, and never markup.

export type Child = Node | string | number | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>;

/** An element. A function is a listener, `true` an attribute without a value, and `false`, null or undefined none. */
export function h(tag: string, attributes: Attributes = {}, ...children: Child[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name, value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.filter(isThere).map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

function isThere(child: Child): child is Node | string | number {
  return child !== null && child !== undefined && child !== false;
}

/**
 * Makes `old` like `wanted`, and leaves what is the same: the focus, a selection and the place of a scroll stay.
 * Listeners are those of the first time, so that a listener uses what its element's attributes say. An element with
 * `data-keep` is its maker's business.
 */
export function patch(old: Element, wanted: Element): void {
  for (const { name } of [...old.attributes]) {
    if (!wanted.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...wanted.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const news = [...wanted.childNodes];
  const olds = [...old.childNodes];
  news.forEach((child, place) => {
    const was = olds[place];
    if (was === undefined) {
      old.append(child);
    } else if (was instanceof Element && child instanceof Element && isSame(was, child)) {
      if (!was.hasAttribute("data-keep")) patch(was, child);
    } else if (was.nodeType === Node.TEXT_NODE && child.nodeType === Node.TEXT_NODE) {
      if (was.nodeValue !== child.nodeValue) was.nodeValue = child.nodeValue;
    } else {
      was.replaceWith(child);
    }
  });
  olds.slice(news.length).forEach((child) => child.remove());
}

function isSame(one: Element, other: Element): boolean {
  return one.tagName === other.tagName && one.getAttribute("data-key") === other.getAttribute("data-key");
}

export interface Column<Row> {
  title: string;
  cell: (row: Row) => Child;
  /** Whether cells are numbers, which stand to the right. */
  isNumber?: boolean;
  /** Something in the place of the title, such as a button. */
  head?: Child;
  /** Its order, for those who can't see the arrow. */
  sorted?: "ascending" | "descending" | undefined;
}

/** A table with a caption. The first column names the row. `key` tells rows apart. */
export function table<Row>(
  caption: string,
  columns: Column<Row>[],
  rows: Row[],
  key: (row: Row) => string,
  nothing = "none",
): HTMLElement {
  const classes = (column: Column<Row>) => (column.isNumber ? "number" : undefined);
  const head = columns.map((column) =>
    h("th", { scope: "col", class: classes(column), "aria-sort": column.sorted }, column.head ?? column.title),
  );
  const body = rows.map((row) =>
    h(
      "tr",
      { "data-key": key(row) },
      ...columns.map((column, place) =>
        place === 0
          ? h("th", { scope: "row", class: classes(column) }, column.cell(row))
          : h("td", { class: classes(column), "data-title": column.title }, column.cell(row)),
      ),
    ),
  );
  if (body.length === 0) body.push(h("tr", {}, h("td", { colspan: columns.length, class: "quiet" }, nothing)));
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body)),
  );
}

/** Names with their values. */
export function facts(...pairs: [string, Child][]): HTMLElement {
  return h("dl", {}, ...pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

export function link(path: string, text: string): HTMLElement {
  return h("a", { href: path }, text);
}
