// The circuits by their rates, and what is unmatched.

import { get, type CircuitRates, type Rates, type Status } from "./api";
import { facts, h, link, patch, table, type Column } from "./dom";
import { bitRate, count, perCent, perSecond, span } from "./format";
import type { View } from "./view";

const SORTS = ["rate", "used", "drops", "peak", "name"] as const;
type Sort = (typeof SORTS)[number];
const LIMITS = [50, 200, 1000];

export const circuitLink = (name: string): HTMLElement => link(`#/circuits/${encodeURIComponent(name)}`, name);

/** The page that one begins with. */
export function overview(changed: () => void): View {
  let sort: Sort = "rate";
  let inverted = false;
  let limit = LIMITS[0] ?? 50;
  const filter = h("input", { type: "search", id: "filter", autocomplete: "off", input: changed }) as HTMLInputElement;
  const more = h(
    "select",
    { id: "limit", change: () => ((limit = Number((more as HTMLSelectElement).value)), changed()) },
    ...LIMITS.map((one) => h("option", { value: one }, one)),
  );
  const summary = h("div", {});
  const list = h("div", {
    click: (event) => {
      const wanted = (event.target as Element).closest("button")?.dataset["sort"] as Sort | undefined;
      if (!wanted) return;
      inverted = sort === wanted && !inverted;
      sort = wanted;
      changed();
    },
  });
  const element = h(
    "div",
    {},
    h("h1", {}, "Circuits"),
    summary,
    h(
      "form",
      { class: "controls", submit: (event) => event.preventDefault() },
      h("label", { for: "filter" }, "Name has"),
      filter,
      h("label", { for: "limit" }, "Show"),
      more,
    ),
    list,
  );

  function column(title: string, by: Sort, cell: (row: CircuitRates) => string | Node): Column<CircuitRates> {
    const isSorted = by === sort;
    const isDown = (by === "name") === inverted;
    const arrow = isSorted ? (isDown ? " ▼" : " ▲") : "";
    return {
      title,
      cell,
      isNumber: by !== "name",
      head: h("button", { type: "button", "data-sort": by }, title, h("span", { "aria-hidden": "true" }, arrow)),
      sorted: isSorted ? (isDown ? "descending" : "ascending") : undefined,
    };
  }
  const plain = (title: string, cell: (row: CircuitRates) => string | Node): Column<CircuitRates> => ({
    title,
    cell,
    isNumber: true,
  });

  return {
    title: "Circuits",
    every_s: 2,
    element,
    async look(status: Status, signal: AbortSignal) {
      const query = new URLSearchParams({ sort, inverted: String(inverted), limit: String(limit) });
      if (filter.value) query.set("filter", filter.value);
      const rates = await get<Rates>(`v1/rates?${query}`, signal);
      const rx_bps = rates.ports.reduce((sum, port) => sum + port.rx_bps, 0);
      const unmatched_fps = rates.ports.reduce(
        (sum, port) => sum + (port.reasons_fps["unmatched"] ?? 0) + (port.reasons_fps["untagged"] ?? 0),
        0,
      );
      patch(
        summary,
        h(
          "div",
          {},
          facts(
            ["received", bitRate(rx_bps)],
            ["unmatched", h("span", { class: unmatched_fps > 0 ? "warn" : "" }, link("#/unmatched", perSecond(unmatched_fps)))],
            ["ports", link("#/ports", count(status.ports.length))],
            ["up since", span(status.uptime_s)],
          ),
        ),
      );
      const columns = [
        column("Circuit", "name", (row) => circuitLink(row.name)),
        plain("Purchased", (row) => bitRate(row.bandwidth_bps)),
        column("In", "rate", (row) => bitRate(row.in_bps)),
        plain("Out", (row) => bitRate(row.out_bps)),
        column("Used", "used", used),
        column("Drops", "drops", (row) => h("span", { class: row.dropped_fps > 0 ? "warn" : "" }, perSecond(row.dropped_fps))),
        column("Peak 1 ms", "peak", (row) => bitRate(row.peak_1ms_bps)),
        plain("Peak 100 ms", (row) => bitRate(row.peak_100ms_bps)),
      ];
      const shown = rates.circuits.length;
      const all = rates.matching === 1 ? "1 circuit" : `${count(rates.matching)} circuits`;
      const caption = shown < rates.matching ? `${count(shown)} of ${all}` : all;
      patch(list, h("div", {}, table(caption, columns, rates.circuits, (row) => row.name, "no circuit")));
    },
  };
}

/** The used part of a circuit's bandwidth, as a number and a bar. */
function used(row: CircuitRates): HTMLElement {
  if (!row.enabled) return h("span", { class: "warn" }, "disabled");
  return h(
    "span",
    { class: "used" },
    h("meter", { min: 0, max: 1000, high: 900, value: Math.min(1000, row.used_permille), "aria-hidden": "true" }),
    perCent(row.used_permille),
  );
}
