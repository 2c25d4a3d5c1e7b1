// Pages that are a list each: ports, unmatched tags, ledger and exports, revisions.

import { get, type Rates, type Revision, type Status, type Unmatched, type UnmatchedFrames } from "./api";
import { facts, h, patch, table } from "./dom";
import { bitRate, byteCount, count, moment, perSecond } from "./format";
import { circuitLink } from "./overview";
import type { View } from "./view";

/** A page whose content is made anew with each look. */
function list(title: string, every_s: number, make: (status: Status, signal: AbortSignal) => Promise<HTMLElement[]>): View {
  const content = h("div", {});
  return {
    title,
    every_s,
    element: h("div", {}, h("h1", {}, title), content),
    async look(status, signal) {
      patch(content, h("div", {}, ...(await make(status, signal))));
    },
  };
}

export const ports = (): View =>
  list("Ports", 2, async (status, signal) => {
    const rates = await get<Rates>("v1/rates?limit=0", signal);
    const of = new Map(rates.ports.map((port) => [port.name, port]));
    const known = (value: number | string | null) => (value === null ? "–" : String(value));
    const shown = table(
      "Ports",
      [
        { title: "Port", cell: (row) => row.name },
        { title: "Interface", cell: (row) => row.interface },
        { title: "Side", cell: (row) => `${row.side}, ${row.link}` },
        { title: "Link", cell: (row) => h("span", { class: row.carrier && row.is_up ? "ok" : "warn" }, linkState(row)) },
        { title: "XDP", cell: (row) => row.xdp_mode },
        { title: "Speed", cell: (row) => (row.speed_bps === null ? "–" : bitRate(row.speed_bps)), isNumber: true },
        { title: "Sold", cell: (row) => bitRate(row.sold_bps), isNumber: true },
        { title: "Received", cell: (row) => bitRate(of.get(row.name)?.rx_bps ?? 0), isNumber: true },
        { title: "Frames", cell: (row) => perSecond(of.get(row.name)?.rx_fps ?? 0), isNumber: true },
        { title: "MTU", cell: (row) => known(row.mtu_bytes), isNumber: true },
        { title: "Driver", cell: (row) => known(row.driver) },
        { title: "Queues", cell: (row) => `${known(row.rx_queues)} / ${known(row.tx_queues)}`, isNumber: true },
        { title: "Carrier changes", cell: (row) => known(row.carrier_changes), isNumber: true },
      ],
      status.ports,
      (row) => row.name,
    );
    const reasons = status.ports.flatMap((port) =>
      Object.entries(port.reasons).map(([reason, frames]) => ({
        port: port.name,
        reason,
        frames,
        fps: of.get(port.name)?.reasons_fps[reason] ?? 0,
      })),
    );
    const why = table(
      "Received frames by the reason why their path ended",
      [
        { title: "Port", cell: (row) => row.port },
        { title: "Reason", cell: (row) => row.reason },
        { title: "Frames", cell: (row) => count(row.frames), isNumber: true },
        { title: "Now", cell: (row) => perSecond(row.fps), isNumber: true },
      ],
      reasons,
      (row) => `${row.port} ${row.reason}`,
      "no frame yet",
    );
    const notes = status.ports.flatMap((port) =>
      [port.fault ?? [], port.warnings].flat().map((text) => h("li", { class: "warn" }, `${port.name}: ${text}`)),
    );
    return [h("ul", { class: "notes" }, ...notes), shown, why];
  });

function linkState(port: Status["ports"][number]): string {
  if (port.is_up === null) return "missing";
  return !port.is_up ? "down" : port.carrier ? "up" : "no carrier";
}

