import { assert, assertEquals } from "@std/assert";
import { code } from "./support/functions.ts";
import { LAYERS } from "./support/layers.ts";

interface SourceFile {
  /** Its path in src. */
  readonly path: string;
  readonly text: string;
  /** What it imports: paths in src, or names of packages. */
  readonly imports: readonly string[];
}

const SOURCE = new URL("../src/", import.meta.url);
const FILES: readonly SourceFile[] = [...sourceFiles("")];

function* sourceFiles(folder: string): Generator<SourceFile> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, SOURCE))) {
    const path = `${folder}${name}`;
    if (isDirectory) yield* sourceFiles(`${path}/`);
    else if (name.endsWith(".ts")) yield readSource(path);
  }
}

function readSource(path: string): SourceFile {
  const url = new URL(path, SOURCE);
  const text = Deno.readTextFileSync(url);
  const specifiers = code(text).matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g);
  const imports = Array.from(specifiers, ([, specifier]) => {
    if (!specifier.startsWith(".")) return specifier;
    return new URL(specifier, url).href.replace(SOURCE.href, "");
  });
  return { path, text, imports };
}

/** The folder of a file in src, or its name when it stands by itself. */
function partOf(path: string): string {
  return path.split("/")[0].replace(/\.ts$/, "");
}

function layerOf(path: string): number {
  return LAYERS.findIndex((parts) => parts.includes(partOf(path)));
}

/** The files outside of these parts that have `pattern` in their code. */
function outside(parts: readonly string[], pattern: RegExp): string[] {
  return FILES.filter(({ path, text }) => !parts.includes(partOf(path)) && pattern.test(code(text)))
    .map(({ path }) => path);
}

Deno.test("architecture: the top level has the source, the tests and what programs look for there", () => {
  const root = new URL("../", SOURCE);
  const ignored = Deno.readTextFileSync(new URL(".gitignore", root)).split("\n")
    .map((line) => line.replaceAll("/", ""));
  const names = Array.from(Deno.readDirSync(root), ({ name }) => name)
    .filter((name) => !name.startsWith(".") && !ignored.includes(name)).sort();
  assertEquals(names, ["LICENSE", "README.md", "deno.json", "main.ts", "mod.ts", "src", "tests"]);
});

Deno.test("architecture: every part of the source has its layer", () => {
  assert(FILES.length > 50);
  assertEquals(FILES.map(({ path }) => path).filter((path) => layerOf(path) === -1), []);
});

Deno.test("architecture: imports lead down, or stay within their part", () => {
  const wrong = FILES.flatMap(({ path, imports }) =>
    imports
      .filter((target) => target.endsWith(".ts") && partOf(target) !== partOf(path))
      .filter((target) => layerOf(target) >= layerOf(path))
      .map((target) => `${path} imports ${target}`)
  );
  assertEquals(wrong, []);
});

Deno.test("architecture: no file leads back to itself", () => {
  const byPath = new Map(FILES.map((file) => [file.path, file]));
  const safe = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) return cycles.push([...trail, path].join(" -> "));
    if (safe.has(path)) return;
    for (const target of byPath.get(path)?.imports ?? []) visit(target, [...trail, path]);
    safe.add(path);
  };
  for (const { path } of FILES) visit(path, []);
  assertEquals(cycles, []);
});

