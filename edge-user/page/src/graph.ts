// Graphs over time.

import uPlot from "uplot";

export interface Series {
  label: string;
  /** The name of its colour in the style sheet, such as `--in`. */
  color: string;
  dash?: number[];
  values: (number | null)[];
}

/** A graph: its figure in the document, and a way to give it other values. */
export interface Graph {
  element: HTMLElement;
  show(seconds: number[], series: Series[], summary: string): void;
}

const HEIGHT = 220;
/** A graph shows a minute at least: its first seconds are no line from edge to edge. */
const SHORTEST_S = 60;
/** Times on the axis, in UTC as everywhere. */
const times: uPlot.Axis.DynamicValues = (_plot, splits, _axis, _space, step) =>
  splits.map((seconds) => {
    const [date, time] = new Date(seconds * 1000).toISOString().split("T") as [string, string];
    return step >= 86400 ? date.slice(5) : time.slice(0, step >= 60 ? 5 : 8);
  });
const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const wantsDark = matchMedia("(prefers-color-scheme: dark)");

/** A graph with this title. `format` writes its values. */
export function graph(title: string, format: (value: number) => string): Graph {
  const element = document.createElement("figure");
  element.dataset["keep"] = "";
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  const canvas = document.createElement("div");
  canvas.className = "canvas";
  canvas.setAttribute("role", "img");
  element.append(caption, canvas);

  let plot: uPlot | null = null;
  let last: Parameters<Graph["show"]> | null = null;
  const width = () => Math.max(240, canvas.clientWidth);

  function make(series: Series[]): uPlot {
    const text = css("--text");
    const axis = { stroke: text, grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line") } };
    const own = (one: Series): uPlot.Series => ({
      label: one.label,
      stroke: css(one.color),
      width: 1.5,
      points: { show: false },
      ...(one.dash ? { dash: one.dash } : {}),
      value: (_plot, value) => (value === null ? "–" : format(value)),
    });
    return new uPlot(
      {
        width: width(),
        height: HEIGHT,
        series: [{ value: "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" }, ...series.map(own)],
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
        axes: [{ ...axis, values: times }, { ...axis, size: 80, values: (_plot, splits) => splits.map(format) }],
        scales: { x: { range: (_plot, first, last) => [Math.min(first, last - SHORTEST_S), last] }, y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.05 : 1] } },
        cursor: { points: { size: 6 } },
      },
      [[], ...series.map(() => [])],
      canvas,
    );
  }

  function show(seconds: number[], series: Series[], summary: string): void {
    last = [seconds, series, summary];
    plot ??= make(series);
    plot.setData([seconds, ...series.map((one) => one.values)] as uPlot.AlignedData);
    canvas.setAttribute("aria-label", `${title}. ${summary}`);
  }

  // Colours are drawn, and not those of the style sheet.
  const again = () => {
    if (!element.isConnected) return;
    plot?.destroy();
    plot = null;
    if (last) show(...last);
  };
  wantsDark.addEventListener("change", again);
  new ResizeObserver(() => {
    if (plot && plot.width !== width()) plot.setSize({ width: width(), height: HEIGHT });
  }).observe(canvas);
  return { element, show };
}
