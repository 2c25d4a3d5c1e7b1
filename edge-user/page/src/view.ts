// The common shape of all pages.

import type { Status } from "./api";

/** A page of the page. */
export interface View {
  title: string;
  /** Seconds from one look to the next; absent: it is looked at once. */
  every_s?: number;
  /** Its parts, which stay while it is shown. */
  element: HTMLElement;
  /** Asks the daemon, and shows the answers. */
  look(status: Status, signal: AbortSignal): Promise<void>;
}
