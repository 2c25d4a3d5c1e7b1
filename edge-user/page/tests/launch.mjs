// A browser on the page of the edge that a test has started. Messages of faults gather in `faults`.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

export const base = process.env.EDGE_PAGE;
assert(base, "EDGE_PAGE is not set");

/** Opens a page, does `work` with it and the list of faults seen, and closes the browser. None may be left. */
export async function inBrowser(work) {
  const browser = await chromium.launch({
    executablePath: process.env.EDGE_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", // It runs as root, in namespaces of the test's own.
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const faults = [];
  let page;
  try {
    page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light", locale: "en-GB" });
    page.on("console", (message) => {
      // An answer 404 is an answer: there are no prices, or no such circuit.
      if (message.type() === "error" && !message.text().includes("404")) faults.push(message.text());
    });
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("request", (request) => {
      if (!request.url().startsWith(base)) faults.push(`it asks for ${request.url()}`);
      if (request.method() !== "GET") faults.push(`it sends ${request.method()}`);
    });
    await work(page, faults);
  } catch (error) {
    console.error(faults, await page?.innerText("body"));
    throw error;
  } finally {
    await browser.close();
  }
  assert.deepEqual(faults, []);
}
