import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { ConfigError } from "../../src/errors.ts";
import { History } from "../../src/journal/history.ts";
import { Journal } from "../../src/journal/journal.ts";
import { AcceptedTokens } from "../../src/registration/accepted_tokens.ts";
import { IdentityStore } from "../../src/registration/identity.ts";
import { loadClientId } from "../../src/state/client_id.ts";
import { lockFolder, lockHolder } from "../../src/state/lock.ts";
import { requireFolder } from "../../src/state/state_file.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";

/** A state folder, and what a node does with it at its start and its end. */
class StateFolder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "cloud_node_state_" });
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();

  async runNode(): Promise<void> {
    using _lock = lockFolder(this.path, this);
    loadClientId(this.path, this);
    const store = new IdentityStore(this.path, this);
    const identity = { uuid: "u-1", slug: "s", workspaceSlug: null, registeredAt: "" };
    if (await store.read() === undefined) await store.write(identity);
    const tokens = new AcceptedTokens(this.path, () => Promise.resolve(false), this);
    await tokens.add("token-of-today");
    assertEquals(await tokens.has("token-of-today"), true);
    using journal = Journal.open(this.path, this);
    journal.unfinished();
    journal.messages.pending(0, { messages: 1, bytes: 1 });
  }

  /** Reads as `ps` and `doctor` do, which may fail but never wait. */
  async look(): Promise<void> {
    assertEquals(lockHolder(this.path), undefined);
    await new IdentityStore(this.path, this).peek().catch(() => {});
    try {
      using history = History.open(this.path);
      history?.list(1);
    } catch (error) {
      assertStringIncludes(String(error), this.path);
    }
  }

  names(): string[] {
    return [...Deno.readDirSync(this.path)].map(({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

const FILES = [
  "node.lock",
  "node.lock-journal",
  "node.running",
  "node.running-journal",
  "node.running-wal",
  "node.pid",
  "mqtt_client_id",
  "instance_identity.json",
  "accepted_tokens.json",
  "journal.db",
  "journal.db-wal",
  "journal.db-shm",
  "journal.db-journal",
];

const REPLACEMENTS: Record<string, (path: string) => void> = {
  "junk": (path) => Deno.writeTextFileSync(path, "This is junk.\n".repeat(1_000)),
  "a few bytes": (path) => Deno.writeTextFileSync(path, "junk"),
  "zeros": (path) => Deno.writeFileSync(path, new Uint8Array(8192)),
  "nothing": (path) => Deno.writeTextFileSync(path, ""),
  "another database": (path) => {
    using database = new DatabaseSync(path);
    database.exec(
      "PRAGMA journal_mode = WAL; CREATE TABLE strange (a); INSERT INTO strange VALUES (1)",
    );
  },
  "a folder": (path) => Deno.mkdirSync(`${path}/inside`, { recursive: true }),
  "a FIFO": (path) => void new Deno.Command("mkfifo", { args: [path] }).outputSync(),
  "a file of 1 GB": (path) => {
    using file = Deno.createSync(path);
    file.truncateSync(1e9);
  },
};

for (const file of FILES) {
  for (const [what, replace] of Object.entries(REPLACEMENTS)) {
    // A gigabyte of zeros is a gigabyte to copy.
    if (what === "a file of 1 GB" && !/json|client_id/.test(file)) continue;
    Deno.test(`a node starts with ${what} in the place of ${file}, and the next one as well`, async () => {
      using folder = new StateFolder();
      await folder.runNode();
      if (folder.names().includes(file)) Deno.removeSync(`${folder.path}/${file}`);
      replace(`${folder.path}/${file}`);
      await folder.look();
      await folder.runNode();
      const { length } = folder.logger.shown;
      await folder.runNode();
      await folder.look();
      assertEquals(folder.logger.shown.slice(length), []);
    });
  }

  Deno.test(`a link in the place of ${file} is refused, and its target is untouched`, async () => {
    using folder = new StateFolder();
    await folder.runNode();
    const target = `${folder.path}/target`;
    const path = `${folder.path}/${file}`;
    for (const content of ["precious", undefined]) {
      if (content !== undefined) Deno.writeTextFileSync(target, content);
      else Deno.removeSync(target);
      if (folder.names().includes(file)) Deno.removeSync(path);
      Deno.symlinkSync(target, path);
      await folder.look();
      const error = await folder.runNode().then(() => undefined, (error) => error);
      assertEquals(error instanceof ConfigError, true, `${error}`);
      assertStringIncludes(error.message, file);
      assertStringIncludes(error.hint, "Remove the link");
      assertEquals(folder.names().includes("target"), content !== undefined);
      if (content !== undefined) assertEquals(Deno.readTextFileSync(target), content);
    }
  });
}

for (const file of ["instance_identity.json", "accepted_tokens.json", "mqtt_client_id"]) {
  Deno.test(`what stands in ${file} by mistake is kept aside and not shown`, async () => {
    using folder = new StateFolder();
    Deno.writeTextFileSync(`${folder.path}/${file}`, "secret\nof somebody");
    await folder.runNode();
    const [line, ...more] = folder.logger.shown;
    assertEquals(more, []);
    assertMatch(line, new RegExp(`^warn: Set ".*/${file}" aside as ".*damaged-.*": [^\n]+$`));
    assertEquals(line.includes("secret"), false);
    const aside = folder.names().find((name) => name.startsWith(`${file}.damaged-`));
    assertEquals(Deno.readTextFileSync(`${folder.path}/${aside}`), "secret\nof somebody");
  });
}

Deno.test("what stands in the place of a folder is set aside, a link to none is refused", async () => {
  using folder = new StateFolder();
  const path = `${folder.path}/workloads`;
  requireFolder(path, folder);
  for (const kind of ["junk", "a FIFO"]) {
    REPLACEMENTS[kind](path);
    requireFolder(path, folder);
    assertEquals(folder.names().includes("workloads"), false);
    await folder.clock.advance(1);
  }
  assertEquals(folder.logger.shown.map((line) => line.replace(/.*: /, "")), [
    "it is a file",
    "it is a FIFO",
  ]);
  Deno.symlinkSync(`${folder.path}/elsewhere`, path);
  assertThrows(() => requireFolder(path, folder), ConfigError, "it is a link to");
  Deno.mkdirSync(`${folder.path}/elsewhere`);
  requireFolder(path, folder); // Such as one on a larger disk.
});
