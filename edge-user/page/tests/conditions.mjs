// The page names each condition, at an edge that `tests/tests/netns/conditions.rs` has broken: EDGE_CONDITIONS has a line for
// each, which is the text of a condition up to a part of its sentence.

import assert from "node:assert/strict";
import { base, inBrowser } from "./launch.mjs";

const expected = JSON.parse(process.env.EDGE_CONDITIONS ?? "[]");
assert(expected.length > 0, "EDGE_CONDITIONS is not set");

await inBrowser(async (page) => {
  await page.goto(base);
  const lines = page.getByRole("status").getByRole("listitem");
  await Promise.all(
    expected.map(async ([begin, words]) => {
      const line = lines.filter({ hasText: words }).first();
      await line.waitFor({ timeout: 30_000 });
      const text = await line.innerText();
      assert(text.startsWith(begin), `${text} begins with ${begin}`);
    }),
  );
  console.log(`the page names ${expected.length} conditions`);
});
