// The page in Chromium, at an edge that `tests/tests/netns/page.rs` has started: contoso is over its rate, another
// circuit is not, and frames with contoso's S-tag and the C-tag 11 belong to nobody.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { base, inBrowser } from "./launch.mjs";

const pictures = process.env.EDGE_PICTURES;
assert(pictures, "EDGE_PICTURES is not set");
mkdirSync(pictures, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDE = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const QUIET = "fabrikam & co <b>/2";
const PAGES = ["#/", "#/ports", "#/unmatched", "#/ledger", "#/revisions", "#/bill", "#/circuits/contoso", `#/circuits/${encodeURIComponent(QUIET)}`];

await inBrowser(async (page, faults) => {
  await overview(page);
  await keyboard(page);
  await circuit(page);
  await lists(page);
  await everyPage(page);
  await anotherEdge(page, faults);
});

async function overview(page) {
  const answer = await page.goto(base);
  assert.match(answer.headers()["content-security-policy"], /default-src 'none'/);
  const row = page.getByRole("row", { name: "contoso" });
  // The first look takes a second, as rates are of two.
  await row.getByText(/^(9\d|100)\.\d %$/).waitFor();
  const rows = page.locator("tbody th");
  assert.deepEqual(await rows.allInnerTexts(), ["contoso", QUIET], "the one with the highest rate is first");
  await page.getByLabel("Name has").fill("fab");
  await page.getByText("1 circuit", { exact: true }).waitFor();
  assert.deepEqual(await rows.allInnerTexts(), [QUIET]);
  await page.getByLabel("Name has").fill("");
  await row.waitFor();
  // Both conditions are named with the circuit, within seconds.
  const faults = page.getByRole("status");
  for (const kind of [/circuit contoso: .*offered/, /contoso.*C 1[01]/]) {
    await faults.getByRole("listitem").filter({ hasText: kind }).first().waitFor({ timeout: 15_000 });
  }
  await page.screenshot({ path: join(pictures, "overview.png") });
}

/** Everything can be done without a mouse, and new figures take the focus nowhere. */
async function keyboard(page) {
  await page.reload();
  await page.getByRole("row", { name: "contoso" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the figures");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  const name = page.getByRole("columnheader", { name: "Circuit" });
  while (!(await page.evaluate(() => document.activeElement.dataset.sort === "name"))) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator("th[aria-sort=ascending]", { hasText: "Circuit" }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator("th[aria-sort=descending]", { hasText: "Circuit" }).waitFor();
  assert.deepEqual(await page.locator("tbody th").allInnerTexts(), [QUIET, "contoso"]);
  const taken = await page.locator("#taken").innerText();
  await page.waitForFunction((was) => document.querySelector("#taken").innerText !== was, taken);
  assert.match(await focused(page), /^Circuit ▼/, "the focus stays where it was");
  assert.equal(await name.getAttribute("aria-sort"), "descending");
  while ((await focused(page)) !== "contoso") await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "contoso" }).waitFor();
}

function focused(page) {
  return page.evaluate(() => document.activeElement.textContent.trim());
}

async function circuit(page) {
  const rate = page.getByRole("img", { name: /^Rate\. Now \d.* in and .* of 10 Mbps/ });
  await rate.waitFor();
  await page.getByText(/over-rate \d/).first().waitFor();
  assert.equal(await page.locator("figure canvas").count(), 3);
  // What is drawn has colour: an empty canvas would have none.
  const isDrawn = () =>
    [...document.querySelectorAll("figure canvas")].every((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      for (let place = 0; place < data.length; place += 4) {
        if (data[place + 3] > 0 && Math.abs(data[place] - data[place + 2]) > 60) return true;
      }
      return false;
    });
  await page.waitForFunction(isDrawn);
  await page.waitForTimeout(4000);
  await page.screenshot({ path: join(pictures, "circuit.png") });
  await page.getByLabel("a day").check();
  await page.getByText(/mean of 5 min/).waitFor();
  await page.getByRole("row", { name: /private/ }).first().waitFor();
}

async function lists(page) {
  await page.getByRole("link", { name: "Ports", exact: true }).click();
  await page.getByRole("rowheader", { name: "customer0" }).first().waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "main", "a reader goes on at the new page");
  await page.getByRole("link", { name: "Unmatched" }).click();
  const row = page.getByRole("row", { name: /0x88a8/ });
  await row.getByText("contoso").waitFor({ timeout: 15_000 });
  assert.match(await row.innerText(), /100\s+11/);
  await page.getByRole("link", { name: "Ledger" }).click();
  await page.getByText("last booked").waitFor();
  // A message is text, whatever is in it.
  await page.getByRole("link", { name: "Revisions" }).click();
  await page.getByText("<img src=x onerror=document.title='taken'>").waitFor();
  assert.doesNotMatch(await page.title(), /taken/);
  await page.getByRole("link", { name: "Bill", exact: true }).click();
  await page.getByText(/^Total:/).waitFor();
  await page.getByRole("row", { name: /contoso/ }).first().waitFor();
}

/** Every page in both colour schemes has no fault that axe finds, and a phone shows it without scrolling sideways. */
async function everyPage(page) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const path of PAGES) {
      await page.goto(base + path);
      await page.locator("main h1").waitFor();
      await page.locator("main table").first().waitFor();
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
      assert.deepEqual(found, [], `${path} in ${colorScheme} colours`);
      if (colorScheme === "dark") {
        await page.setViewportSize(PHONE);
        const [whole, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert(whole <= seen, `${path} is ${whole} wide on a phone of ${seen}`);
        if (path === "#/") await page.screenshot({ path: join(pictures, "phone.png") });
        await page.setViewportSize(WIDE);
      }
    }
  }
}

/** A circuit that is not there, and an edge that does not answer, are named; the page goes on when it answers again. */
async function anotherEdge(page, faults) {
  await page.goto(`${base}#/circuits/nobody`);
  await page.getByText('there is no circuit "nobody"').waitFor();
  await page.route("**/v1/**", (route) => route.abort());
  await page.goto(`${base}#/ports`);
  await page.getByText("the edge does not answer; the figures are old").waitFor();
  faults.splice(0);
  await page.unroute("**/v1/**");
  await page.getByRole("rowheader", { name: "customer0" }).first().waitFor();
}
