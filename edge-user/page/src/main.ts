// The page: one view at a time, looked at again and again while somebody sees it.

import { ApiError, get, type Condition, type Status } from "./api";
import { bill } from "./bill";
import { circuit } from "./circuit";
import { h, link, patch, type Child } from "./dom";
import { count, moment } from "./format";
import { ledger, ports, revisions, unmatched } from "./lists";
import { circuitLink, overview } from "./overview";
import type { View } from "./view";

const PAGES: [string, string, () => View][] = [
  ["#/", "Circuits", () => overview(lookAgain)],
  ["#/ports", "Ports", ports],
  ["#/unmatched", "Unmatched", unmatched],
  ["#/ledger", "Ledger", ledger],
  ["#/revisions", "Revisions", revisions],
  ["#/bill", "Bill", () => bill(lookAgain)],
];
const STATUS = "v1/status?limit=0";
/** An edge that does not answer is asked again so soon. */
const RETRY_S = 2;

const byId = (id: string): HTMLElement => document.getElementById(id) ?? document.body;
let view: View | null = null;
let timer = 0;
let looking: AbortController | null = null;

function viewOf(hash: string): View {
  const [, name] = /^#\/circuits\/(.+)$/.exec(hash) ?? [];
  if (name !== undefined) return circuit(decoded(name), lookAgain);
  const page = PAGES.find(([path]) => path === hash) ?? PAGES[0];
  return page![2]();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function open(isFirst: boolean): void {
  view = viewOf(location.hash);
  document.title = `${view.title} · edge`;
  const current = PAGES.some(([path]) => path === location.hash) ? location.hash : "#/";
  patch(
    byId("nav"),
    h("ul", { id: "nav" }, ...PAGES.map(([path, name]) => h("li", {}, h("a", { href: path, "aria-current": path === current && "page" }, name)))),
  );
  byId("main").replaceChildren(view.element);
  // A screen reader goes on with the new page.
  if (!isFirst) byId("main").focus();
  lookAgain();
}

function lookAgain(): void {
  clearTimeout(timer);
  looking?.abort();
  looking = new AbortController();
  void look(looking.signal);
}

async function look(signal: AbortSignal): Promise<void> {
  const shown = view;
  if (!shown) return;
  let pause_s = shown.every_s;
  try {
    const status = await get<Status>(STATUS, signal);
    byId("edge").textContent = status.edge;
    byId("taken").textContent = moment(status.taken);
    showFaults(faultsOf(status));
    await shown.look(status, signal);
  } catch (error) {
    if (signal.aborted) return;
    const why = error instanceof ApiError ? error.message : "the edge does not answer; the figures are old";
    showFaults([[why]]);
    pause_s = RETRY_S;
  }
  // Nobody sees a page in the background: the daemon is left alone.
  if (pause_s !== undefined && !signal.aborted && !document.hidden) {
    timer = setTimeout(() => void look(signal), pause_s * 1000);
  }
}

function faultsOf(status: Status): Child[][] {
  const faults: Child[][] = status.conditions.map((condition) => [subject(condition), condition.sentence]);
  const { conditions_left_out: others } = status;
  return others > 0 ? [...faults, [`${count(others)} further conditions are not listed`]] : faults;
}

/** The port, circuit or export that a condition is about, with the way to it. */
function subject({ circuit, port, export: sink }: Condition): Child {
  if (port !== null) return h("span", {}, "port ", link("#/ports", port), ": ");
  if (circuit !== null) return h("span", {}, "circuit ", circuitLink(circuit), ": ");
  return sink !== null && h("span", {}, "export ", link("#/ledger", sink), ": ");
}

function showFaults(faults: Child[][]): void {
  const items = faults.map((parts) => h("li", {}, ...parts));
  patch(byId("faults"), h("div", { id: "faults", role: "status", "aria-live": "polite" }, items.length > 0 && h("ul", { class: "faults" }, ...items)));
}

addEventListener("hashchange", () => open(false));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) lookAgain();
});
open(true);
