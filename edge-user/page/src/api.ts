// Documents of the daemon's API, as `/v1/openapi.json` describes them: the parts that the page shows.

export interface Rates {
  edge: string;
  uptime_s: number;
  taken: string;
  interval_s: number;
  faults: string[];
  matching: number;
  circuits: CircuitRates[];
  ports: PortRates[];
}

export interface CircuitRates {
  name: string;
  bandwidth_bps: number;
  enabled: boolean;
  in_bps: number;
  out_bps: number;
  offered_in_bps: number;
  offered_out_bps: number;
  used_permille: number;
  dropped_fps: number;
  peak_1ms_bps: number;
  peak_100ms_bps: number;
  classes: ClassRates[];
  drops_fps: Record<string, number>;
  policers: Policer[];
}

export interface ClassRates {
  peering: string;
  port: string;
  link: string;
  direction: string;
  class: string;
  forwarded_bps: number;
  forwarded_fps: number;
  dropped_fps: number;
  refused_fps: number;
}

export interface PortRates {
  name: string;
  rx_bps: number;
  rx_fps: number;
  reasons_fps: Record<string, number>;
}

export interface Policer {
  peering: string | null;
  class: string | null;
  direction: string;
  link: string;
  rate_bps: number;
  burst_bytes: number;
  used_bytes: number;
  peak_1ms_bps: number;
  peak_100ms_bps: number;
}

export interface Port {
  name: string;
  interface: string;
  side: string;
  link: string;
  xdp_mode: string;
  fault: string | null;
  warnings: string[];
  is_up: boolean | null;
  carrier: boolean | null;
  carrier_changes: number | null;
  speed_bps: number | null;
  sold_bps: number;
  mtu_bytes: number | null;
  driver: string | null;
  rx_queues: number | null;
  tx_queues: number | null;
  rx_frames: number;
  rx_bytes: number;
  reasons: Record<string, number>;
}

export interface Export {
  name: string;
  delivered_batches: number;
  last_error: string | null;
  failing_since: string | null;
  last_delivered: string | null;
  sealed_until: string | null;
  notice: string | null;
}

export interface Ledger {
  state_dir: string;
  state: string;
  error: string | null;
  failing_since: string | null;
  notice: string | null;
  last_booked: string | null;
  sealed_until: string | null;
  exports: Export[];
}

export interface Condition {
  kind: string;
  port: string | null;
  circuit: string | null;
  export: string | null;
  since: string;
  sentence: string;
}

export interface Config {
  digest: string;
  file_fault: string | null;
  unconfirmed: { until: string; left_s: number; user: string | null; message: string | null } | null;
  timed_bandwidths: { circuit: string; bandwidth_bps: number; then_bps: number; until: string }[];
}

export interface Status {
  edge: string;
  uptime_s: number;
  taken: string;
  ledger: Ledger;
  ports: Port[];
  config: Config;
  conditions: Condition[];
  conditions_left_out: number;
}

export interface Unmatched {
  unmatched: UnmatchedFrames[];
  left_out: number;
}

export interface UnmatchedFrames {
  port: string;
  tpid: string | null;
  s_vid: number | null;
  c_vid: number | null;
  frames: number;
  bytes: number;
  first: string;
  last: string;
  src_mac: string;
  nearest: {
    circuit: string;
    peering: string;
    s_tag: number | null;
    c_tag: string | null;
    port?: string;
    fault?: string;
  } | null;
}

export interface Revision {
  revision: number;
  at: string;
  by: string;
  user: string | null;
  message: string | null;
  digest: string;
  summary: string;
}

export interface SecondTraffic {
  offered_bytes: number;
  delivered_bytes: number;
  dropped_frames: number;
  peak_1ms_bps: number;
}

export interface Recent {
  since: string;
  seconds: { end: string; ms: number; inbound: SecondTraffic; outbound: SecondTraffic }[];
}

export interface DirectionTraffic {
  delivered_bytes: number;
  dropped_frames: number;
  dropped_bytes: number;
  drops: { reason: string; class: string | null; frames: number; bytes: number }[];
  peak_1ms_bps: number;
  peak_100ms_bps: number;
}

export interface History {
  from: string;
  to: string;
  step_s: number;
  points: { start: string; covered_s: number; inbound: DirectionTraffic; outbound: DirectionTraffic }[];
}

export interface Bill {
  invoice: Invoice;
  is_complete: boolean;
  warnings: string[];
}

export interface Invoice {
  month: string;
  currency: string;
  total: string | null;
  circuits: {
    circuit: string;
    zone: string | null;
    total: string | null;
    lines: { what: string; quantity: string; unit: string; unit_price: string | null; amount: string | null }[];
  }[];
}

/** An answer that is not the document. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Gets a document. Only the last answer counts: `signal` ends one that nobody waits for any more. */
export async function get<Document>(path: string, signal: AbortSignal): Promise<Document> {
  const answer = await fetch(path, { signal, headers: { accept: "application/json" } });
  const body: unknown = await answer.json().catch(() => null);
  if (!answer.ok) {
    const error = (body as { error?: unknown } | null)?.error;
    throw new ApiError(answer.status, typeof error === "string" ? error : `the daemon answers ${answer.status}`);
  }
  return body as Document;
}

/** The path of a document about a circuit. */
export const circuitPath = (name: string, part: string): string =>
  `v1/circuits/${encodeURIComponent(name)}${part}`;
