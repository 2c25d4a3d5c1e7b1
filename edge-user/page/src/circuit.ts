// One circuit: its rates against the purchased one, its drops and peaks, by the second and over days.

import { circuitPath, get, type CircuitRates, type History, type Policer, type Rates, type Recent, type Status } from "./api";
import { facts, h, patch, table } from "./dom";
import { bitRate, byteCount, count, perCent, perSecond } from "./format";
import { graph, type Series } from "./graph";
import type { View } from "./view";

/** Times that the graphs can show. */
const SPANS: [string, string, number][] = [
  ["15m", "15 minutes, by the second", 900],
  ["1d", "a day", 86400],
  ["7d", "7 days", 7 * 86400],
  ["100d", "100 days", 100 * 86400],
];
/** The samples of five minutes change no more often than that. */
const HISTORY_EVERY_MS = 60_000;

const seconds = (time: string): number => Date.parse(time) / 1000;
const top = (values: (number | null)[]): number => values.reduce<number>((most, one) => Math.max(most, one ?? 0), 0);

/** The page of a circuit. */
export function circuit(name: string, changed: () => void): View {
  let chosen = SPANS[0] as (typeof SPANS)[number];
  const summary = h("div", {});
  const tables = h("div", {});
  const note = h("p", { class: "quiet" });
  const rate = graph("Rate", bitRate);
  const drops = graph("Dropped frames", perSecond);
  const peaks = graph("Peaks", bitRate);
  const spans = h(
    "fieldset",
    {
      class: "controls",
      change: (event) => {
        const value = (event.target as HTMLInputElement).value;
        chosen = SPANS.find(([key]) => key === value) ?? chosen;
        history = null;
        changed();
      },
    },
    h("legend", {}, "Graphs of the last"),
    ...SPANS.map(([key, title], place) =>
      h("label", {}, h("input", { type: "radio", name: "span", value: key, checked: place === 0 }), title),
    ),
  );
  const element = h(
    "div",
    {},
    h("h1", {}, name),
    summary,
    spans,
    h("div", { class: "graphs" }, rate.element, drops.element, peaks.element),
    note,
    tables,
  );
  const recent: Recent["seconds"] = [];
  let history: { at: number; of: History } | null = null;

  async function lookRecent(now: CircuitRates, signal: AbortSignal) {
    const last = recent.at(-1);
    const after = last ? `?after=${encodeURIComponent(last.end)}` : "";
    const news = await get<Recent>(circuitPath(name, `/recent${after}`), signal);
    recent.push(...news.seconds);
    recent.splice(0, Math.max(0, recent.length - 900));
    const times = recent.map((one) => seconds(one.end));
    const bps = (bytes: number, ms: number) => (bytes * 8000) / ms;
    const of = (pick: (one: Recent["seconds"][number]) => number) => recent.map(pick);
    show(times, now, {
      in: of((one) => bps(one.inbound.delivered_bytes, one.ms)),
      out: of((one) => bps(one.outbound.delivered_bytes, one.ms)),
      offeredIn: of((one) => bps(one.inbound.offered_bytes, one.ms)),
      offeredOut: of((one) => bps(one.outbound.offered_bytes, one.ms)),
      dropsIn: of((one) => (one.inbound.dropped_frames * 1000) / one.ms),
      dropsOut: of((one) => (one.outbound.dropped_frames * 1000) / one.ms),
      peakIn: of((one) => one.inbound.peak_1ms_bps),
      peakOut: of((one) => one.outbound.peak_1ms_bps),
    });
    patch(note, h("p", { class: "quiet" }, "The daemon reads a circuit by the second from when somebody looks at it."));
  }

  async function lookHistory(now: CircuitRates, signal: AbortSignal) {
    if (!history || Date.now() - history.at > HISTORY_EVERY_MS) {
      const from = new Date(Date.now() - chosen[2] * 1000).toISOString().replace(/\.\d+Z$/, "Z");
      const of = await get<History>(circuitPath(name, `/history?from=${from}`), signal);
      history = { at: Date.now(), of };
    }
    const { points, step_s } = history.of;
    // A gap is a gap, and not a line from one end to the other.
    const times: number[] = [];
    const known: (History["points"][number] | null)[] = [];
    for (const point of points) {
      const time = seconds(point.start);
      const before = times.at(-1);
      if (before !== undefined && time - before > step_s * 1.5) {
        times.push(before + step_s);
        known.push(null);
      }
      times.push(time);
      known.push(point);
    }
    type Point = History["points"][number];
    const of = (pick: (one: Point) => number) => known.map((one) => one && pick(one));
    const each = (one: Point, value: number) => value / Math.max(1, one.covered_s || step_s);
    show(times, now, {
      in: of((one) => each(one, one.inbound.delivered_bytes * 8)),
      out: of((one) => each(one, one.outbound.delivered_bytes * 8)),
      offeredIn: of((one) => each(one, (one.inbound.delivered_bytes + one.inbound.dropped_bytes) * 8)),
      offeredOut: of((one) => each(one, (one.outbound.delivered_bytes + one.outbound.dropped_bytes) * 8)),
      dropsIn: of((one) => each(one, one.inbound.dropped_frames)),
      dropsOut: of((one) => each(one, one.outbound.dropped_frames)),
      peakIn: of((one) => one.inbound.peak_1ms_bps),
      peakOut: of((one) => one.outbound.peak_1ms_bps),
    });
    const step = step_s % 3600 === 0 ? `${step_s / 3600} h` : `${step_s / 60} min`;
    patch(note, h("p", { class: "quiet" }, `Each point is the mean of ${step}, and of peaks the highest. The last five minutes come when they are over.`));
  }

  type Lines = Record<"in" | "out" | "offeredIn" | "offeredOut" | "dropsIn" | "dropsOut" | "peakIn" | "peakOut", (number | null)[]>;
  function show(times: number[], now: CircuitRates, lines: Lines) {
    const line = (label: string, color: string, values: (number | null)[], dash?: number[]): Series => ({
      label,
      color,
      values,
      ...(dash ? { dash } : {}),
    });
    const purchased = line("purchased", "--purchased", times.map(() => now.bandwidth_bps), [6, 4]);
    rate.show(
      times,
      [
        line("in", "--in", lines.in),
        line("out", "--out", lines.out),
        line("offered in", "--in", lines.offeredIn, [2, 3]),
        line("offered out", "--out", lines.offeredOut, [2, 3]),
        purchased,
      ],
      `Now ${bitRate(now.in_bps)} in and ${bitRate(now.out_bps)} out of ${bitRate(now.bandwidth_bps)}; at most ` +
        `${bitRate(top(lines.in))} in and ${bitRate(top(lines.out))} out.`,
    );
    drops.show(
      times,
      [line("in", "--in", lines.dropsIn), line("out", "--out", lines.dropsOut)],
      `At most ${perSecond(top(lines.dropsIn))} in and ${perSecond(top(lines.dropsOut))} out.`,
    );
    peaks.show(
      times,
      [line("1 ms in", "--in", lines.peakIn), line("1 ms out", "--out", lines.peakOut), purchased],
      `Over 1 ms at most ${bitRate(top(lines.peakIn))} in and ${bitRate(top(lines.peakOut))} out.`,
    );
  }

  return {
    title: name,
    every_s: 1,
    element,
    async look(status: Status, signal: AbortSignal) {
      const rates = await get<Rates>(`v1/rates?circuit=${encodeURIComponent(name)}`, signal);
      const [now] = rates.circuits;
      if (!now) return;
      const timed = status.config.timed_bandwidths.find((one) => one.circuit === name);
      const reasons = Object.entries(now.drops_fps).map(([reason, fps]) => `${reason} ${perSecond(fps)}`);
      patch(
        summary,
        h(
          "div",
          {},
          facts(
            ["purchased", bitRate(now.bandwidth_bps) + (timed ? `, and ${bitRate(timed.then_bps)} from ${timed.until} on` : "")],
            ["in", bitRate(now.in_bps)],
            ["out", bitRate(now.out_bps)],
            ["used", now.enabled ? perCent(now.used_permille) : "disabled"],
            ["dropped", h("span", { class: reasons.length ? "warn" : "" }, reasons.join(", ") || "none")],
            ["peak 1 ms", bitRate(now.peak_1ms_bps)],
            ["peak 100 ms", bitRate(now.peak_100ms_bps)],
          ),
        ),
      );
      patch(tables, h("div", {}, classes(now), buckets(now)));
      await (chosen[0] === "15m" ? lookRecent(now, signal) : lookHistory(now, signal));
    },
  };
}