export const unmatched = (): View =>
  list("Unmatched tags", 2, async (_status, signal) => {
    const found = await get<Unmatched>("v1/unmatched", signal);
    const tag = (vid: number | null) => (vid === null ? "–" : String(vid));
    const shown = table(
      "Frames that no circuit claims",
      [
        { title: "Port", cell: (row) => row.port },
        { title: "TPID", cell: (row) => row.tpid ?? "untagged" },
        { title: "Outer VID", cell: (row) => tag(row.s_vid), isNumber: true },
        { title: "Inner VID", cell: (row) => tag(row.c_vid), isNumber: true },
        { title: "Frames", cell: (row) => count(row.frames), isNumber: true },
        { title: "Bytes", cell: (row) => byteCount(row.bytes), isNumber: true },
        { title: "First", cell: (row) => moment(row.first) },
        { title: "Last", cell: (row) => moment(row.last) },
        { title: "Last source", cell: (row) => row.src_mac },
        { title: "Nearest circuit", cell: nearest },
      ],
      found.unmatched,
      (row) => [row.port, row.tpid, row.s_vid, row.c_vid].join(" "),
      "no such frame",
    );
    return [shown, h("p", { class: "quiet" }, `${count(found.left_out)} further frames, which are not listed.`)];
  });

function nearest(row: UnmatchedFrames): Node | string {
  const { nearest: near } = row;
  if (!near) return "none";
  const has = [near.s_tag === null ? null : `S ${near.s_tag}`, near.c_tag === null ? null : `C ${near.c_tag}`].filter(Boolean);
  const where = near.port ? ` on ${near.port}` : "";
  return h("span", {}, circuitLink(near.circuit), ` ${near.peering} has ${has.join(" ") || "no tag"}${where}`);
}

export const ledger = (): View =>
  list("Ledger and exports", 2, async ({ ledger: books }) => [
    facts(
      ["state", h("span", { class: books.state === "ok" ? "ok" : "warn" }, books.state)],
      ["last booked", moment(books.last_booked)],
      ["sealed until", moment(books.sealed_until)],
      ["directory", books.state_dir],
      ...(books.error ? [["error", h("span", { class: "warn" }, books.error)] as [string, Node]] : []),
      ...(books.failing_since ? [["failing since", moment(books.failing_since)] as [string, string]] : []),
      ...(books.notice ? [["notice", books.notice] as [string, string]] : []),
    ),
    table(
      "Exports",
      [
        { title: "Export", cell: (row) => row.name },
        { title: "State", cell: (row) => h("span", { class: row.last_error ? "warn" : "ok" }, row.last_error ?? "ok") },
        { title: "Failing since", cell: (row) => (row.failing_since ? moment(row.failing_since) : "–") },
        { title: "Last delivered", cell: (row) => moment(row.last_delivered) },
        { title: "Has all until", cell: (row) => moment(row.sealed_until) },
        { title: "Batches", cell: (row) => count(row.delivered_batches), isNumber: true },
        { title: "Notice", cell: (row) => row.notice ?? "–" },
      ],
      books.exports,
      (row) => row.name,
      "no export is configured",
    ),
  ]);

export const revisions = (): View =>
  list("Revisions", 5, async ({ config }, signal) => {
    const { revisions: all } = await get<{ revisions: Revision[] }>("v1/config/history", signal);
    return [
      facts(["running", h("code", {}, config.digest.slice(0, 12))], ["file", config.file_fault ?? "says what runs"]),
      table(
        "The configurations that have taken effect",
        [
          { title: "Revision", cell: (row) => row.revision, isNumber: true },
          { title: "At", cell: (row) => moment(row.at) },
          { title: "By", cell: (row) => row.by },
          { title: "User", cell: (row) => row.user ?? "–" },
          { title: "Change", cell: (row) => row.summary },
          { title: "Message", cell: (row) => row.message ?? "–" },
          { title: "Digest", cell: (row) => h("code", {}, row.digest.slice(0, 12)) },
        ],
        all,
        (row) => String(row.revision),
      ),
      h("p", { class: "quiet" }, h("code", {}, "edge rollback REVISION"), " goes back to one, on the edge itself: this page changes nothing."),
    ];
  });
