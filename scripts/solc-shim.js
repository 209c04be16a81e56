#!/usr/bin/env node
// The npm compiler behind the command line of the native one, as far as forge, Brownie (py-solc-x), slither
// and our own compile script use it: `--version` and `--standard-json [FILE]`, with `--base-path`,
// `--include-path` and `--allow-paths` for imports. Anything else is refused, so that nothing is ignored.
"use strict";
const fs = require("fs");
const path = require("path");

// py-solc-x runs a copy of this file from its own folder; SOLC_NPM_DIR then says where the compiler is.
// It takes a second to load: what is refused is refused before.
const loadCompiler = () => require(process.env.SOLC_NPM_DIR || path.join(__dirname, "..", "node_modules", "solc"));

const options = { base: null, include: [], allow: [], input: null, standardJson: false };
const args = process.argv.slice(2);
while (args.length) {
  const arg = args.shift();
  if (arg === "--version") {
    // Named like a native build: the tools parse this line and know no other platform.
    const release = loadCompiler().version().replace(/\.Emscripten\.clang$/, ".Linux.g++");
    console.log(`solc, the solidity compiler commandline interface\nVersion: ${release}`);
    process.exit(0);
  } else if (arg === "--standard-json") options.standardJson = true;
  else if (arg === "--base-path") options.base = args.shift();
  else if (arg === "--include-path") options.include.push(args.shift());
  else if (arg === "--allow-paths") options.allow = args.shift().split(",").filter(Boolean);
  else if (!arg.startsWith("-") || arg === "-") options.input = arg;
  else {
    console.error(`solc-shim: unknown option ${arg}`);
    process.exit(1);
  }
}
if (!options.standardJson) {
  console.error("solc-shim: only --version and --standard-json are supported");
  process.exit(1);
}

const roots = [options.base || process.cwd(), ...options.include];
const allowed = [...roots, ...options.allow].map((item) => path.resolve(item));

function readImport(name) {
  const candidates = path.isAbsolute(name) ? [name] : roots.map((root) => path.resolve(root, name));
  for (const file of candidates) {
    const inside = allowed.some((root) => file === root || file.startsWith(root + path.sep));
    if (inside && fs.existsSync(file)) return { contents: fs.readFileSync(file, "utf8") };
  }
  return { error: `File not found: ${name}` };
}

const source = fs.readFileSync(options.input && options.input !== "-" ? options.input : 0, "utf8");
process.stdout.write(loadCompiler().compile(source, { import: readImport }));