function classes(now: CircuitRates): HTMLElement {
  return table(
    "Classes",
    [
      { title: "Peering", cell: (row) => row.peering },
      { title: "Class", cell: (row) => row.class },
      { title: "Direction", cell: (row) => row.direction },
      { title: "Port", cell: (row) => row.port },
      { title: "Link", cell: (row) => row.link },
      { title: "Rate", cell: (row) => bitRate(row.forwarded_bps), isNumber: true },
      { title: "Frames", cell: (row) => perSecond(row.forwarded_fps), isNumber: true },
      { title: "Drops", cell: (row) => perSecond(row.dropped_fps), isNumber: true },
      { title: "Refused", cell: (row) => perSecond(row.refused_fps), isNumber: true },
    ],
    now.classes,
    (row) => [row.peering, row.class, row.direction, row.port].join(" "),
  );
}

function buckets(now: CircuitRates): HTMLElement {
  const of = (row: Policer) => (row.peering === null ? "circuit" : row.class === null ? row.peering : `${row.peering} ${row.class}`);
  return table(
    "Buckets",
    [
      { title: "Of", cell: of },
      { title: "Direction", cell: (row) => row.direction },
      { title: "Link", cell: (row) => row.link },
      { title: "Rate", cell: (row) => bitRate(row.rate_bps), isNumber: true },
      { title: "Burst", cell: (row) => byteCount(row.burst_bytes), isNumber: true },
      { title: "Used", cell: (row) => perCent((row.used_bytes * 1000) / Math.max(1, row.burst_bytes)), isNumber: true },
      { title: "Peak 1 ms", cell: (row) => bitRate(row.peak_1ms_bps), isNumber: true },
      { title: "Peak 100 ms", cell: (row) => bitRate(row.peak_100ms_bps), isNumber: true },
    ],
    now.policers,
    (row) => [of(row), row.direction, row.link].join(" "),
    `${count(0)} buckets`,
  );
}
