// A preview of the bills of a month.

import { ApiError, get, type Bill } from "./api";
import { h, patch, table } from "./dom";
import { circuitLink } from "./overview";
import type { View } from "./view";

/** The page of bills. A bill is made when somebody asks for it: the ledger is read for each. */
export function bill(changed: () => void): View {
  const now = new Date().toISOString().slice(0, 7);
  const month = h("input", { type: "month", id: "month", value: now, pattern: "\\d{4}-\\d{2}", change: changed }) as HTMLInputElement;
  const content = h("div", {});
  const element = h(
    "div",
    {},
    h("h1", {}, "Bill preview"),
    h("form", { class: "controls", submit: (event) => (event.preventDefault(), changed()) }, h("label", { for: "month" }, "Month"), month),
    content,
  );
  return {
    title: "Bill preview",
    element,
    async look(_status, signal) {
      patch(content, h("div", {}, ...(await lines(month.value, signal))));
    },
  };
}

async function lines(month: string, signal: AbortSignal): Promise<HTMLElement[]> {
  let found: Bill;
  try {
    found = await get<Bill>(`v1/bill?month=${encodeURIComponent(month)}`, signal);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return [h("p", { class: "warn", role: "alert" }, error.message)];
  }
  const { invoice } = found;
  const amount = (value: string | null) => value ?? "no price";
  const rows = invoice.circuits.flatMap((circuit) => [
    ...circuit.lines.map((line, place) => ({ ...line, circuit: circuit.circuit, key: `${circuit.circuit} ${place}` })),
    { what: "total", quantity: "", unit: "", unit_price: "", amount: circuit.total, circuit: circuit.circuit, key: `${circuit.circuit} total` },
  ]);
  return [
    h("ul", { class: "notes" }, ...found.warnings.map((text) => h("li", { class: "warn" }, text))),
    table(
      `${invoice.month}, in ${invoice.currency}`,
      [
        { title: "Circuit", cell: (row) => circuitLink(row.circuit) },
        { title: "For", cell: (row) => row.what },
        { title: "Quantity", cell: (row) => `${row.quantity} ${row.unit}`, isNumber: true },
        // A credit is a part of the fees, and has no price of its own.
        { title: "Price of one", cell: (row) => (row.unit === "% of fees" ? "" : amount(row.unit_price)), isNumber: true },
        { title: "Amount", cell: (row) => h(row.what === "total" ? "strong" : "span", {}, amount(row.amount)), isNumber: true },
      ],
      rows,
      (row) => row.key,
      "nothing to bill",
    ),
    h("p", {}, "Total: ", h("strong", {}, `${amount(invoice.total)} ${invoice.currency}`)),
  ];
}
