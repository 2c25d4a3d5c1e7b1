// Makes the files in dist/, or with --check sees that they are what the sources make.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

// Its licence goes with it.
const licence = `/*! Parts of this file are uPlot:\n\n${readFileSync("LICENSE-uPlot", "utf8").trim()}\n*/`;
const check = process.argv.includes("--check");
const bundle = (entry, file) =>
  build({
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    minify: true,
    charset: "utf8",
    legalComments: "none",
    banner: { js: licence, css: licence },
    target: ["chrome100", "firefox100", "safari15.4"],
    format: "iife",
    write: false,
  });
const made = [
  await bundle("src/main.ts", "dist/page.js"),
  await bundle("src/page.css", "dist/page.css"),
].map(({ outputFiles: [file] }) => [file.path, file.text]);
for (const [path, text] of made) {
  if (!check) {
    writeFileSync(path, text);
  } else if (readFileSync(path, "utf8") !== text) {
    console.error(`${path} is not what the sources make: npm run build, and commit it`);
    process.exitCode = 1;
  }
}