Deno.test("architecture: the edges are where they belong", () => {
  assertEquals(
    outside(["executors", "gpu", "os", "node", "service"], /\bDeno\.Command\b|node:child_process/),
    [],
  );
  // No URL with a signature reaches a collector of traces. Programs of this computer ask its node in
  // one file.
  const fetching = FILES.filter(({ text }) => /\bfetch\(/.test(code(text)));
  assertEquals(fetching.map(({ path }) => path), ["cli/node_http.ts", "os/untraced_fetch.ts"]);
  assertEquals(outside(["backend", "os", "tracing"], /\buntracedFetch\(/), []);
  // Commands go to servers in one file, which sends none twice; the node's own server is in two.
  const clients = FILES.filter(({ imports }) => imports.some((name) => /^node:https?$/.test(name)));
  assertEquals(clients.map(({ path }) => path).sort(), [
    "executors/server/exchange.ts",
    "http/exchange_over_http.ts",
    "http/listen.ts",
  ]);
  assertEquals(outside(["cli"], /\bDeno\.exit\b|\bprocess\.exit\(/), []);
  assertEquals(outside(["cli", "log"], /\bconsole\.|\bDeno\.std(in|out|err)\b/), []);
  assertEquals(outside(["journal", "state"], /^import \{[^}]*\} from "node:sqlite"/m), []);
});

Deno.test("architecture: time and chance are injected", () => {
  const names = /\bMath\.random\(|\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/;
  assertEquals(outside(["time", "cli"], names), []);
});

Deno.test("architecture: each package is used where it belongs, and the broker is loaded late", () => {
  const users = new Map<string, Set<string>>();
  for (const { path, imports } of FILES) {
    for (const name of imports) {
      if (name.endsWith(".ts") || name.startsWith("node:")) continue;
      users.set(name, (users.get(name) ?? new Set()).add(path));
    }
  }
  assertEquals([...users.get("aedes") ?? []], ["dev/embedded_broker.ts"]);
  const broker = FILES.find(({ path }) => path === "dev/embedded_broker.ts")!;
  assert(
    !/^import (?!type)[^;]*"aedes"/m.test(broker.text) && broker.text.includes('import("aedes")'),
  );
  assertEquals([...users.get("@std/log") ?? []], ["log.ts"]);
  assertEquals([...users.get("mqtt") ?? []].map(partOf).filter((part) => part !== "mqtt"), []);
});

Deno.test("architecture: files are short, finished and named for what they do", () => {
  for (const { path, text } of FILES) {
    const isData = path.endsWith(".json");
    assert(isData || text.split("\n").length <= 301, `${path} is longer than 300 lines`);
    assert(!/\b(TODO|FIXME|XXX|HACK)\b/.test(text), `${path} is not finished`);
    assert(!/\b(utils?|helpers?|misc|common)\b/.test(path), `${path} is named for nothing`);
  }
  const page = new URL("page/", SOURCE);
  for (const { name, isFile } of Deno.readDirSync(page)) {
    const lines = isFile ? Deno.readTextFileSync(new URL(name, page)).split("\n").length : 0;
    assert(lines <= 301, `page/${name} is longer than 300 lines`);
  }
});

Deno.test("architecture: no two files have one name, and no two exported types", () => {
  const files = FILES.map(({ path }) => ({ name: path.split("/").at(-1)!, path }));
  assertEquals(sharedNames(files), []);
  const types = FILES.flatMap(({ path, text }) =>
    Array.from(code(text).matchAll(EXPORTED_TYPE), ([, name]) => ({ name: name!, path }))
  );
  assertEquals(sharedNames(types), []);
});

const EXPORTED_TYPE = /^export (?:abstract )?(?:class|interface|type|enum) (\w+)/gm;

/** The names that several have, each with where they stand. */
function sharedNames(named: readonly { name: string; path: string }[]): string[] {
  return Object.entries(Object.groupBy(named, ({ name }) => name))
    .filter(([, all]) => all!.length > 1)
    .map(([name, all]) => `${name}: ${all!.map(({ path }) => path).join(", ")}`);
}

Deno.test("architecture: commands that need no broker load no MQTT library", () => {
  const light = [
    "cli/program.ts",
    "cli/completion/shell_completion.ts",
    ...["init", "logs", "page", "ps", "service", "show_permissions", "validate"]
      .map((name) => `cli/subcommands/${name}.ts`),
  ];
  for (const path of light) assertEquals(loadedBy(path, MQTT), [], path);
  // That it finds what is there.
  assert(loadedBy("client/client_session.ts", MQTT).length > 0);
});

Deno.test("architecture: the program and validate do not wait for Node's file system to load", () => {
  const quick = [
    "cli/program.ts",
    "cli/report_error.ts",
    "cli/subcommands/validate.ts",
    "doctor/config_review.ts",
  ];
  for (const path of quick) assertEquals(loadedBy(path, ["node:fs"]), [], path);
  assert(loadedBy("workloads/folder.ts", ["node:fs"]).length > 0);
});

const MQTT = ["mqtt", "aedes"];

/** What a file loads of some libraries with itself: how each comes to be loaded. */
function loadedBy(
  path: string,
  libraries: readonly string[],
  trail: readonly string[] = [],
  seen = new Set<string>(),
): string[] {
  const found: string[] = [];
  const file = FILES.find((file) => file.path === path);
  assert(file !== undefined || trail.length > 0, `There is no src/${path}`);
  if (file === undefined || seen.has(path)) return found;
  seen.add(path);
  const way = [...trail, path];
  for (const target of loadedAtOnce(file)) {
    if (libraries.includes(target)) found.push([...way, target].join(" -> "));
    found.push(...loadedBy(target, libraries, way, seen));
  }
  return found;
}

/** What is loaded before a file is run: neither types nor what it imports later, by `import()`. */
function loadedAtOnce({ path, text }: SourceFile): string[] {
  const url = new URL(path, SOURCE);
  const statements = code(text).matchAll(
    /^(?:import|export) (?!type )(?:[^;"]*? from )?"([^"]+)"/gm,
  );
  return Array.from(
    statements,
    ([, specifier]) =>
      specifier!.startsWith(".")
        ? new URL(specifier!, url).href.replace(SOURCE.href, "")
        : specifier!,
  );
}
